"""Draws video clips from photographs and writes down who is where: what make_clips.py is made with.

A clip is a function of time that says which background and which portraits are shown. A portrait is an oval with a
soft edge, cut from a photograph around the one face in it and moved by a similarity (sub-pixel, bilinear), so the
place of its face is known exactly in every frame.
"""

import csv
import json
import math
import pathlib
import subprocess
from typing import Callable, NamedTuple

import numpy as np

FPS = 30
FACE_HEIGHT = 200  # largest height of a face in a portrait's own pixels
OVAL = (0.95, 1.05)  # half axes of the oval, in heights of the face
EDGE = 0.12  # width of the soft edge, as a part of the half axis
VISIBLE = 0.5  # a face is visible while this part of its box is inside the frame and not covered
HIDDEN_SECONDS = 1.0  # covered for less than this, a stay goes on
TOLERANCE = 0.5  # pixels by which a box between two key frames may be off
GRID = (np.arange(16) + 0.5) / 16  # where a box is probed for visibility


class Person(NamedTuple):
    name: str
    photo: str  # below the folder of the photographs; width and height are checked
    size: tuple  # width, height
    face: tuple  # x1, y1, x2, y2 in its pixels
    gallery: list  # other photographs


class Pose(NamedTuple):
    """Where a portrait is: the middle of its face and the width of the face, in pixels of the frame."""
    x: float
    y: float
    width: float
    angle: float = 0.0  # degrees, clockwise
    gain: float = 1.0  # of the brightness
    turn: float = 0.0  # by which the middle of the face is pushed aside, in widths of the face
    blur: float = 0.0  # index into BLURS, may lie between two


class Scene(NamedTuple):
    background: np.ndarray  # packed
    layers: list  # (Portrait, Pose), the last one in front


class Clip(NamedTuple):
    name: str
    what: str  # one sentence: what is shown and how it moves
    width: int
    height: int
    seconds: float
    scene: Callable[[float], Scene]
    cuts: tuple = ()  # seconds
    noise: int = 3  # strength of the sensor noise, 0 for none
    variable: bool = False  # variable frame rate
    turned: bool = False  # stored sideways, with a display matrix


BLURS = (0.0, 1.0, 2.0, 4.0, 7.0, 11.0)  # standard deviations in pixels of the portrait


def people(table=pathlib.Path(__file__).with_name("people.csv")):
    """The cast: name -> Person, from people.csv (boxes as `facet faces` finds them with tests/packs/standin.toml)."""
    cast, gallery = {}, {}
    with open(table, newline="") as file:
        for row in csv.DictReader(file):
            if row["use"] == "gallery":
                gallery.setdefault(row["person"], []).append(row["photo"])
            else:
                cast[row["person"]] = row
    return {name: Person(name, row["photo"], (int(row["width"]), int(row["height"])),
                         tuple(float(row[key]) for key in ("x1", "y1", "x2", "y2")), gallery[name])
            for name, row in cast.items()}


def read_photo(path, size, crop=None, out=None):
    """Decodes to uint8 RGB; `crop` is (x, y, width, height) in pixels of the photo, `out` the wanted (width, height)."""
    probe = subprocess.run(["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "stream=width,height",
                            "-of", "csv=p=0", path], check=True, capture_output=True, text=True, timeout=60)
    found = tuple(int(one) for one in probe.stdout.strip().strip(",").split(",")[:2])
    if size is not None and found != size:
        raise ValueError(f"{path} is {found}, not {size}: another picture than people.csv is about")
    x, y, width, height = crop or (0, 0, *found)
    out = out or (width, height)
    pixels = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", path, "-vf",
         f"crop={width}:{height}:{x}:{y}:exact=1,scale={out[0]}:{out[1]}:flags=area+accurate_rnd",
         "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
        check=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=60).stdout
    return np.frombuffer(pixels, np.uint8).reshape(out[1], out[0], 3)


def blurred(pixels, sigma):
    """Gaussian blur of a float picture; the border is repeated."""
    if sigma == 0:
        return pixels
    reach = math.ceil(3 * sigma)
    kernel = np.exp(-np.arange(-reach, reach + 1) ** 2 / (2 * sigma**2)).astype(np.float32)
    kernel /= kernel.sum()
    for axis in (0, 1):
        padding = [(reach, reach) if one == axis else (0, 0) for one in range(pixels.ndim)]
        padded = np.pad(pixels, padding, mode="edge")
        length = pixels.shape[axis]
        pixels = sum(weight * padded.take(range(k, k + length), axis=axis) for k, weight in enumerate(kernel))
    return pixels


