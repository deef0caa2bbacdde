"""Real PostgreSQL and Redis servers on loopback that end with the tests."""

import ctypes
import itertools
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import pytest


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


class Postgres:
    """A PostgreSQL server of this test run alone, on a socket in a folder of its own, without
    fsync unless asked for. It ends with the test run, however that ends. Root runs it as user
    postgres."""

    def __init__(self, fsync=False):
        if not list(pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres")):
            pytest.skip("no PostgreSQL: install the packages of scripts/packages.txt")
        self.programs = max(pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres"),
                            key=lambda path: int(path.parts[-3])).parent
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="facet-postgres-"))
        self.data = self.folder / "data"
        self.user = None
        if os.geteuid() == 0:
            self.user = pwd.getpwnam("postgres")
            os.chown(self.folder, self.user.pw_uid, self.user.pw_gid)
        self.folder.chmod(0o755)
        self.options = [] if fsync else ["-c", "fsync=off", "-c", "full_page_writes=off"]
        self.names = itertools.count(1)
        self.process = None
        self._spawn("initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8",
                    "--locale=C.UTF-8", "--no-sync", "--no-instructions").wait()
        self.start()

    def _spawn(self, program, *arguments):
        user = self.user
        libc = ctypes.CDLL(None)

        def become():
            if user is not None:
                os.setgroups([])
                os.setgid(user.pw_gid)
                os.setuid(user.pw_uid)
            libc.prctl(1, signal.SIGQUIT)  # PR_SET_PDEATHSIG; setuid would have cleared it

        with open(self.folder / "server.log", "ab") as log:
            return subprocess.Popen([self.programs / program, *arguments], stdout=log, stderr=log,
                                    preexec_fn=become, cwd="/")

    def start(self, seconds=60):
        pid_file = self.data / "postmaster.pid"
        pid_file.unlink(missing_ok=True)
        self.process = self._spawn("postgres", "-D", self.data, "-k", self.folder,
                                   "-c", "listen_addresses=", "-c", "max_connections=100",
                                   *self.options)
        deadline = time.monotonic() + seconds
        while not (pid_file.exists() and pid_file.read_text().splitlines()[7:8] and
                   pid_file.read_text().splitlines()[7].startswith("ready")):
            assert self.process.poll() is None and time.monotonic() < deadline, self.log()
            time.sleep(0.01)

    def stop(self, how=signal.SIGINT):
        """SIGINT: disconnects everyone and ends in order; SIGQUIT: as after a crash."""
        self.process.send_signal(how)
        self.process.wait()

    def restart(self, away=0.0, how=signal.SIGINT):
        """Returns when it is ready again, having been away for so many seconds at least."""
        self.stop(how)
        time.sleep(away)
        self.start()

    def close(self):
        if self.process.poll() is None:
            self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def log(self):
        return (self.folder / "server.log").read_text(errors="replace")[-4000:]

    def url(self, database="postgres"):
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def make_database(self):
        """A new, empty database; its URL."""
        name = f"facet_{next(self.names)}"
        self.query("postgres", f"CREATE DATABASE {name}")
        return self.url(name)

    def query(self, database, sql):
        """Rows as lists of text; `database` is a name or a URL."""
        url = database if "://" in database else self.url(database)
        done = subprocess.run([self.programs / "psql", "-XAtq", "-F", "\t", "-d", url, "-c", sql],
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return [line.split("\t") for line in done.stdout.splitlines()]


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
