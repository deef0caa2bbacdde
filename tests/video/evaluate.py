#!/usr/bin/env python3
"""evaluate.py --clips DIR --results DIR [--markdown FILE]: rows found in video clips, against the truth.

DIR of clips: NAME.mp4 and NAME.json as make_clips.py writes them; what the truth means is said there.
DIR of results:

    gallery.json            {"match_threshold": 0.35, "people": {person: [[512 numbers], ...]}}
    NAME.RULE.json          of each clip, for the rules "facet" and "original":
        {"rule", "cpu_seconds", "video_seconds",
         "rows": [{"start", "end", "at", "box": [x1, y1, x2, y2], "track": [[t, x1, y1, x2, y2], ...] or null,
                   "embedding": [512 numbers]}]}

Times are seconds, boxes upright pixels of the clip; "at" is the moment of the row's best shot and "box" the face there.
A row of the original's rule (every 30th frame, one row a face) has start = end = at and no track.

What is counted. Vectors are normalised here.
    names       A row names the person of the gallery with the nearest vector, if the cosine is at least match_threshold.
    correct     It names somebody who is there: at "at" its box overlaps the true one (IoU of at least 0.3), and for at
                least half of start to end the person is on screen. At "at" it is enough that any of the face is seen.
    precision   Correct rows of those that name somebody. "unnamed" are the others, "stray" those whose box is on no face.
    recall      Appearances of which a row that names the person tells: the row overlaps it in time, and there its box (at
                "at", or a point of the track) overlaps the true one.
    covered     Share of the true time on screen within correct rows. A row of the original stands for the time of 30
                frames around it, which is to its advantage.
    errors      |start of the first correct row - true start| of each recalled appearance, and so for the end. Rows that
                bridge an absence of less than 2 seconds are held against start and end of the appearances together.
    split       Rows beyond the first of each recalled appearance; of them, how many begin within 0.3 s of a cut.
    switches    Changes of the true person under a track, and tracks are not asked while two true faces are as near.
"""

import argparse
import json
import pathlib
import sys
from typing import NamedTuple

import numpy as np

OVERLAP = 0.3  # IoU from which two boxes are of one face
THERE = 0.5  # part of a row's time for which its person must be on screen
BRIDGE_SECONDS = 2.0
CUT_SECONDS = 0.3
ORIGINAL_STEP = 30  # frames
RULES = ("facet", "original")


class Figures(NamedTuple):
    """Of one clip by one rule, or of all clips."""
    seconds: float
    cpu_seconds: float
    appearances: int
    recalled: int
    rows: int
    named: int
    correct: int
    stray: int
    true_time: float
    covered_time: float
    start_errors: list
    end_errors: list
    splits: int
    splits_at_cuts: int
    switches: int

    @property
    def recall(self):
        return self.recalled / self.appearances if self.appearances else None

    @property
    def precision(self):
        return self.correct / self.named if self.named else None

    @property
    def covered(self):
        return self.covered_time / self.true_time if self.true_time else None

    @property
    def rows_per_minute(self):
        return self.rows / self.seconds * 60


def iou(one, other):
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    if across <= 0 or down <= 0:
        return 0.0
    both = across * down
    return both / ((one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1]) - both)


class Appearance:
    """A true stay on screen."""

    def __init__(self, record, slack):
        self.person = record["person"]
        self.start, self.end = record["start"], record["end"]
        self.keys = np.array(record["boxes"], dtype=float)
        self.slack = slack  # seconds by which a time may be rounded: half a frame

    def box(self, t):
        """The face at t, or None where nothing of it is seen."""
        times = self.keys[:, 0]
        if not times[0] - self.slack <= t <= times[-1] + self.slack:
            return None
        return [float(np.interp(t, times, self.keys[:, k])) for k in range(1, 5)]


def faces_at(appearances, t):
    """person -> box"""
    found = {}
    for one in appearances:
        box = one.box(t)
        if box is not None:
            found[one.person] = box
    return found


class Gallery:
    def __init__(self, record):
        self.threshold = record["match_threshold"]
        self.people = {name: np.array([unit(one) for one in vectors]) for name, vectors in record["people"].items()}

    def name(self, embedding):
        """The nearest person, None below the threshold."""
        cosine, name = max((float((vectors @ unit(embedding)).max()), name) for name, vectors in self.people.items())
        return name if cosine >= self.threshold else None


