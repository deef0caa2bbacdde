"""Facet's worker beside the real Celery: a broker, and workers of trivial tasks (celery_probe)."""

import gc
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid

import celery
import celery.events
import pytest
import redis

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
from redis_server import RedisServer, die_with_parent  # noqa: E402

# A result that the collector finds unsubscribes at once: within a command of the same connection, whose lock is held,
# it waits for itself forever (AsyncResult.__del__). So results are collected between tests only.
gc.disable()

PROBE = pathlib.Path(os.environ.get("FACET_PROBE", ROOT / ".dev/build/release/bin/celery_probe"))
# What differs between the two does not differ with the version of Celery: another Celery is tried on one.
SERVERS = os.environ.get("FACET_TEST_SERVERS", "redis-server valkey-server").split()


@pytest.fixture(scope="session", params=SERVERS)
def server(request):
    if shutil.which(request.param) is None:
        pytest.skip(f"no {request.param}")
    one = RedisServer(request.param)
    yield one
    gc.collect()  # a forgotten result unsubscribes, and would try for long once the server has gone
    one.stop()


# For tests whose subject is not the server: once is enough.
one_server = pytest.mark.parametrize("server", ["redis-server"], indirect=True)


@pytest.fixture
def broker(server):
    server.client().flushall()
    return server


def make_app(url, **settings):
    app = celery.Celery("celery_tasks", broker=url, backend=url)
    app.conf.update(broker_connection_retry_on_startup=True, worker_hijack_root_logger=False,
                    **settings)
    # A result that is forgotten after its server has gone tries to reach it this often, 20 times by default.
    app.conf.result_backend_transport_options.setdefault("retry_policy", {"max_retries": 2})
    return app


@pytest.fixture
def app(broker):
    one = make_app(broker.url)
    yield one
    one.close()
    gc.collect()


class Probe:
    """A running celery_probe."""

    def __init__(self, url, folder, *arguments, node=None):
        self.node = node or f"probe-{uuid.uuid4().hex[:6]}@host"
        folder = pathlib.Path(folder) / self.node
        folder.mkdir(parents=True)
        self.command = [PROBE, "--redis", url, "--folder", folder, "--node", self.node,
                        *[str(one) for one in arguments]]
        self.log = folder / "log"
        self.url = url
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE,
                                        stderr=open(self.log, "ab"), preexec_fn=die_with_parent)
        assert self.process.stdout.readline() == b"ready\n", self.log.read_text()[-4000:]
        with redis.Redis.from_url(self.url) as server:  # what is published before it listens is lost
            wait_for(lambda: self.process.poll() is not None  # its first task may have killed it
                     or any(one["name"] == self.node and one["sub"] == "1" for one in server.client_list()))
        return self

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self):
        if self.process.poll() is None:
            self.thaw()
            self.process.terminate()
            self.process.wait(timeout=30)
        return self.process.returncode


@pytest.fixture
def make_probe(broker, tmp_path):
    probes = []

    def make(*arguments, node=None, url=None):
        probes.append(Probe(url or broker.url, tmp_path, *arguments, node=node))
        return probes[-1]

    yield make
    for probe in probes:
        if probe.process.poll() is None:
            probe.kill()


@pytest.fixture
def probe(make_probe):
    return make_probe()


class StockWorker:
    """A real Celery worker of tests/conformance/stock_tasks.py."""

    def __init__(self, url, folder, *arguments, node="stock@host", events=True):
        self.node = node
        self.log = pathlib.Path(folder) / "stock.log"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "stock_tasks", "worker", "-n", node,
             *(["-E"] if events else []), "-l", "error", "-c", "2", "--without-gossip", *arguments],
            cwd=pathlib.Path(__file__).parent, stdout=open(self.log, "ab"),
            stderr=subprocess.STDOUT, preexec_fn=die_with_parent, start_new_session=True,
            env={**os.environ, "STOCK_URL": url, "C_FORCE_ROOT": "1"})

    def wait_ready(self, app):
        wait_for(lambda: app.control.inspect([self.node], timeout=0.5).ping(), 30,
                 what=self.log.read_text)
        return self

    def kill(self):
        """With its children. It sometimes hangs when it is told to stop."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def stock(broker, app, tmp_path):
    worker = StockWorker(broker.url, tmp_path)
    yield worker.wait_ready(app)
    worker.kill()


def run_celery(url, *arguments, timeout=60):
    """Celery's command line, as an operator runs it."""
    return subprocess.run([sys.executable, "-m", "celery", "-b", url, "--result-backend", url,
                           *[str(one) for one in arguments]],
                          capture_output=True, text=True, timeout=timeout)


def wait_for(condition, seconds=10, what=lambda: ""):
    """The first true value of `condition`, looked at until `seconds` have passed."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, what()
        time.sleep(0.01)


class Listener:
    """Collects events with Celery's own receiver, on a thread."""

    def __init__(self, app):
        self.events = []
        self.state = app.events.State()
        self.connection = app.connection_for_read()
        self.receiver = app.events.Receiver(self.connection, handlers={"*": self.take})
        self.ready = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        assert self.ready.wait(10)

    def take(self, event):
        self.state.event(event)
        self.events.append(event)

    def run(self):
        with self.receiver.consumer_context() as (connection, channel, consumers):
            self.ready.set()
            try:
                while not self.receiver.should_stop:
                    try:
                        connection.drain_events(timeout=0.2)
                    except TimeoutError:
                        pass
            except Exception:  # the broker of a test may go away under it
                return

    def of(self, task_id):
        return [one["type"] for one in self.events if one.get("uuid") == task_id]

    def stop(self):
        self.receiver.should_stop = True
        self.thread.join(5)


def send_many(app, count):
    """Sends add(i, 0) for each i below `count` on one connection, without listening for results; their ids."""
    with celery.Celery(broker=app.conf.broker_url) as producer, producer.pool.acquire() as connection:
        return [producer.send_task("celery_tasks.add", (i, 0), connection=connection).id for i in range(count)]


class Results:
    """Every result that is published, with the second one of a task if there is one."""

    def __init__(self, server):
        self.client = server.client()  # takes its connections with it when it goes
        self.client.config_set("client-output-buffer-limit", "pubsub 0 0 0")  # however slowly this reads
        self.of = {}
        self.heard = self.client.pubsub()
        self.heard.psubscribe("celery-task-meta-*")
        assert self.heard.get_message(timeout=10)
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.ended.is_set():
            message = self.heard.get_message(timeout=0.2)
            if message is None or message["type"] != "pmessage":
                continue
            document = json.loads(message["data"])
            self.of.setdefault(document["task_id"], []).append((document["status"], document["result"]))

    def stop(self):
        self.ended.set()
        self.thread.join(5)
        self.heard.close()


@pytest.fixture
def results(broker):
    one = Results(broker)
    yield one
    one.stop()


@pytest.fixture
def listener(app):
    one = Listener(app)
    yield one
    one.stop()
