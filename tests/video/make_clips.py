#!/usr/bin/env python3
"""make_clips.py [--out DIR] [--only NAME...]: video clips of named people, with the truth about who is seen when.

They are drawn from photographs of FACET_TESTDATA (people.csv says which); no photograph that is in a clip is in the
gallery. Beside NAME.mp4 stands NAME.json:

    clip, what                  name of the file; what it shows
    fps, frames                 of a clip with variable frame rate: the highest rate
    width, height, duration     upright pixels; seconds
    cuts                        times of the first frames after hard cuts
    gallery                     person -> photographs below FACET_TESTDATA; the same whole cast for every clip
    appearances                 person, start, end, boxes: [[t, x1, y1, x2, y2], ...]

An appearance is one continuous stay of a person on the screen. start and end are the times of the first and last frame
in which the face is visible: at least half of its box is inside the frame and not covered by another person. A face
inside the frame that is covered for less than a second has not left. A cut does not end a stay of somebody who is seen
on both sides of it, nor does lack of focus. boxes are key frames, in upright pixels, straight lines between them, within
half a pixel; they reach beyond start and end while any of the face is seen, which is no error to report. They are the
box that the detector of the tests found in the photograph, moved as the photograph is. Frame n of a clip with constant
rate is shown at n / fps.

The same pictures and ffmpeg give the same files. A clip that is there already, made by the same code, is kept.
"""

import argparse
import concurrent.futures
import hashlib
import json
import math
import os
import pathlib
import subprocess
import zlib

import numpy as np
import render
from render import Clip, Portrait, Pose, Scene

ROOT = pathlib.Path(__file__).resolve().parents[2]
WIDTH, HEIGHT = 640, 360
LONG_SECONDS, LONG_FPS, LONG_EVERY = 7200, 10, 300


