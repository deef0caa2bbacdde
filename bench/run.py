#!/usr/bin/env python3
"""Runs the measurements of README.md, one after the other: bench/run.py [search|ingest|watch|startup ...]

Pictures come from FACET_TESTDATA; the models are the stand-in pack of tests/packs where its weights are
there (FACET_TESTMODELS), else the active pack of ./models.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / ".dev/build/release"


def models_folder(scratch):
    weights = pathlib.Path(os.environ.get("FACET_TESTMODELS", ROOT.parent / "shared/models"))
    if not weights.is_dir():
        return ROOT / "models"
    manifest = ROOT / "tests/packs/standin.toml"
    pack = scratch / "standin"
    pack.mkdir()
    shutil.copy(manifest, pack / "pack.toml")
    for line in manifest.read_text().splitlines():
        if line.startswith("file"):
            name = line.split('"')[1]
            os.symlink(weights / name, pack / name)
    (scratch / "active").write_text("standin\n")
    return scratch


def main():
    wanted = sys.argv[1:] or ["search", "ingest", "watch", "startup"]
    data = pathlib.Path(os.environ.get("FACET_TESTDATA", ROOT.parent / "shared/testdata"))
    with tempfile.TemporaryDirectory() as scratch:
        models = models_folder(pathlib.Path(scratch))
        commands = {
            "search": [BUILD / "bench/search_bench", "--million"],
            "ingest": [BUILD / "bench/ingest_bench", "--models", models, "--pictures", "100",
                       data / "lfw", data / "celebs", data / "people"],
            "watch": [BUILD / "bench/watch_bench", "--folder", ROOT / ".dev"],
            "startup": [ROOT / "bench/startup.py", BUILD / "bin/facet", models],
        }
        for name in wanted:
            print(f"== {name}", flush=True)
            subprocess.run([str(part) for part in commands[name]], check=True)


main()
