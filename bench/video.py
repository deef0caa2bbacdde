#!/usr/bin/env python3
"""video.py VIDEO_BENCH MODELS_FOLDER TESTDATA_FOLDER: appearances in clips with known truth, against the original's rule."""

import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
CLIPS = ROOT / ".dev/clips"
RESULTS = ROOT / ".dev/bench/video"

program, models, testdata = sys.argv[1:]
subprocess.run([sys.executable, ROOT / "tests/video/make_clips.py", "--out", CLIPS], check=True, stdout=subprocess.DEVNULL)
# A real one, whose times and places were written down by hand.
shutil.copyfile(ROOT / "tests/video/hamilton.json", CLIPS / "hamilton.json")
shutil.copyfile(pathlib.Path(testdata) / "video/hamilton.mp4", CLIPS / "hamilton.mp4")
# The two-hour clip is for the memory test.
clips = sorted(path for path in CLIPS.glob("*.json") if path.stem != "long")
subprocess.run([program, "--models", models, "--photos", testdata, "--out", RESULTS, *clips], check=True)
subprocess.run([sys.executable, ROOT / "tests/video/evaluate.py", "--clips", CLIPS, "--results", RESULTS], check=True)
