"""Workers, connections and servers that die, stall or are fed nonsense: nothing is lost, nothing is done twice."""

import base64
import json
import threading
import time
import uuid

import celery
import kombu
import pytest
import redis
from celery.result import AsyncResult
from redis_server import RedisServer

from conftest import SERVERS, make_app, one_server, wait_for

# 18 (FLUSHALL, then the sweeper) is about rows of the database: tests/functional/test_chaos.py.


def call(app, name, *args, **options):
    return app.send_task(f"celery_tasks.{name}", args, **options)


def record(broker, task_id, field):
    return broker.client().hget(f"facet:task:{task_id}", field)


def successes(listener, task_id):
    return listener.of(task_id).count("task-succeeded")


# ---- 12, 13, 14: loss ------------------------------------------------------------------------

@pytest.mark.slow
def test_nothing_is_lost_between_queue_and_worker(app, make_probe):
    probe = make_probe()
    for _ in range(20):
        probe.freeze()
        sent = [call(app, "add", 1, i) for i in range(5)]
        probe.kill()
        probe.start()
        assert [one.get(timeout=20) for one in sent] == [1 + i for i in range(5)]


def test_a_killed_workers_task_is_taken_over(app, broker, make_probe, listener, tmp_path, record_property):
    mark = tmp_path / "mark"
    lease = 3.0
    first = make_probe("--lease", int(lease * 1000))
    sent = call(app, "mark", str(mark), 1)
    wait_for(lambda: "task-started" in listener.of(sent.id) and mark.exists())
    make_probe("--lease", int(lease * 1000))
    first.kill()
    killed = time.monotonic()
    wait_for(lambda: mark.read_text() == "1\n2\n", lease + 5)
    record_property("takeover_s", round(time.monotonic() - killed, 2))
    assert sent.get(timeout=20) == 2
    assert record(broker, sent.id, "att") == b"2"
    wait_for(lambda: successes(listener, sent.id))
    assert listener.of(sent.id) == ["task-received", "task-started"] * 2 + ["task-succeeded"]
    assert mark.read_text() == "1\n2\n"


def test_a_stalled_worker_cannot_complete(app, broker, make_probe, listener, tmp_path):
    mark = tmp_path / "mark"
    stalled = make_probe("--lease", 1000, "--slots", 1)
    sent = call(app, "mark", str(mark), 0.5)
    wait_for(lambda: "task-started" in listener.of(sent.id))
    stalled.freeze()
    make_probe("--lease", 1000, "--slots", 1)
    assert sent.get(timeout=20) == 2
    document = broker.client().get(f"celery-task-meta-{sent.id}")
    stalled.thaw()
    wait_for(lambda: b"task.commit_failed" in stalled.log.read_bytes() or
             b"task.record_failed" in stalled.log.read_bytes())
    assert broker.client().get(f"celery-task-meta-{sent.id}") == document
    assert stalled.stop() == 0
    wait_for(lambda: any(one["type"] == "worker-offline" for one in listener.events) and
             successes(listener, sent.id))
    # Monitors are not told of a retry that is none.
    assert listener.of(sent.id) == ["task-received", "task-started"] * 2 + ["task-succeeded"]
    assert listener.state.tasks[sent.id].state == "SUCCESS"


# ---- 15: the redelivery of others (with Flower attached, and for 30 s: test_flower.py) -------

def test_monitors_with_a_short_visibility_timeout_do_no_harm(broker, make_probe, tmp_path):
    mark = tmp_path / "mark"
    make_probe("--lease", 1000)
    impatient = make_app(broker.url, broker_transport_options={"visibility_timeout": 1})
    sent = call(impatient, "mark", str(mark), 3)
    wait_for(mark.exists)
    answers = 0
    while not sent.ready():  # a client that has waited in vain once may miss the next answer
        answers += bool(impatient.control.inspect(timeout=0.3).ping())
    assert answers >= 2
    assert sent.get(timeout=10) == 1
    assert mark.read_text() == "1\n"


# ---- 16: poison ------------------------------------------------------------------------------

def test_poison_is_set_aside(app, broker, probe, listener):
    queue = broker.client()
    deep = b'{"a":' * 5000 + b"1" + b"}" * 5000
    for raw in (b"no json", b"[]", b'{"body": "x", "headers": {}, "properties": {}}', deep, b"\xff\xfe\x00"):
        queue.lpush("celery", raw)
    template = json.loads(template_message(app, queue))

    def damaged(**changes):
        message = {**template, **changes}
        message["headers"] = {**template["headers"], "id": str(uuid.uuid4())}
        queue.lpush("celery", json.dumps(message))
        return message["headers"]["id"]

    unreadable = {damaged(**{"content-type": "application/x-python-serialize"}): "not JSON",
                  damaged(body="no base64!"): "base64",
                  damaged(body=base64.b64encode(b"[1, 2").decode()): "JSON",
                  damaged(body=base64.b64encode(b'{"no": "list"}').decode()): "protocol 2"}
    queue.lpush("celery", json.dumps({  # protocol 1
        "body": base64.b64encode(b'{"task": "celery_tasks.add", "id": "x", "args": [1, 2]}').decode(),
        "headers": {}, "content-type": "application/json", "properties": template["properties"]}))
    unknown = call(app, "no_such_task")
    bad_arguments = call(app, "add", "one")
    assert call(app, "add", 1, 1).get(timeout=10) == 2
    for task, why in unreadable.items():
        result = AsyncResult(task, app=app)
        with pytest.raises(Exception, match=why):
            result.get(timeout=10)
        assert result.state == "FAILURE"
        wait_for(lambda task=task: "task-failed" in listener.of(task))
    with pytest.raises(Exception, match="no handler"):
        unknown.get(timeout=10)
    with pytest.raises(Exception, match="bad arguments"):
        bad_arguments.get(timeout=10)
    assert queue.llen("facet:dead") == 10
    assert probe.process.poll() is None


