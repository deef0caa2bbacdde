#!/usr/bin/env python3
"""PostgreSQL and Redis, durable as shipped, beside the built-in engines: servers_bench.py vectors|ingest ..."""

import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/functional"))
from servers import Postgres, Redis  # noqa: E402

BUILD = ROOT / ".dev/build/release"
ROUNDS = 3


def run(*command, **settings):
    subprocess.run([str(part) for part in command], check=True, env={**os.environ, **settings})


def vectors(postgres, redis, faces):
    """Search by pgvector against the exact one, on as many made-up faces."""
    settings = {"DATABASE_URL": postgres.make_database(), "REDIS_URL": redis.url}
    with tempfile.TemporaryDirectory() as data:
        settings["FACET_DATA__FOLDER"] = data
        run(BUILD / "bench/fill_library", faces, **settings)
        run(BUILD / "bin/facet", "bench", **settings)


def ingest(postgres, redis, *arguments):
    """Pictures per second, all of it, against the built-in library."""
    servers = []
    for number in range(2 * ROUNDS):
        servers += ["--servers", f"{postgres.make_database()},{redis.url[:-1]}{number}"]
    run(BUILD / "bench/ingest_bench", *servers, *arguments)


def main():
    with tempfile.TemporaryDirectory() as folder:
        redis = Redis(folder)
        redis.start()
        postgres = Postgres(fsync=True)
        try:
            {"vectors": vectors, "ingest": ingest}[sys.argv[1]](postgres, redis, *sys.argv[2:])
        finally:
            redis.stop()
            postgres.close()


main()
