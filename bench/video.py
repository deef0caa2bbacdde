#!/usr/bin/env python3
"""video.py VIDEO_BENCH MODELS_FOLDER TESTDATA_FOLDER: appearances in clips with known truth, against the original's rule;
and what both cost with models as large as buffalo_l's, of which bench/large_pack.py makes a twin for the pack standin."""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
CLIPS = ROOT / ".dev/clips"
RESULTS = ROOT / ".dev/bench/video"
LARGE_RESULTS = ROOT / ".dev/bench/video_large"
COMPARED = ("talking_head", "group")

program, models, testdata = sys.argv[1:]


def run(models, out, clips):
    subprocess.run([program, "--models", models, "--photos", testdata, "--out", out, *clips], check=True)


def outcome(results, clip, rule):
    return json.loads((results / f"{clip}.{rule}.json").read_text())


def print_ratios(pack, results):
    for clip in COMPARED:
        facet, original = (outcome(results, clip, rule)["cpu_seconds"] for rule in ("facet", "original"))
        print(f"{clip}, {pack}: the original's rule costs {original / facet:.1f} times what Facet costs")


subprocess.run([sys.executable, ROOT / "tests/video/make_clips.py", "--out", CLIPS], check=True, stdout=subprocess.DEVNULL)
# A real one, whose times and places were written down by hand.
shutil.copyfile(ROOT / "tests/video/hamilton.json", CLIPS / "hamilton.json")
shutil.copyfile(pathlib.Path(testdata) / "video/hamilton.mp4", CLIPS / "hamilton.mp4")
# The two-hour clip is for the memory test.
run(models, RESULTS, sorted(path for path in CLIPS.glob("*.json") if path.stem != "long"))
subprocess.run([sys.executable, ROOT / "tests/video/evaluate.py", "--clips", CLIPS, "--results", RESULTS], check=True)

active = pathlib.Path(models, "active")
pack = active.read_text().strip() if active.is_file() else "the active pack"
print_ratios(pack, RESULTS)
if pack != "standin":
    print("with large models: skipped, the active pack is not standin")
    sys.exit()
with tempfile.TemporaryDirectory() as scratch:
    large = pathlib.Path(scratch)
    subprocess.run([sys.executable, ROOT / "bench/large_pack.py", large / "large", pathlib.Path(models, pack)], check=True)
    (large / "active").write_text("large\n")
    run(large, LARGE_RESULTS, [CLIPS / f"{clip}.json" for clip in COMPARED])
print_ratios("large", LARGE_RESULTS)
for clip in COMPARED:
    for rule in ("facet", "original"):
        if outcome(LARGE_RESULTS, clip, rule)["rows"] != outcome(RESULTS, clip, rule)["rows"]:
            sys.exit(f"{clip}, {rule}: with the large pack the rows are others")
