#!/usr/bin/env python3
"""No-op tasks per second on Redis (fsync everysec): Facet's worker against the stock Celery worker.

    celery_bench.py PROBE [--tasks N] [--rounds N]

The same messages, sent by Celery's own client before a worker starts; the clock runs from the first result to
the last, and rounds of the two workers alternate. Both have two slots, store results and send events.
"""

import argparse
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
import celery  # noqa: E402
from redis_server import RedisServer, die_with_parent  # noqa: E402


def send(url, count):
    app = celery.Celery("celery_tasks", broker=url, backend=url)
    began = time.monotonic()
    with app.producer_pool.acquire() as producer:
        ids = [app.send_task("celery_tasks.add", (1, 2), producer=producer, ignore_result=False).id
               for _ in range(count)]
    sent = count / (time.monotonic() - began)
    app.close()
    return ids, sent


def drained(server, ids):
    """Results per second from the first to the last one."""
    keys = [f"celery-task-meta-{one}" for one in ids]
    client = server.client()

    def results():
        return sum(client.exists(*keys[at:at + 1000]) for at in range(0, len(keys), 1000))

    deadline = time.monotonic() + 600
    while not (first := results()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    began = time.monotonic()
    # Seldom and cheap: looking must not be what is measured.
    while not client.exists(keys[-1]):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    while results() < len(keys):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return (len(keys) - first) / (time.monotonic() - began)


def run(command, server, ids, **more):
    worker = subprocess.Popen([str(part) for part in command], preexec_fn=die_with_parent,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **more)
    try:
        return drained(server, ids)
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait(30)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("probe")
    parser.add_argument("--tasks", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    server = RedisServer("redis-server", "--appendonly", "yes", "--appendfsync", "everysec")
    rates = {"sent": [], "facet": [], "celery": []}
    try:
        with tempfile.TemporaryDirectory() as folder:
            for number in range(given.rounds):
                for name in ("facet", "celery"):
                    server.client().flushall()
                    ids, sent = send(server.url, given.tasks)
                    rates["sent"].append(sent)
                    if name == "facet":
                        rates[name].append(run(
                            [given.probe, "--redis", server.url, "--folder", folder, "--node",
                             "bench@facet", "--slots", "2"], server, ids))
                    else:
                        rates[name].append(run(
                            [sys.executable, "-m", "celery", "-A", "stock_tasks", "worker", "-c",
                             "2", "-E", "-l", "error", "-n", "bench@stock", "--without-gossip",
                             "--without-mingle"], server, ids, cwd=ROOT / "tests/conformance",
                            env={**os.environ, "STOCK_URL": server.url, "C_FORCE_ROOT": "1"}))
    finally:
        server.stop()
    middle = {name: statistics.median(values) for name, values in rates.items()}
    print(f"redis         {given.tasks} tasks, median of {given.rounds} rounds")
    print(f"facet worker  {middle['facet']:7.0f}/s")
    print(f"stock worker  {middle['celery']:7.0f}/s  (Celery {celery.__version__}, 2 processes)")
    print(f"ratio         {middle['facet'] / middle['celery']:7.2f}  (Celery's client sends "
          f"{middle['sent']:.0f}/s)")


main()