class Studio:
    """Backgrounds and portraits, read once."""

    def __init__(self, folder, cast):
        self.folder = folder
        self.cast = cast
        self.portraits = {}

    def portrait(self, name, blurs=render.BLURS[:1]):
        if (name, blurs) not in self.portraits:
            self.portraits[name, blurs] = Portrait(self.folder, self.cast[name], blurs)
        return self.portraits[name, blurs]

    def background(self, number, width=WIDTH, height=HEIGHT, sigma=3.0):
        """One of five pieces of scenery without a face, out of focus."""
        photo = str(self.folder / ("noface/view.jpg", "noface/grass.jpg")[number % 2])
        whole = render.read_photo(photo, None)
        across = min(whole.shape[1], whole.shape[0] * width // height) * (10 - number) // 10
        down = across * height // width
        x = (whole.shape[1] - across) * (number * 37 % 100) // 100
        y = (whole.shape[0] - down) * (number * 59 % 100) // 100
        pixels = render.read_photo(photo, None, (x, y, across, down), (width, height))
        return render.packed((render.blurred(pixels.astype(np.float32), sigma) + 0.5).astype(np.uint8))

    def photo(self, name):
        """The whole photograph on black, the face in the middle of the height and 150 pixels high."""
        person = self.cast[name]
        x1, y1, x2, y2 = person.face
        scale = 150 / (y2 - y1)
        pixels = render.read_photo(str(self.folder / person.photo), person.size, None,
                                   tuple(round(one * scale) for one in person.size))
        frame = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        left, top = round(WIDTH / 2 - (x1 + x2) / 2 * scale), round(HEIGHT / 2 - (y1 + y2) / 2 * scale)
        low = max(0, left), max(0, top)
        high = min(WIDTH, left + pixels.shape[1]), min(HEIGHT, top + pixels.shape[0])
        frame[low[1]:high[1], low[0]:high[0]] = pixels[low[1] - top:high[1] - top, low[0] - left:high[0] - left]
        middle = (left + (x1 + x2) / 2 * scale, top + (y1 + y2) / 2 * scale)
        return render.packed(frame), Pose(*middle, (x2 - x1) * scale)


def path(t, *points):
    """Piecewise linear: points are (t, value)."""
    return float(np.interp(t, [one[0] for one in points], [one[1] for one in points]))


def moving(name, t, pose, strength=1.0):
    """Adds the small motion of somebody who sits still: sway, breath, leaning, brightness; of periods of his own."""
    phase = zlib.crc32(name.encode()) % 1000 / 1000 * 2 * math.pi

    def wave(period, shift):
        return strength * math.sin(2 * math.pi * t / period + phase * shift)

    return pose._replace(
        x=pose.x + pose.width * (0.04 * wave(5.3, 1) + 0.015 * wave(1.7, 2)),
        y=pose.y + pose.width * (0.03 * wave(4.1, 3) + 0.012 * wave(1.3, 4)),
        width=pose.width * (1 + 0.02 * wave(6.7, 5)), angle=pose.angle + 1.8 * wave(7.9, 6),
        gain=pose.gain * (1 + 0.04 * wave(3.1, 7) + 0.015 * wave(0.37, 8)))


def talking_head(studio):
    background, portrait = studio.background(0), studio.portrait("celeb_07")

    def scene(t):
        pose = moving("celeb_07", t, Pose(320, 165, 112, turn=0.09 * math.sin(t * 1.1) + 0.04 * math.sin(t * 2.7)))
        return Scene(background, [(portrait, pose)])

    return Clip("talking_head", "One person for a minute: one photograph that sways, leans, breathes and flickers, the "
                "middle of the face pushed to and fro as when a head turns.", WIDTH, HEIGHT, 60, scene)


def group(studio):
    names = ("Colin_Powell", "celeb_01", "George_W_Bush", "Gerhard_Schroeder", "celeb_08", "Vladimir_Putin")
    background = studio.background(2, 1280, 720)
    portraits = [studio.portrait(name) for name in names]

    def scene(t):
        return Scene(background, [
            (portrait, moving(name, t, Pose(230 + 410 * (k % 3), 180 + 350 * (k // 3), 92)))
            for k, (name, portrait) in enumerate(zip(names, portraits))])

    return Clip("group", "Six people for a minute, in two rows, each with a small motion of its own.", 1280, 720, 60,
                scene)


def entering_leaving(studio):
    background = studio.background(4)
    names = ("celeb_03", "Donald_Rumsfeld", "celeb_04")
    first, second, third = (studio.portrait(name) for name in names)

    def scene(t):
        layers = [
            (first, Pose(path(t, (1.0, -90), (2.4, 170), (5.6, 170), (7.1, -90)), 170, 84)),
            (second, Pose(path(t, (4.0, 730), (5.2, 460), (8.9, 430), (10.0, 740)), 180, 90)),
            (third, Pose(250, path(t, (8.2, 480), (9.5, 180), (12.1, 180), (13.3, 490)), 88))]
        return Scene(background, [(one, moving(name, t, pose)) for name, (one, pose) in zip(names, layers)])

    return Clip("entering_leaving", "Three people come in and go out one after the other: by the left edge, the right "
                "one, the lower one; two of them are together twice.", WIDTH, HEIGHT, 14, scene)


def crossing(studio):
    background = studio.background(1)
    behind, front = studio.portrait("celeb_02"), studio.portrait("Jacques_Chirac")

    def scene(t):
        poses = (Pose(path(t, (2.2, 140), (4.7, 500)), 170, 80), Pose(path(t, (2.2, 500), (4.7, 140)), 185, 96))
        return Scene(background, [(behind, moving("celeb_02", t, poses[0])),
                                  (front, moving("Jacques_Chirac", t, poses[1]))])

    return Clip("crossing", "Two people change places; one goes in front of the other and covers her for a moment.",
                WIDTH, HEIGHT, 7, scene)


SHOTS = (  # person, frames; of a length that no regular sampling falls into step with
    ("celeb_05", 41), ("Arnold_Schwarzenegger", 67), ("celeb_06", 103), ("celeb_05", 37), ("Colin_Powell", 5),
    ("celeb_03", 59), ("Arnold_Schwarzenegger", 112), ("Vladimir_Putin", 31), ("celeb_06", 85))


def cuts(studio):
    starts = np.cumsum([0, *(frames for _, frames in SHOTS)])
    backgrounds = [studio.background(k % 5) for k in range(len(SHOTS))]

    def scene(t):
        k = int(np.searchsorted(starts, round(t * render.FPS), side="right")) - 1
        name = SHOTS[k][0]
        pose = Pose(200 + 60 * (k * 7 % 5), 165 + 10 * (k % 3), 84 + 6 * (k % 4))
        return Scene(backgrounds[k], [(studio.portrait(name), moving(name, t, pose))])

    return Clip("cuts", "Hard cuts between people every 1 to 4 seconds, and one shot of five frames.", WIDTH, HEIGHT,
                starts[-1] / render.FPS, scene, tuple(starts[1:-1] / render.FPS))


def two_at_once(studio):
    background = studio.background(3)
    names = ("celeb_04", "George_W_Bush")
    portraits = [studio.portrait(name) for name in names]

    def scene(t):
        return Scene(background, [(portrait, moving(name, t, Pose(210 + 220 * k, 170, 92)))
                                  for k, (name, portrait) in enumerate(zip(names, portraits))])

    return Clip("two_at_once", "Two people side by side, all the time.", WIDTH, HEIGHT, 10, scene)


def zoom(studio):
    background, portrait = studio.background(0), studio.portrait("celeb_06")

    def scene(t):
        width = 40 * 4.2 ** (0.5 - 0.5 * math.cos(2 * math.pi * t / 10))
        return Scene(background, [(portrait, moving("celeb_06", t, Pose(330, 175, width), 0.5))])

    return Clip("zoom", "One person, the face from 40 pixels wide to 168 and back.", WIDTH, HEIGHT, 10, scene)


def blur(studio):
    background, portrait = studio.background(2), studio.portrait("celeb_08", render.BLURS)

    def scene(t):
        level = path(t, (3, 0), (5, len(render.BLURS) - 1), (6, len(render.BLURS) - 1), (8, 0))
        return Scene(background, [(portrait, moving("celeb_08", t, Pose(310, 170, 104, blur=level)))])

    return Clip("blur", "One person; out of focus between 3 and 8 seconds, most between 5 and 6.", WIDTH, HEIGHT, 11,
                scene)


def rotation(studio):
    backgrounds = [studio.background(k, 360, 640) for k in (1, 3)]
    names = ("Gerhard_Schroeder", "celeb_01")

    def scene(t):
        k = int(t >= 4)
        return Scene(backgrounds[k], [(studio.portrait(names[k]), moving(names[k], t, Pose(180, 260 + 40 * k, 110)))])

    return Clip("rotation", "As a phone held upright records: stored sideways with a display matrix; two people, one "
                "after the other.", 360, 640, 8, scene, (4.0,), turned=True)


def reentry(studio):
    background = studio.background(4)
    first, second = studio.portrait("Donald_Rumsfeld"), studio.portrait("celeb_02")

    def scene(t):
        x = path(t, (3.6, 330), (4.4, -80), (5.5, -80), (6.3, 330), (9.0, 330), (9.8, 720))
        return Scene(background, [
            (first, moving("Donald_Rumsfeld", t, Pose(x, 175, 92))),
            (second, moving("celeb_02", t, Pose(path(t, (11.2, 720), (12.0, 330)), 170, 84)))])

    return Clip("reentry", "Somebody leaves and is back after about 1.5 seconds, then leaves for good; later somebody "
                "else comes to the same place.", WIDTH, HEIGHT, 15, scene)


def jump_cuts(studio):
    background, portrait = studio.background(3), studio.portrait("celeb_03")
    frames = (73, 128, 181, 259)

    def scene(t):
        k = sum(round(t * render.FPS) >= one for one in frames)
        x, y, width = ((300, 170, 92), (322, 164, 100), (296, 176, 90), (340, 168, 106), (308, 170, 96))[k]
        # The background is moved with the camera.
        return Scene(np.roll(background, (x - 300) * 2, axis=1),
                     [(portrait, moving("celeb_03", t + 3 * k, Pose(x, y, width)))])

    return Clip("jump_cuts", "One person who stays while the picture jumps four times, by a quarter of the face at most.",
                WIDTH, HEIGHT, 10, scene, tuple(one / render.FPS for one in frames))


def slideshow(studio):
    names = ("celeb_07", "Colin_Powell", "celeb_05", "Jacques_Chirac", "celeb_04", "Arnold_Schwarzenegger")
    slides = [studio.photo(name) for name in names]

    def scene(t):
        frame, pose = slides[int(t // 2)]
        return Scene(frame, [(studio.portrait(names[int(t // 2)]), pose)])

    return Clip("slideshow", "Six still photographs, two seconds each, without any motion or noise.", WIDTH, HEIGHT, 12,
                scene, (2.0, 4.0, 6.0, 8.0, 10.0), noise=0)


def vfr(studio):
    background = studio.background(1)
    first, second = studio.portrait("celeb_01"), studio.portrait("Vladimir_Putin")

    def scene(t):
        return Scene(background, [
            (first, moving("celeb_01", t, Pose(path(t, (0, 180), (7, 240), (8.2, -90)), 170, 88))),
            (second, moving("Vladimir_Putin", t, Pose(path(t, (2.3, 730), (3.5, 430)), 185, 88)))])

    return Clip("vfr", "Variable frame rate, 30, 10, 30 and 4 a second by turns, with unsteady times; one person goes, "
                "one comes.", WIDTH, HEIGHT, 12, scene, variable=True)


def empty(studio):
    photo = studio.folder / "noface/view.jpg"
    wide = render.packed(render.read_photo(str(photo), None, None, (900, 534)))

    def scene(t):
        x, y = round(26 * t), round(17 * t)
        return Scene(wide[y:y + HEIGHT, x:x + WIDTH], [])

    return Clip("empty", "Scenery, and nobody.", WIDTH, HEIGHT, 10, scene)


CLIPS = (group, talking_head, entering_leaving, crossing, cuts, two_at_once, zoom, blur, rotation, reentry, jump_cuts,
         slideshow, vfr, empty)
NAMES = (*(one.__name__ for one in CLIPS), "long")


def make_long(studio, target):
    """Two hours of still scenery with one person for 20 seconds every five minutes; segments, joined as they are."""
    names = ("celeb_03", "George_W_Bush", "celeb_08", "Gerhard_Schroeder")
    background = studio.background(0)
    work = target.parent / ".long"
    work.mkdir(exist_ok=True)
    count = 20 * LONG_FPS

    def encode(name, frames, repeat):
        filters = ["-vf", f"loop={repeat}:1:0"] if repeat else []
        process = subprocess.Popen(
            ["ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb0", "-s", f"{WIDTH}x{HEIGHT}", "-r",
             str(LONG_FPS), "-i", "-", *filters, "-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "veryfast",
             "-crf", "27", "-threads", "1", "-g", "600", "-bf", "0", "-fflags", "+bitexact", "-flags:v", "+bitexact",
             "-video_track_timescale", "10240", str(work / name)], stdin=subprocess.PIPE)
        for frame in frames:
            process.stdin.write(render.unpacked(frame).data)
        process.stdin.close()
        if process.wait(timeout=300) != 0:
            raise RuntimeError(f"ffmpeg could not encode {name}")

    encode("still.mp4", [background], (LONG_EVERY - 20) * LONG_FPS - 1)
    visits = {}
    for name in names:
        portrait, states = studio.portrait(name), []

        def frames(name=name, portrait=portrait, states=states):
            for n in range(count):
                t = n / LONG_FPS
                pose = Pose(path(t, (1, -90), (3, 320), (17, 330), (19, 730)), 175, 96)
                scene = Scene(background.copy(), [(portrait, moving(name, t, pose))])
                states.append(render.shown(scene, WIDTH, HEIGHT).get(name))
                portrait.draw(scene.background, scene.layers[0][1])
                yield scene.background

        encode(f"{name}.mp4", frames(), 0)
        visits[name] = states
    appearances, segments = [], []
    for k in range(LONG_SECONDS // LONG_EVERY):
        name, start = names[k % len(names)], (k + 1) * LONG_EVERY - 20
        segments += ["still.mp4", f"{name}.mp4"]
        appearances += render.stays(name, np.arange(count) / LONG_FPS + start, visits[name])
    (work / "list.txt").write_text("".join(f"file '{one}'\n" for one in segments))
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "concat", "-i", work / "list.txt", "-c", "copy", "-fflags",
                    "+bitexact", target], check=True, stdin=subprocess.DEVNULL, timeout=300)
    for file in work.iterdir():
        file.unlink()
    work.rmdir()
    return render.truth(target, "Two hours of still scenery; every five minutes one of four people crosses it in 20 "
                        "seconds.", WIDTH, HEIGHT, LONG_FPS, LONG_SECONDS * LONG_FPS, (), appearances, studio.cast)


def make_one(name, folder, out, stamp):
    cast = render.people()
    studio = Studio(folder, cast)
    target = out / f"{name}.mp4"
    if name == "long":
        truth = make_long(studio, target)
    else:
        maker = next(one for one in CLIPS if one.__name__ == name)
        truth = render.make(maker(studio), target, cast)
    render.write_json(out / f"{name}.json", {**truth, "made_by": stamp})


def make_clips(out, folder, names=NAMES):
    """Makes those that are not there yet; returns the truth files."""
    out.mkdir(parents=True, exist_ok=True)
    sources = [pathlib.Path(__file__).with_name(one) for one in ("make_clips.py", "render.py", "people.csv")]
    stamp = hashlib.sha256(b"".join(one.read_bytes() for one in sources)).hexdigest()[:16]
    wanted = [name for name in names if not is_made(out, name, stamp)]
    with concurrent.futures.ProcessPoolExecutor(os.cpu_count()) as pool:
        for made in [pool.submit(make_one, name, folder, out, stamp) for name in wanted]:
            made.result()
    return [out / f"{name}.json" for name in names]


def is_made(out, name, stamp):
    try:
        made = json.loads((out / f"{name}.json").read_text())
    except (OSError, ValueError):
        return False
    return made.get("made_by") == stamp and (out / f"{name}.mp4").is_file()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / ".dev/clips")
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES, metavar="NAME")
    options = parser.parse_args()
    folder = pathlib.Path(os.environ.get("FACET_TESTDATA", ROOT.parent / "shared/testdata"))
    if not (folder / "identities.csv").is_file():
        parser.error("no labelled pictures: set FACET_TESTDATA")
    for path in make_clips(options.out, folder, options.only):
        print(path)


if __name__ == "__main__":
    main()
