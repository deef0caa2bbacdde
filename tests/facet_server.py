"""A running facet serve, and what it needs."""

import os
import pathlib
import shutil
import signal
import subprocess
import time

import httpx
import openapi
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
FACET = pathlib.Path(os.environ.get("FACET_BIN", ROOT / ".dev/build/release/bin/facet"))
WEB = ROOT / "web/dist"


def testdata_folder():
    folder = pathlib.Path(os.environ.get("FACET_TESTDATA", ROOT.parent / "shared/testdata"))
    return folder if folder.is_dir() else None


def starter_pack():
    """The pack that the set-up itself obtains."""
    folder = pathlib.Path(os.environ.get("FACET_STARTER_PACK", ROOT / "models/starter"))
    return folder if (folder / "pack.toml").exists() else None


def models_folder(folder):
    """Makes it a folder of packs: the stand-in of buffalo_l where its weights are there, else what the
    set-up itself obtains."""
    weights = pathlib.Path(
        os.environ.get("FACET_TESTMODELS", ROOT.parent / "shared/models"))
    manifest = ROOT / "tests/packs/standin.toml"
    if weights.is_dir():
        pack = folder / "standin"
        pack.mkdir()
        shutil.copy(manifest, pack / "pack.toml")
        for line in manifest.read_text().splitlines():
            if line.strip().startswith("file"):
                name = line.split('"')[1]
                os.symlink(weights / name, pack / name)
        (folder / "active").write_text("standin\n")
        return folder
    starter = starter_pack()
    if starter is None:
        pytest.skip("no model pack: set FACET_STARTER_PACK or run ./dev up once")
    os.symlink(starter, folder / "starter")
    (folder / "active").write_text("starter\n")
    return folder


def client(url, **options):
    """A client that checks each answer against the description of the API."""
    return httpx.Client(base_url=url, timeout=60, event_hooks={"response": [openapi.check_httpx]}, **options)


class Server:
    """A running facet serve."""

    def __init__(self, data, models, *arguments, environment=None):
        self.data = pathlib.Path(data)
        self.models = models
        self.arguments = arguments
        self.environment = {**os.environ, **(environment or {})}
        self.process = None
        self.url = None

    def start(self):
        self.log = open(self.data / "server.log", "ab")
        self.process = subprocess.Popen(
            [FACET, "serve", "--data", self.data, "--models", self.models, "--port", "0",
             "-s", "watch.settle_milliseconds=100", "-s", f"server.web_root={WEB if WEB.is_dir() else ''}",
             *self.arguments],
            stdout=subprocess.PIPE, stderr=self.log, text=True, env=self.environment)
        line = self.process.stdout.readline()
        assert line.startswith("Facet is at "), (self.data / "server.log").read_text()[-4000:]
        self.url = line.split()[-1]
        self.http = client(self.url)
        return self

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        """Stops as an operator would; returns the exit code."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.kill()
                raise
        return self.process.returncode

    def upload(self, *paths, field="file"):
        files = [(field, (path.name, path.read_bytes())) for path in paths]
        return self.http.post("/v1/media", files=files)

    def media(self, media_id):
        return self.http.get(f"/v1/media/{media_id}").json()

    def wait_idle(self, count=None, seconds=120):
        """Until nothing waits, and `count` media are there if given; returns the stats."""
        deadline = time.monotonic() + seconds
        while True:
            stats = self.http.get("/v1/stats").json()
            waiting = stats["media"]["pending"] + stats["media"]["processing"]
            if waiting == 0 and (count is None or stats["media"]["total"] >= count):
                return stats
            assert time.monotonic() < deadline, stats
            time.sleep(0.05)

    def add(self, *paths):
        """Uploads and waits; returns the media in order."""
        answer = self.upload(*paths)
        assert answer.status_code in (200, 202), answer.text
        self.wait_idle()
        return [self.media(one["media"]["id"]) for one in answer.json()["accepted"]]

    def search(self, path, **fields):
        return self.http.post("/v1/search", files={"image": (path.name, path.read_bytes())},
                              data={name: str(value) for name, value in fields.items()})