def unit(vector):
    vector = np.asarray(vector, dtype=float)
    length = np.linalg.norm(vector)
    if not np.isfinite(length) or length == 0:
        raise ValueError("an embedding without a direction")
    return vector / length


def overlap(one, other):
    """Seconds that two (start, end) share."""
    return max(0.0, min(one[1], other[1]) - max(one[0], other[0]))


def union(spans):
    """Joined and in order, without overlap."""
    joined = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1][1] = max(joined[-1][1], end)
        else:
            joined.append([start, end])
    return joined


class Row:
    def __init__(self, record, gallery):
        self.start, self.end, self.at = record["start"], record["end"], record["at"]
        if not self.start <= self.at <= self.end:
            raise ValueError(f"a row from {self.start} to {self.end} has its best shot at {self.at}")
        self.box = record["box"]
        self.track = record.get("track") or []
        self.name = gallery.name(record["embedding"])
        self.correct = False

    def is_correct(self, stays):
        """stays: the appearances of the person it names."""
        if not any(self.sees(one, self.at, self.box) for one in stays):
            return False
        there = sum(overlap((self.start, self.end), span)
                    for span in union((one.keys[0, 0] - one.slack, one.keys[-1, 0] + one.slack) for one in stays))
        return self.start == self.end or there >= THERE * (self.end - self.start)

    def tells_of(self, one):
        """Whether the appearance is recalled by this row, which names its person."""
        points = [(self.at, self.box), *((point[0], point[1:]) for point in self.track)]
        return any(self.sees(one, t, box) for t, box in points)

    @staticmethod
    def sees(one, t, box):
        true = one.box(t)
        return true is not None and iou(true, box) >= OVERLAP

    def switches(self, appearances):
        count, before = 0, None
        for t, *box in self.track:
            near = [name for name, true in faces_at(appearances, t).items() if iou(true, box) >= OVERLAP]
            if len(near) == 1:
                count += before is not None and near[0] != before
                before = near[0]
        return count


def bridged(stays, rows):
    """Groups of appearances of one person that some row tells of together, over short absences."""
    groups = []
    for one in stays:
        last = groups[-1][-1] if groups else None
        if (last is not None and one.start - last.end < BRIDGE_SECONDS
                and any(row.tells_of(last) and row.tells_of(one) for row in rows)):
            groups[-1].append(one)
        else:
            groups.append([one])
    return groups


def evaluate(truth, result, gallery):
    """Figures of one result; truth and result as read from JSON, gallery a Gallery."""
    slack = 0.5 / truth["fps"] + 1e-6
    appearances = [Appearance(one, slack) for one in truth["appearances"]]
    unknown = {one.person for one in appearances} - set(gallery.people)
    if unknown:
        raise ValueError(f"not in the gallery: {', '.join(sorted(unknown))}")
    if result["rule"] not in RULES:
        raise ValueError(f"no rule {result['rule']!r}")
    if abs(result["video_seconds"] - truth["duration"]) > 0.5:
        raise ValueError(f"the result is of {result['video_seconds']} s, the clip lasts {truth['duration']} s")
    reach = ORIGINAL_STEP / truth["fps"] / 2 if result["rule"] == "original" else 0.0
    rows = sorted((Row(one, gallery) for one in result["rows"]), key=lambda row: row.start)

    recalled = splits = splits_at_cuts = 0
    true_time = covered_time = 0.0
    start_errors, end_errors = [], []
    for person in sorted({one.person for one in appearances}):
        stays = [one for one in appearances if one.person == person]
        own = [row for row in rows if row.name == person]
        for row in own:
            row.correct = row.is_correct(stays)
        correct = [row for row in own if row.correct]
        covered = union((row.start - reach, row.end + reach) for row in correct)
        for one in stays:
            telling = [row for row in own if row.tells_of(one)]
            recalled += bool(telling)
            splits += max(0, len(telling) - 1)
            splits_at_cuts += sum(any(abs(row.start - cut) <= CUT_SECONDS for cut in truth["cuts"])
                                  for row in telling[1:])
            true_time += one.end - one.start
            covered_time += sum(overlap((one.start, one.end), span) for span in covered)
        for together in bridged(stays, correct):
            telling = [row for row in correct if any(row.tells_of(one) for one in together)]
            if telling:
                start_errors.append(abs(min(row.start for row in telling) - together[0].start))
                end_errors.append(abs(max(row.end for row in telling) - together[-1].end))
    stray = sum(not any(iou(true, row.box) >= OVERLAP for true in faces_at(appearances, row.at).values())
                for row in rows)
    return Figures(
        seconds=truth["duration"], cpu_seconds=result["cpu_seconds"], appearances=len(appearances), recalled=recalled,
        rows=len(rows), named=sum(row.name is not None for row in rows), correct=sum(row.correct for row in rows),
        stray=stray, true_time=true_time, covered_time=covered_time, start_errors=start_errors, end_errors=end_errors,
        splits=splits, splits_at_cuts=splits_at_cuts, switches=sum(row.switches(appearances) for row in rows))