def template_message(app, client):
    with app.connection_for_write() as connection:
        app.send_task("celery_tasks.add", (1, 2), queue="template", connection=connection)
    return client.rpop("template")


def test_a_task_that_kills_every_worker_dies(app, broker, make_probe, listener):
    sent = call(app, "crash")
    for _ in range(5):
        probe = make_probe("--lease", 300, "--reap", 50)
        probe.process.wait(timeout=20)
    alive = make_probe("--lease", 300, "--reap", 50)
    with pytest.raises(Exception, match="worker was lost"):
        sent.get(timeout=20)
    assert sent.state == "FAILURE" and record(broker, sent.id, "state") == b"dead"
    wait_for(lambda: "task-failed" in listener.of(sent.id))
    assert call(app, "add", 1, 1).get(timeout=10) == 2 and alive.process.poll() is None


# ---- 17: the server goes away ----------------------------------------------------------------

class Load(threading.Thread):
    """Puts messages of a stock producer on the queue all the time; keeps the ids of those that the server has taken."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server = server
        with celery.Celery(broker=server.url) as app:
            self.template = template_message(app, server.client())
        self.known = json.loads(self.template)["headers"]["id"].encode()
        self.taken, self.ended = [], threading.Event()
        self.start()

    def run(self):
        client = self.server.client()
        while not self.ended.wait(0.002):
            task = str(uuid.uuid4())
            try:
                client.lpush("celery", self.template.replace(self.known, task.encode()))
                self.taken.append(task)
            except redis.exceptions.RedisError:
                pass  # not said yes to: perhaps taken, perhaps not

    def stop(self):
        wait_for(lambda: len(self.taken) > 100, 60)  # enough to tell something by, on a slow machine too
        self.ended.set()
        self.join(30)
        assert not self.is_alive()


def done(server):
    return server.client().zcard("facet:state:done")


def resumes(server, node):
    """Seconds until another task is done; remote control answers by then."""
    before, began = done(server), time.monotonic()
    wait_for(lambda: done(server) > before, 5)
    took = time.monotonic() - began
    client = make_app(server.url)

    def answers():
        try:
            return client.control.inspect([node], timeout=0.5).ping()
        except (redis.exceptions.ConnectionError, kombu.exceptions.OperationalError):
            return None  # of its own connections, which were killed, too

    wait_for(answers, 5)
    client.close()
    return took


def all_done_once(server, taken):
    client = server.client()
    wait_for(lambda: len([1 for one in client.mget([f"celery-task-meta-{task}" for task in taken]) if one]) ==
             len(taken), 30)
    documents = [json.loads(one) for one in client.mget([f"celery-task-meta-{task}" for task in taken])]
    assert {one["result"] for one in documents} == {3} and len(taken) > 100
    assert client.llen("celery") == 0 and client.zcard("facet:lease") == 0


@pytest.fixture(params=SERVERS)
def durable(request):
    """A server that has on disk what it has said yes to."""
    one = RedisServer(request.param, "--appendonly", "yes")
    yield one
    one.stop()


@one_server
def test_a_restart_under_load_loses_nothing(durable, make_probe, record_property):
    probe = make_probe(url=durable.url)
    load = Load(durable)
    took = []
    for _ in range(3):
        wait_for(lambda: done(durable) > 100 * len(took) + 50, 20)
        durable.kill()
        time.sleep(0.5)
        durable.start()
        took.append(resumes(durable, probe.node))
    load.stop()
    record_property("resumed_s", [round(one, 2) for one in took])
    all_done_once(durable, load.taken)
    assert probe.process.poll() is None


@one_server
def test_killed_connections_under_load_are_replaced(durable, make_probe):
    probe = make_probe(url=durable.url)
    load = Load(durable)
    wait_for(lambda: done(durable) > 50, 20)
    client = durable.client()
    own = client.client_id()
    kinds = set()
    for one in client.client_list():
        if one["name"] != probe.node or int(one["id"]) == own:
            continue
        kinds.add("pubsub" if int(one["sub"]) + int(one["psub"]) else "normal")
        client.execute_command("CLIENT", "KILL", "ID", one["id"])
        assert resumes(durable, probe.node) < 5
    assert kinds == {"normal", "pubsub"}
    for kind in ("normal", "pubsub"):
        client.execute_command("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")
        assert resumes(durable, probe.node) < 5
    load.stop()
    all_done_once(durable, load.taken)
