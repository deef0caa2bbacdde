"""Real PostgreSQL and Redis servers on loopback that end with the tests."""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

import pytest

POSTGRES_BIN = pathlib.Path("/usr/lib/postgresql/17/bin")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(what, seconds=30, every=0.05):
    """The first true answer of `what`."""
    deadline = time.monotonic() + seconds
    while True:
        answer = what()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"in {seconds} s: {what}"
        time.sleep(every)


class Service:
    """A server process: start, stop, kill, restart."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.port = free_port()
        self.process = None

    def start(self):
        log = open(self.folder / "service.log", "ab")
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *self.command()], stdout=log, stderr=log,
            start_new_session=True)
        wait_for(self.answers)
        return self

    def stop(self, sign=signal.SIGTERM):
        self.process.send_signal(sign)
        self.process.wait(timeout=60)

    def restart(self, away=0.0, sign=signal.SIGTERM):
        """Returns when it answers again, having been away for so many seconds at least."""
        self.stop(sign)
        time.sleep(away)
        self.start()


class Postgres(Service):
    def __init__(self, folder):
        super().__init__(folder)
        if not POSTGRES_BIN.is_dir():
            pytest.skip(f"no PostgreSQL in {POSTGRES_BIN}")
        self.as_user = ["--reuid", "postgres", "--regid", "postgres", "--clear-groups"] if os.geteuid() == 0 else []
        self.data = self.folder / "data"
        self.data.mkdir(parents=True)
        if self.as_user:
            for path in (self.folder, self.data):
                shutil.chown(path, "postgres", "postgres")
            for parent in self.folder.parents:
                if parent.stat().st_mode & 0o001 == 0:
                    parent.chmod(parent.stat().st_mode | 0o011)
        self.run("initdb", "-D", self.data, "-U", "facet", "--auth=trust", "-E", "UTF8", "--no-sync")
        self.url = f"postgresql://facet@127.0.0.1:{self.port}/facet"

    def run(self, program, *arguments):
        subprocess.run([*(["setpriv", *self.as_user] if self.as_user else []), str(POSTGRES_BIN / program),
                        *[str(one) for one in arguments]], check=True, capture_output=True)

    def command(self):
        return [*self.as_user, str(POSTGRES_BIN / "postgres"), "-D", str(self.data), "-p", str(self.port),
                "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]

    def answers(self):
        return subprocess.run([str(POSTGRES_BIN / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)],
                              check=False).returncode == 0

    def create(self):
        self.run("createdb", "-h", "127.0.0.1", "-p", self.port, "-U", "facet", "facet")
        return self

    def rows(self, sql):
        import psycopg
        with psycopg.connect(self.url) as connection:
            return connection.execute(sql).fetchall()


class Redis(Service):
    def __init__(self, folder):
        super().__init__(folder)
        if not shutil.which("redis-server"):
            pytest.skip("no redis-server")
        self.folder.mkdir(parents=True, exist_ok=True)
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def command(self):
        return ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder),
                "--save", "", "--appendonly", "yes", "--appendfsync", "everysec",
                "--maxmemory-policy", "noeviction"]

    def client(self):
        import redis
        return redis.Redis(port=self.port, decode_responses=True)

    def answers(self):
        try:
            return self.client().ping()
        except Exception:
            return False
