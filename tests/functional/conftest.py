"""The real binary on loopback, with real models, one data folder per test."""

import functools
import json
import os
import pathlib
import subprocess
import sys

import pytest
from servers import Postgres, Redis

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import openapi  # noqa: E402
from access import Browser, setup_code  # noqa: E402
from facet_server import FACET, ROOT, WEB, Server, client, models_folder, starter_pack, testdata_folder  # noqa: E402, F401


def pytest_sessionfinish():
    openapi.keep_seen()


def pytest_collection_modifyitems(items):
    """What a machine without the labelled pictures cannot run is skipped, and says so."""
    skip = pytest.mark.skip(reason="no test data: set FACET_TESTDATA")
    for item in items:
        if "testdata" in item.fixturenames and testdata_folder() is None:
            item.add_marker(skip)


@pytest.fixture(scope="session")
def testdata():
    return testdata_folder()


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    return models_folder(tmp_path_factory.mktemp("models"))


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
            self.http = client(self.url)

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
def guarded(make_server):
    """A server that asks for a login, without a user."""
    return make_server("-s", "server.login=true")


@pytest.fixture
def anna(guarded):
    """Its administrator, logged in."""
    browser = Browser(guarded.url)
    assert browser.set_up(setup_code(guarded)).status_code == 201
    return browser


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


@pytest.fixture
def servers(tmp_path):
    """A database and a Redis of the test's own."""
    postgres = Postgres(fsync=True)
    redis = Redis(tmp_path / "redis").start()
    yield postgres.make_database(), redis
    postgres.close()
    redis.stop()


@pytest.fixture
def make_part(servers, tmp_path, models):
    parts = []
    database, redis = servers
    data = tmp_path / "shared"
    data.mkdir()

    def make(kind, *settings, **environment):
        part = Part(kind, data, models, *settings,
                    environment={"DATABASE_URL": database, "REDIS_URL": redis.url,
                                 "FACET_CELERY__WORKER_NAME": f"{kind}{len(parts)}@test", **environment})
        parts.append(part)
        return part.start()

    yield make
    for part in parts:
        part.stop()


@pytest.fixture(params=["built-in", "servers"])
def make_anywhere(request, make_server):
    """Makes a server on its built-in database, and one on PostgreSQL and Redis."""
    if request.param == "built-in":
        return make_server
    database, redis = request.getfixturevalue("servers")
    return functools.partial(make_server, environment={"DATABASE_URL": database, "REDIS_URL": redis.url})


@pytest.fixture
def anywhere(make_anywhere):
    return make_anywhere()


def json_lines(text):
    return [json.loads(line) for line in text.splitlines() if line.strip()]