class Portrait:
    """A face cut from a photograph, with an oval mask, at several sizes and degrees of blur."""

    def __init__(self, folder, person, blurs=BLURS[:1]):
        x1, y1, x2, y2 = person.face
        height = y2 - y1
        axes = np.array(OVAL) * height
        middle = np.array([(x1 + x2) / 2, (y1 + y2) / 2 + 0.05 * height])
        low = np.maximum(np.floor(middle - axes), 0).astype(int)
        high = np.minimum(np.ceil(middle + axes), person.size).astype(int)
        scale = min(1.0, FACE_HEIGHT / height)
        self.size = np.round((high - low) * scale).astype(int)
        factor = self.size / (high - low)
        self.person = person.name
        self.face = np.array([[x1, y1], [x2, y2]] - low) * factor
        self.middle = self.face.mean(axis=0)
        self.axes = np.minimum(axes, np.minimum(middle - low, high - middle)) * factor
        self.oval = (middle - low) * factor
        pixels = read_photo(str(folder / person.photo), person.size, (*low, *(high - low)), tuple(self.size))
        y, x = np.mgrid[0:self.size[1], 0:self.size[0]]
        radius = np.hypot((x + 0.5 - self.oval[0]) / self.axes[0], (y + 0.5 - self.oval[1]) / self.axes[1])
        alpha = np.clip((1 - radius) / EDGE, 0, 1)[..., None]
        sharp = np.concatenate([pixels * alpha, 255 * alpha], axis=2).astype(np.float32)  # colour times alpha, alpha
        # levels[b][m]: blurred by blurs[b], shrunk by 2^m
        self.levels = [shrunk(blurred(sharp, sigma)) for sigma in blurs]

    @property
    def face_width(self):
        return self.face[1, 0] - self.face[0, 0]

    def box(self, pose):
        """x1, y1, x2, y2 of the face in the frame; it does not grow when the head leans."""
        half = (self.face[1] - self.face[0]) / 2 * (pose.width / self.face_width)
        return np.array([pose.x - half[0], pose.y - half[1], pose.x + half[0], pose.y + half[1]])

    def covers(self, pose, x, y):
        """Which points of the frame lie under the oval."""
        u, v = self.back(pose, x, y)
        return np.hypot((u - self.oval[0]) / self.axes[0], (v - self.oval[1]) / self.axes[1]) < 1 - EDGE / 2

    def back(self, pose, x, y):
        """From the frame to the portrait; x and y broadcast."""
        scale = self.face_width / pose.width
        sine, cosine = (float(scale * one(math.radians(pose.angle))) for one in (math.sin, math.cos))
        x, y = x - float(pose.x), y - float(pose.y)  # Python's floats leave float32 as it is
        return float(self.middle[0]) + cosine * x + sine * y, float(self.middle[1]) - sine * x + cosine * y

    def draw(self, frame, pose):
        """Lays the portrait over a packed frame."""
        scale = float(pose.width / self.face_width)
        lean = math.radians(pose.angle)
        sine, cosine = math.sin(lean), math.cos(lean)
        offset = (self.oval - self.middle) * scale
        middle = np.array([pose.x + cosine * offset[0] - sine * offset[1],
                           pose.y + sine * offset[0] + cosine * offset[1]])
        reach = np.hypot(self.axes * cosine, self.axes[::-1] * sine) * scale  # of the box around the leaning oval
        low = np.maximum(np.floor(middle - reach), 0).astype(int)
        high = np.minimum(np.ceil(middle + reach), frame.shape[::-1]).astype(int)
        if (low >= high).any():
            return
        x = np.arange(low[0], high[0], dtype=np.float32)[None, :] + 0.5
        y = np.arange(low[1], high[1], dtype=np.float32)[:, None] + 0.5
        u, v = self.back(pose, x, y)
        if pose.turn:  # a bump that moves the middle of the face most, as when a head turns
            width, (x, y) = float(self.face_width), map(float, self.middle)
            u = u - float(pose.turn) * width * np.exp(-((u - x) ** 2 + (v - y) ** 2) / (2 * (0.45 * width) ** 2))
        shrink = min(max(0, int(-math.log2(scale))), len(self.levels[0]) - 1)
        sharper = min(int(pose.blur), len(self.levels) - 1)
        colour = sample(self.levels[sharper][shrink], u, v, shrink)
        if pose.blur > sharper:
            share = np.uint64(256 * (pose.blur - sharper))
            colour = between(colour, sample(self.levels[sharper + 1][shrink], u, v, shrink), share)
        part = frame[low[1]:high[1], low[0]:high[0]]
        alpha = colour >> np.uint64(48)
        alpha += alpha >> np.uint64(7)  # 0 to 256
        bright = colour * np.uint64(round(128 * pose.gain)) >> np.uint64(7) & BRIGHT
        mixed = (part * (np.uint64(256) - alpha) >> np.uint64(8) & MASK) + bright
        channels = mixed.view(np.uint16)
        np.minimum(channels, 255, out=channels)
        part[:] = mixed


