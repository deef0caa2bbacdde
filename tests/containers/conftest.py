"""The stack of deploy/ in a real Docker Engine: set up, built and started once, used by all tests in turn."""

import json
import os
import pathlib
import shutil
import ssl
import subprocess
import time

import httpx
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
LOGS = pathlib.Path(os.environ["STACK_LOGS"])
SERVICES = {"nginx", "web", "worker", "watch", "postgres", "redis", "flower"}
UPLOAD_MAX_BYTES = 20 << 20
PASSWORD = "of the one who makes the tests"


def run(*command, check=True, stdin=None, timeout=300, **more):
    """The finished command; its output is shown when it fails."""
    done = subprocess.run([str(word) for word in command], input=stdin, capture_output=True,
                          text=True, timeout=timeout, **more)
    if check and done.returncode != 0:
        pytest.fail(f"{' '.join(str(word) for word in command)}: exit {done.returncode}\n"
                    f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}")
    return done


def until(question, seconds=60, every=0.2):
    """The first answer that is true; fails with the last one when there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"{question.__doc__ or question.__name__}: {answer!r}"
        time.sleep(every)


class Stack:
    """One checkout's stack, and a person at its door."""

    def __init__(self, root):
        self.deploy = root / "deploy"
        self.secrets = self.deploy / "secrets"
        self.address = "https://localhost:8443"

    def compose(self, *arguments, **more):
        return run("docker", "compose", *arguments, cwd=self.deploy, **more)

    def script(self, name, *arguments, **more):
        return run(self.deploy / name, *arguments, cwd="/", **more)

    def set_up(self):
        self.script("setup")
        self.set("UPLOAD_MAX_BYTES", UPLOAD_MAX_BYTES)
        self.come_to_the_door()

    def set(self, name, value):
        path = self.deploy / ".env"
        lines = [line for line in path.read_text().splitlines() if not line.startswith(name + "=")]
        path.write_text("\n".join([*lines, f"{name}={value}"]) + "\n")

    def come_to_the_door(self):
        """`anybody` has nothing, `http` the password of Flower and, after log_in, a session."""
        user = (self.secrets / "htpasswd").read_text().partition(":")[0]
        password = (self.secrets / "password").read_text().strip()
        tls = ssl.create_default_context(cafile=str(self.secrets / "certificate"))
        self.anybody = httpx.Client(base_url=self.address, verify=tls, timeout=60)
        self.http = httpx.Client(base_url=self.address, verify=tls, timeout=60,
                                 auth=(user, password))

    def log_in(self, path="/v1/session", **more):
        answer = self.http.post(path, json={"name": "facet", "password": PASSWORD, **more})
        assert answer.status_code in (200, 201), answer.text
        self.http.headers["x-csrf-token"] = answer.json()["csrf_token"]

    def first_run(self):
        code = self.compose("exec", "-T", "web", "cat", "/data/setup-code").stdout.strip()
        self.log_in("/v1/setup", code=code)

    def build(self):
        proxies = [f"--build-arg={name}" for name in os.environ if name.lower().endswith("_proxy")]
        done = self.compose("--profile", "*", "build", *proxies, timeout=3600, check=False)
        (LOGS / "compose-build.log").write_text(done.stdout + done.stderr)
        assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]

    def give_models(self):
        """The stand-in pack into the models' volume, where its weights are; else the stack gets one."""
        weights = os.environ.get("FACET_TESTMODELS")
        if not weights:
            return
        manifest = ROOT / "tests/packs/standin.toml"
        files = [line.split('"')[1] for line in manifest.read_text().splitlines()
                 if line.strip().startswith("file")]
        copy = "mkdir -p /models/standin && cp /pack.toml /models/standin/ && echo standin > /models/active"
        copy += "".join(f" && cp /weights/{name} /models/standin/" for name in files)
        self.compose("run", "--rm", "--no-deps", "-T", "-v", f"{weights}:/weights:ro",
                     "-v", f"{manifest}:/pack.toml:ro", "--entrypoint", "sh", "models", "-c", copy)

    def up(self):
        done = self.compose("up", "-d", "--wait", "--wait-timeout", "240", timeout=300, check=False)
        if done.returncode != 0:
            self.save_logs()
            pytest.fail(done.stderr[-3000:] + self.compose("logs", "--tail=40", check=False).stdout[-12000:])

    def save_logs(self):
        done = self.compose("logs", "--no-color", check=False)
        with open(LOGS / "stack.log", "a") as log:
            log.write(done.stdout)

    def containers(self, service=None):
        """What the engine says of each running container."""
        ids = self.compose("ps", "-q", *([service] if service else [])).stdout.split()
        return json.loads(run("docker", "inspect", *ids).stdout) if ids else []

    def upload(self, *paths):
        files = [("file", (path.name, path.read_bytes())) for path in paths]
        answer = self.http.post("/v1/media", files=files)
        assert answer.status_code in (200, 202), answer.text
        return [one["media"]["id"] for one in answer.json()["accepted"]]

    def media(self, media_id):
        return self.http.get(f"/v1/media/{media_id}").json()

    def completed(self, media_id, seconds=90):
        """Waits until the picture has been analysed; what is known of it then."""
        until(lambda: self.media(media_id)["status"] not in ("pending", "processing"), seconds)
        media = self.media(media_id)
        assert media["status"] == "completed", media
        return media

    def search(self, path):
        """Ids of the media in which the largest face of the picture is found, best first."""
        answer = self.http.post("/v1/search", files={"image": (path.name, path.read_bytes())})
        assert answer.status_code == 200, answer.text
        return [one["media"]["id"] for one in answer.json()["results"]]

    def workers(self):
        """Names of the workers that Flower sees alive."""
        answer = self.http.get("/flower/workers", params={"json": 1})
        assert answer.status_code == 200, answer.text
        return [one["hostname"] for one in answer.json()["data"] if one["status"]]

    def secret_words(self):
        return [path.read_text().strip() for path in self.secrets.iterdir()
                if path.name not in ("htpasswd", "certificate")]


@pytest.fixture(scope="session")
def testdata():
    folder = pathlib.Path(os.environ.get("FACET_TESTDATA", ""))
    if not folder.is_dir() or not os.environ.get("FACET_TESTDATA"):
        pytest.fail("no test pictures: set FACET_TESTDATA")
    return folder


@pytest.fixture(scope="session")
def stack():
    (LOGS / "stack.log").unlink(missing_ok=True)
    stack = Stack(ROOT)
    stack.set_up()
    stack.build()
    stack.give_models()
    stack.up()
    stack.first_run()
    yield stack
    stack.save_logs()
    stack.compose("down", "--volumes", "--timeout", "20")


@pytest.fixture(scope="session")
def library(stack, testdata):
    """Two persons in the library: file name -> id of the media."""
    names = ["obama_1.jpg", "biden_1.jpg"]
    ids = stack.upload(*(testdata / "people" / name for name in names))
    for media_id in ids:
        assert stack.completed(media_id)["face_count"] == 1
    return dict(zip(names, ids))


@pytest.fixture
def scratch():
    folder = pathlib.Path("/tmp/scratch")
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)
