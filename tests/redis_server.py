"""Real Redis and Valkey servers for tests, on loopback, with nothing on disk unless asked for."""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import redis


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def die_with_parent():
    """In a child before exec: SIGKILL when the test program dies (prctl(2), PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class RedisServer:
    """kind: redis-server or valkey-server."""

    def __init__(self, kind="redis-server", *arguments):
        self.kind = kind
        self.arguments = arguments
        self.folder = tempfile.mkdtemp(prefix="facet-redis-")
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process = None
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [self.kind, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
             "--dir", self.folder, "--logfile", os.path.join(self.folder, "log"),
             "--appendfsync", "always", *self.arguments],
            preexec_fn=die_with_parent)
        deadline = time.monotonic() + 20
        while True:
            try:
                self.client().ping()
                return self
            except redis.exceptions.RedisError:
                assert self.process.poll() is None and time.monotonic() < deadline, self.kind
                time.sleep(0.005)

    def client(self, **options):
        return redis.Redis(port=self.port, **options)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