# A lane of 16 bits holds a channel of 8; what a shift brings in from the next lane is masked.
MASK = np.uint64(0x00FF00FF00FF00FF)
BRIGHT = np.uint64(0x01FF01FF01FF01FF)  # a bit more, for what is too bright
ROUND = np.uint64(0x0080008000800080)


def packed(pixels):
    """Three or four channels of 8 bits as one number of 64 bits, so that one operation does all of them."""
    lanes = np.zeros((*pixels.shape[:2], 4), np.uint16)
    lanes[..., :pixels.shape[2]] = pixels
    return lanes.view(np.uint64)[..., 0]


def unpacked(frame):
    """Height x width x 4, uint8; the last channel means nothing."""
    return frame.view(np.uint16).astype(np.uint8).reshape(*frame.shape, 4)


def between(one, other, share):
    """share: 0 for one to 256 for the other."""
    return (one * (np.uint64(256) - share) + other * share + ROUND) >> np.uint64(8) & MASK


def shrunk(pixels):
    """The picture and its halves, packed, down to a face of some 25 pixels; a border of nothing around each."""
    levels = []
    for _ in range(4):
        levels.append(np.pad(packed((pixels + 0.5).astype(np.uint8)), 1))
        pixels = pixels[:pixels.shape[0] // 2 * 2, :pixels.shape[1] // 2 * 2]
        pixels = (pixels[0::2, 0::2] + pixels[1::2, 0::2] + pixels[0::2, 1::2] + pixels[1::2, 1::2]) / 4
    return levels


def sample(pixels, u, v, shrink):
    """Bilinear, to 1/256 of a pixel; nothing outside. u, v in pixels before shrinking by 2^shrink."""
    height, width = pixels.shape
    u = np.clip(u * (256 / 2**shrink) + 128, 0, 256 * (width - 1) - 1).astype(np.int64)  # half a pixel, and the border
    v = np.clip(v * (256 / 2**shrink) + 128, 0, 256 * (height - 1) - 1).astype(np.int64)
    at = (v >> 8) * width + (u >> 8)
    across, down = (u & 255).astype(np.uint64), (v & 255).astype(np.uint64)
    flat = pixels.reshape(-1)
    upper = between(flat.take(at, mode="clip"), flat.take(at + 1, mode="clip"), across)
    at += width
    lower = between(flat.take(at, mode="clip"), flat.take(at + 1, mode="clip"), across)
    return between(upper, lower, down)


def shown(scene, width, height):
    """person -> (box, part of it inside the frame, part of it inside and not covered)."""
    found = {}
    for index, (portrait, pose) in enumerate(scene.layers):
        box = portrait.box(pose)
        x = (box[0] + (box[2] - box[0]) * GRID)[None, :]
        y = (box[1] + (box[3] - box[1]) * GRID)[:, None]
        inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        free = inside.copy()
        for other, where in scene.layers[index + 1:]:
            free &= ~other.covers(where, x, y)
        if portrait.person in found:
            raise ValueError(f"{portrait.person} is on screen twice")
        found[portrait.person] = (box, inside.mean(), free.mean())
    return found


def key_frames(times, boxes):
    """As few [t, x1, y1, x2, y2] as keep the line between two of them within TOLERANCE of every frame."""
    kept, start = [0], 0
    for end in range(2, len(times)):
        share = ((times[start + 1:end] - times[start]) / (times[end] - times[start]))[:, None]
        line = boxes[start] + share * (boxes[end] - boxes[start])
        if np.abs(line - boxes[start + 1:end]).max() > TOLERANCE:
            start = end - 1
            kept.append(start)
    if len(times) > 1:
        kept.append(len(times) - 1)
    return [[round(float(times[k]), 4), *(round(float(one), 1) for one in boxes[k])] for k in kept]


def stays(person, times, states):
    """The appearances of a person. states: one (box, inside, free) or None for each frame."""
    inside = np.array([state is not None and state[1] >= VISIBLE for state in states])
    free = np.array([state is not None and state[2] >= VISIBLE for state in states])
    some = np.array([state is not None and state[2] > 0 for state in states])
    runs, frame = [], 0
    while frame < len(times):
        if free[frame]:
            first = frame
            while frame + 1 < len(times) and free[frame + 1]:
                frame += 1
            runs.append([first, frame])
        frame += 1
    joined = []
    for run in runs:
        if (joined and inside[joined[-1][1]:run[0]].all()
                and times[run[0]] - times[joined[-1][1]] < HIDDEN_SECONDS):
            joined[-1][1] = run[1]
        else:
            joined.append(run)
    result = []
    for first, last in joined:
        low, high = first, last  # with the frames at either end that show less of the face
        while low > 0 and some[low - 1] and not free[low - 1]:
            low -= 1
        while high + 1 < len(times) and some[high + 1] and not free[high + 1]:
            high += 1
        boxes = np.array([states[k][0] for k in range(low, high + 1)])
        result.append({"person": person, "start": round(float(times[first]), 4), "end": round(float(times[last]), 4),
                       "boxes": key_frames(times[low:high + 1], boxes)})
    return result


def kept_frames(count):
    """Numbers and times of the frames of a clip with variable rate; the same rules as UNSTEADY."""
    numbers = [n for n in range(count) if n % (1, 3, 1, 7)[n // (2 * FPS) % 4] == 0]
    return numbers, [n / FPS + 0.004 * math.sin(k) for k, n in enumerate(numbers)]


# 30, 10, 30 and 4 frames a second by turns of two seconds, each frame up to 4 ms early or late.
UNSTEADY = ["select='not(mod(n,if(eq(mod(floor(n/60),4),1),3,if(eq(mod(floor(n/60),4),3),7,1))))'",
            "settb=1/90000", "setpts='PTS+round(360*sin(N))'"]


def encode(clip, path, frames):
    """frames: packed pictures, FPS a second. H.264 in MP4, one thread, so that the same pictures give the same file."""
    filters = ["format=yuv420p", *([f"noise=c0s={clip.noise}:c0f=t:c0_seed=7"] if clip.noise else [])]
    if clip.turned:
        filters.append("transpose=cclock")
    raw = path.with_suffix(".part.mp4")
    command = ["ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb0", "-s", f"{clip.width}x{clip.height}",
               "-r", str(FPS), "-i", "-"]
    if clip.variable:
        filters += UNSTEADY
        command += ["-fps_mode", "passthrough", "-enc_time_base", "1/90000"]
    command += ["-vf", ",".join(filters), "-c:v", "libx264", "-preset", "veryfast", "-crf", "25",
                "-threads", "1", "-g", "60", "-fflags", "+bitexact", "-flags:v", "+bitexact", raw]
    process = subprocess.Popen([str(one) for one in command], stdin=subprocess.PIPE)
    for frame in frames:
        process.stdin.write(unpacked(frame).data)
    process.stdin.close()
    if process.wait(timeout=120) != 0:
        raise RuntimeError(f"ffmpeg could not encode {clip.name}")
    if clip.turned:
        turned = path.with_suffix(".turned.mp4")
        subprocess.run(["ffmpeg", "-v", "error", "-y", "-display_rotation:v:0", "270", "-i", raw, "-c", "copy",
                        "-fflags", "+bitexact", turned], check=True, stdin=subprocess.DEVNULL, timeout=60)
        raw.unlink()
        raw = turned
    raw.rename(path)


def make(clip, path, cast):
    """Writes the clip to path; returns its truth."""
    count = round(clip.seconds * FPS)
    numbers, times = kept_frames(count) if clip.variable else (range(count), [n / FPS for n in range(count)])
    time_of = dict(zip(numbers, times))
    states = []

    def frames():
        for n in range(count):
            scene = clip.scene(time_of.get(n, n / FPS))
            if n in time_of:
                states.append(shown(scene, clip.width, clip.height))
            frame = scene.background.copy()
            for portrait, pose in scene.layers:
                portrait.draw(frame, pose)
            yield frame

    encode(clip, path, frames())
    names = sorted({name for state in states for name in state})
    appearances = [one for name in names
                   for one in stays(name, np.array(times), [state.get(name) for state in states])]
    appearances.sort(key=lambda one: (one["start"], one["person"]))
    return truth(path, clip.what, clip.width, clip.height, FPS, len(times), clip.cuts, appearances, cast)


def truth(path, what, width, height, fps, frames, cuts, appearances, cast):
    seconds = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", path],
                             check=True, capture_output=True, text=True, timeout=60).stdout
    return {"clip": path.name, "what": what, "fps": fps, "frames": frames, "width": width, "height": height,
            "duration": float(seconds), "cuts": [round(one, 4) for one in cuts],
            "gallery": {person.name: person.gallery for person in cast.values()}, "appearances": appearances}


def write_json(path, value):
    part = path.with_suffix(".part")
    part.write_text(json.dumps(value) + "\n")
    part.rename(path)
