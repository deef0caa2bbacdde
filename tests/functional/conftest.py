"""The real binary on loopback, with real models, one data folder per test."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import time

import httpx
import pytest
from servers import Postgres

ROOT = pathlib.Path(__file__).resolve().parents[2]
FACET = pathlib.Path(os.environ.get("FACET_BIN", ROOT / ".dev/build/release/bin/facet"))
WEB = ROOT / "web/dist"


def pytest_collection_modifyitems(items):
    """What a machine without the labelled pictures cannot run is skipped, and says so."""
    skip = pytest.mark.skip(reason="no test data: set FACET_TESTDATA")
    for item in items:
        if "testdata" in item.fixturenames and testdata_folder() is None:
            item.add_marker(skip)


def testdata_folder():
    folder = pathlib.Path(os.environ.get("FACET_TESTDATA", ROOT.parent / "shared/testdata"))
    return folder if folder.is_dir() else None


def starter_pack():
    """The pack that the set-up itself obtains."""
    folder = pathlib.Path(os.environ.get("FACET_STARTER_PACK", ROOT / "models/starter"))
    return folder if (folder / "pack.toml").exists() else None


@pytest.fixture(scope="session")
def testdata():
    return testdata_folder()


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """A folder of packs: the stand-in of buffalo_l where its weights are there, else what the
    set-up itself obtains."""
    folder = tmp_path_factory.mktemp("models")
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
        self.http = httpx.Client(base_url=self.url, timeout=60)
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


class Part(Server):
    """One of facet web, worker, watch on shared servers."""

    def __init__(self, kind, data, models, *settings, environment):
        super().__init__(data, models, environment=environment)
        self.kind = kind
        self.settings = [word for one in settings for word in ("-s", one)]
        self.log_path = self.data / f"{kind}-{id(self)}.log"

    def command(self):
        return [FACET, self.kind, "--data", self.data, "--models", self.models, "-s", "server.port=0",
                "-s", "watch.settle_milliseconds=100",
                "-s", f"server.web_root={WEB if WEB.is_dir() else ''}", *self.settings]

    def start(self, wait=True):
        self.process = subprocess.Popen(self.command(), stdout=subprocess.PIPE, text=True,
                                        stderr=open(self.log_path, "ab"), env=self.environment)
        if wait:
            self.wait_started()
        return self

    def wait_started(self):
        line = self.process.stdout.readline()
        assert line.startswith("Facet is at "), self.log_text()[-4000:]
        if self.kind == "web":
            self.url = line.split()[-1]
            self.http = httpx.Client(base_url=self.url, timeout=60)

    def log_text(self):
        return self.log_path.read_text()

    def ask_health(self, *arguments):
        return subprocess.run([FACET, "health", *arguments, *self.settings], capture_output=True, text=True,
                              timeout=30, env=self.environment)


@pytest.fixture
def make_server(tmp_path, models):
    servers = []

    def make(*arguments, data=None, environment=None):
        server = Server(data or tmp_path / "data", models, *arguments, environment=environment)
        server.data.mkdir(exist_ok=True)
        servers.append(server)
        return server.start()

    yield make
    for server in servers:
        if server.process.poll() is None:
            server.stop()


@pytest.fixture
def server(make_server):
    return make_server()


@pytest.fixture
def facet(tmp_path, models):
    """Runs a command; returns the finished process."""

    def run(*arguments, data=None, check=None):
        done = subprocess.run(
            [FACET, "--data", data or tmp_path / "data", "--models", models,
             *[str(one) for one in arguments]],
            capture_output=True, text=True, timeout=300)
        if check is not None:
            assert done.returncode == check, done.stdout + done.stderr
        return done

    return run


@pytest.fixture(scope="session")
def postgres():
    """The server of the test run; tests take a database of their own from make_database()."""
    server = Postgres()
    yield server
    server.close()


def json_lines(text):
    return [json.loads(line) for line in text.splitlines() if line.strip()]