def total(figures):
    """All clips as if they were one."""
    return Figures(*(sum((one[k] for one in figures), [] if isinstance(figures[0][k], list) else 0)
                     for k in range(len(Figures._fields))))


HEADER = ("clip", "rule", "recall", "precision", "unnamed", "stray", "covered", "start error", "end error", "split",
          "at cuts", "switches", "rows/min", "fewer rows", "CPU s/min", "less CPU")


def share(value):
    return "-" if value is None else f"{value:.2f}"


def errors(values):
    """Median and largest, in seconds."""
    return f"{np.median(values):.2f} / {max(values):.2f}" if values else "-"


def ratio(one, other):
    return f"{one / other:.1f}x" if other else "-"


def line(clip, rule, one, original):
    """original: the figures by its rule for comparison, None in its own line and where it was not measured."""
    return (clip, rule, f"{share(one.recall)} ({one.recalled}/{one.appearances})",
            f"{share(one.precision)} ({one.correct}/{one.named})", str(one.rows - one.named), str(one.stray),
            share(one.covered), errors(one.start_errors), errors(one.end_errors), str(one.splits),
            str(one.splits_at_cuts), str(one.switches), f"{one.rows_per_minute:.1f}",
            ratio(original.rows, one.rows) if original else "", f"{one.cpu_seconds / one.seconds * 60:.2f}",
            ratio(original.cpu_seconds, one.cpu_seconds) if original else "")


def table(figures):
    """figures: clip -> rule -> Figures, in order. A line for each, then all clips that have both rules."""
    lines = []
    both = {clip: rules for clip, rules in figures.items() if set(rules) == set(RULES)}
    shown = dict(figures)
    if len(both) > 1:
        shown["all"] = {rule: total([rules[rule] for rules in both.values()]) for rule in RULES}
    for clip, rules in shown.items():
        for rule in RULES:
            if rule in rules:
                original = rules.get("original") if rule == "facet" else None
                lines.append(line(clip, rule, rules[rule], original))
    return lines


def as_text(lines):
    widths = [max(len(row[k]) for row in [HEADER, *lines]) for k in range(len(HEADER))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
                     for row in [HEADER, *lines])


def as_markdown(lines):
    rows = [HEADER, ("---",) * len(HEADER), *lines]
    return "".join("| " + " | ".join(row) + " |\n" for row in rows)


def read(path):
    return json.loads(path.read_text())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--clips", type=pathlib.Path, required=True)
    parser.add_argument("--results", type=pathlib.Path, required=True)
    parser.add_argument("--markdown", type=pathlib.Path, help="write the table there, too")
    options = parser.parse_args()
    gallery = Gallery(read(options.results / "gallery.json"))
    figures = {}
    for path in sorted(options.clips.glob("*.json")):
        for rule in RULES:
            found = options.results / f"{path.stem}.{rule}.json"
            if found.is_file():
                figures.setdefault(path.stem, {})[rule] = evaluate(read(path), read(found), gallery)
    if not figures:
        sys.exit(f"{options.results} has no result of a clip of {options.clips}")
    lines = table(figures)
    print(as_text(lines))
    if options.markdown:
        options.markdown.write_text(as_markdown(lines))


if __name__ == "__main__":
    main()
