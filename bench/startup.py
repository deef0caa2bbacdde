#!/usr/bin/env python3
"""Time from start to a healthy /v1/health, and resident memory when idle.

    bench/startup.py FACET MODELS_FOLDER [PICTURE]
"""

import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.request


def resident_mib(process):
    for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def start(facet, models, data):
    began = time.monotonic()
    process = subprocess.Popen(
        [facet, "serve", "--data", data, "--models", models, "--port", "0", "-s", "log.level=error"],
        stdout=subprocess.PIPE, text=True)
    url = process.stdout.readline().split()[-1]
    with urllib.request.urlopen(url + "/v1/health", timeout=30) as answer:
        assert answer.status == 200
    return process, url, time.monotonic() - began


def main():
    facet, models = sys.argv[1:3]
    seconds = []
    for _ in range(5):
        with tempfile.TemporaryDirectory() as data:
            process, _, took = start(facet, models, data)
            seconds.append(took)
            idle = resident_mib(process)
            process.terminate()
            process.wait()
    print(f"start to a healthy answer: median {sorted(seconds)[2]:.2f} s, slowest {max(seconds):.2f} s")
    print(f"resident when idle: {idle:.0f} MiB")


main()
