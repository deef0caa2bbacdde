#!/usr/bin/env python3
"""Runs the measurements of README.md and docs/, one after the other:
bench/run.py [search|ingest|watch|startup|tasks|video|load|vectors|servers ...]

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
    wanted = sys.argv[1:] or ["search", "ingest", "watch", "startup", "tasks", "video", "load", "vectors", "servers"]
    data = pathlib.Path(os.environ.get("FACET_TESTDATA", ROOT.parent / "shared/testdata"))
    # What is durable must lie on a disk, which /tmp may not.
    os.environ["TMPDIR"] = str(ROOT / ".dev/bench")
    os.makedirs(os.environ["TMPDIR"], exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        models = models_folder(pathlib.Path(scratch))
        pictures = ["--models", models, "--pictures", "100",
                    data / "lfw", data / "celebs", data / "people"]
        commands = {
            "search": [[BUILD / "bench/search_bench", "--million"]],
            "ingest": [[BUILD / "bench/ingest_bench", *pictures]],
            "watch": [[BUILD / "bench/watch_bench", "--folder", ROOT / ".dev"]],
            "startup": [[ROOT / "bench/startup.py", BUILD / "bin/facet", models]],
            "tasks": [[BUILD / "bench/tasks_bench", "--folder", ROOT / ".dev"],
                      [ROOT / "bench/celery_bench.py", BUILD / "bin/celery_probe"]],
            "video": [[ROOT / "bench/video.py", BUILD / "bench/video_bench", models, data],
                      [ROOT / "bench/video_memory.py", BUILD / "bin/facet", models, ROOT / ".dev/clips/long.mp4"]],
            "load": [[ROOT / "bench/load_bench.py", BUILD / "bin/facet", models, data / "people/obama_1.jpg"]],
            "vectors": [[ROOT / "bench/servers_bench.py", "vectors", "100000"]],
            "servers": [[ROOT / "bench/servers_bench.py", "ingest", *pictures]],
        }
        for name in wanted:
            print(f"== {name}", flush=True)
            for command in commands[name]:
                subprocess.run([str(part) for part in command], check=True)


main()
