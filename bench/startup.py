#!/usr/bin/env python3
"""Time from start to a healthy /v1/health, and resident memory when idle.

    bench/startup.py FACET MODELS_FOLDER
"""

import sys
import time
import urllib.request

from serving import memory_mib, serving


def main():
    facet, models = sys.argv[1:]
    seconds = []
    for _ in range(5):
        began = time.monotonic()
        with serving(facet, models) as (process, url):
            with urllib.request.urlopen(url + "/v1/health", timeout=30) as answer:
                assert answer.status == 200
            seconds.append(time.monotonic() - began)
            idle = memory_mib(process.pid)
    print(f"start to a healthy answer: median {sorted(seconds)[2]:.2f} s, slowest {max(seconds):.2f} s")
    print(f"resident when idle: {idle:.0f} MiB")


main()
