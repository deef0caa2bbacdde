"""Tasks of real Celery producers, done by Facet's worker: results, retries, times, revocation."""

import datetime
import json
import subprocess
import uuid

import pytest
from celery.exceptions import TaskRevokedError
from celery.result import AsyncResult

from conftest import PROBE, make_app, one_server, send_many, wait_for

SEP = "\x06\x16"


def call(app, name, *args, **options):
    return app.send_task(f"celery_tasks.{name}", args, **options)


def record(broker, task_id, field, prefix=""):
    return broker.client().hget(f"{prefix}facet:task:{task_id}", field)


# ---- 1: arguments and results ----------------------------------------------------------------

@pytest.mark.parametrize("args, kwargs", [
    ([], {}),
    ([[], {}, [[]], {"a": {}}, None, True, 1.5, -3], {"empty": [], "none": None}),
    (["é", "日本", "\U0001f600", "\\\"'\n\t"], {"ключ": "значение"}),
    ([0.1 + 0.2, 1 / 3, 5e-324, 1.7976931348623157e308, 1595834598.4167407, 2**53 + 1, -2**63, 2**64 - 1], {}),
    (["x" * (1 << 20)], {}),
])
def test_arguments_and_results_are_equal(app, probe, args, kwargs):
    result = app.send_task("celery_tasks.echo", args, kwargs).get(timeout=20)
    assert result == {"args": args, "kwargs": kwargs}


def test_a_result_that_is_not_wanted_is_not_kept(app, broker, probe, results):
    kinds = [("add", (1, 1)), ("fail", ("broken",))]
    unwanted = [call(app, name, *args, ignore_result=True).id for name, args in kinds]
    wanted = [call(app, name, *args).id for name, args in kinds]
    wait_for(lambda: len(results.of) == 2 and all(record(broker, one, "finished") for one in unwanted))
    assert set(results.of) == set(wanted)
    assert broker.client().exists(*[f"celery-task-meta-{one}" for one in unwanted]) == 0
    assert [record(broker, one, "state") for one in unwanted] == [b"done", b"failed"]


def test_many_results_and_a_group(app, probe):
    assert [one.get(timeout=20) for one in [call(app, "add", i, i) for i in range(50)]] == \
        [2 * i for i in range(50)]
    group = celery_group(app, 10)
    assert group.get(timeout=20) == [i + 1 for i in range(10)]


def celery_group(app, count):
    from celery import group
    return group(app.signature("celery_tasks.add", (i, 1)) for i in range(count)).apply_async()


def test_the_message_in_flight_is_the_one_sent(app, broker, make_probe):
    sent = call(app, "sleep", 60, kwargs={})
    raw = broker.client().lindex("celery", 0)
    make_probe()
    wait_for(lambda: record(broker, sent.id, "state") == b"leased")
    assert record(broker, sent.id, "msg") == raw
    assert broker.client().llen("celery") == 0


# ---- 2: priorities and queues ----------------------------------------------------------------

def test_priorities_and_queues(app, broker, make_probe):
    ids = {}
    for priority in (9, 0, 6, 3):
        for queue in ("celery", "second"):
            ids[call(app, "echo", priority=priority, queue=queue).id] = (priority, queue)
    make_probe("--slots", 1, "--queues", "celery,second")
    for one in ids:
        AsyncResult(one, app=app).get(timeout=20)
    started = sorted(ids, key=lambda one: int(record(broker, one, "token")))
    assert [ids[one] for one in started] == \
        [(priority, queue) for priority in (0, 3, 6, 9) for queue in ("celery", "second")]


def test_queues_are_drained_only_while_consumed(app, broker, probe):
    waiting = call(app, "add", 1, 2, queue="extra")
    assert call(app, "add", 1, 1).get(timeout=10) == 2
    assert broker.client().llen("extra") == 1
    reply = app.control.add_consumer("extra", reply=True)
    assert reply == [{probe.node: {"ok": "add consumer extra"}}]
    assert waiting.get(timeout=10) == 3
    reply = app.control.cancel_consumer("extra", reply=True)
    assert reply == [{probe.node: {"ok": "no longer consuming from extra"}}]
    call(app, "add", 1, 2, queue="extra")
    assert call(app, "add", 1, 1).get(timeout=10) == 2
    assert broker.client().llen("extra") == 1


# ---- 3: times --------------------------------------------------------------------------------

def started_at(broker, task_id):
    return int(record(broker, task_id, "started")) / 1000


def test_countdown_and_eta_are_kept(app, broker, probe):
    now = datetime.datetime.now(datetime.timezone.utc)
    zone = datetime.timezone(datetime.timedelta(hours=2))
    due = now + datetime.timedelta(seconds=1)
    first = call(app, "add", 1, 1, countdown=1)
    second = call(app, "add", 1, 1, eta=due.astimezone(zone))
    for one in (first, second):
        assert one.get(timeout=10) == 2
        assert -0.001 <= started_at(broker, one.id) - due.timestamp() < 0.5  # kept in milliseconds


def test_what_has_expired_is_revoked(app, probe):
    late = call(app, "add", 1, 1, expires=datetime.datetime.now(datetime.timezone.utc) -
                datetime.timedelta(seconds=1))
    with pytest.raises(TaskRevokedError, match="expired"):
        late.get(timeout=10)
    assert late.state == "REVOKED"
    assert call(app, "add", 1, 1, expires=60).get(timeout=10) == 2


# ---- 4: failures and retries -----------------------------------------------------------------

def test_a_failure_is_an_exception_in_python(app, probe, listener):
    failed = call(app, "fail", "broken picture")
    with pytest.raises(Exception, match="broken picture") as raised:
        failed.get(timeout=10)
    assert type(raised.value).__name__ == "Corrupt"
    assert failed.state == "FAILURE"
    wait_for(lambda: "task-failed" in listener.of(failed.id))
    assert listener.of(failed.id) == ["task-received", "task-started", "task-failed"]


def test_retries_are_seen(app, probe, listener):
    flaky = call(app, "flaky", 2)
    assert flaky.get(timeout=20) == 3
    wait_for(lambda: "task-succeeded" in listener.of(flaky.id))
    once = ["task-received", "task-started"]
    assert listener.of(flaky.id) == [*once, "task-retried"] * 2 + [*once, "task-succeeded"]
    hopeless = call(app, "flaky", 100)
    with pytest.raises(Exception, match="not yet"):
        hopeless.get(timeout=20)
    wait_for(lambda: "task-failed" in listener.of(hopeless.id))
    assert listener.of(hopeless.id).count("task-retried") == 4


# ---- 5, 6: together with Python workers ------------------------------------------------------

def test_a_cpp_producer_and_a_stock_worker(broker, stock):
    def probe(*arguments):
        done = subprocess.run([PROBE, "--redis", broker.url, *arguments], capture_output=True,
                              text=True, timeout=40)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    task = probe("--send", "celery_tasks.add", "--args", "[20, 22]")
    assert probe("--wait", task) == "SUCCESS 42"
    task = probe("--send", "celery_tasks.fail", "--args", '["broken"]')
    status, failure = probe("--wait", task).split(" ", 1)
    assert status == "FAILURE" and json.loads(failure)["exc_message"] == ["broken"]


@pytest.mark.slow
@one_server
def test_a_mixed_pool_does_each_task_once(app, broker, stock, make_probe, results):
    probe = make_probe()
    sent = send_many(app, 5000)
    redis = broker.client()
    wait_for(lambda: len(results.of) == len(sent), 60,
             lambda: (len(results.of), redis.llen("celery"), redis.hlen("unacked"), redis.zcard("facet:lease")))
    assert results.of == {task: [("SUCCESS", i)] for i, task in enumerate(sent)}
    inspect = app.control.inspect([probe.node, stock.node], timeout=5)
    done = {node: stats["total"]["celery_tasks.add"] for node, stats in inspect.stats().items()}
    assert len(done) == 2 and sum(done.values()) == 5000 and min(done.values()) > 0


# ---- 9: revoke -------------------------------------------------------------------------------

def test_revoke_queued_delayed_and_running(app, broker, make_probe, listener):
    probe = make_probe("--slots", 1)
    running = call(app, "sleep", 60)
    wait_for(lambda: record(broker, running.id, "state") == b"leased")
    queued = call(app, "add", 1, 1)
    delayed = call(app, "add", 1, 1, countdown=600)
    queued.revoke()
    app.control.revoke(delayed.id)
    assert app.control.revoke(running.id, terminate=True, reply=True) == \
        [{probe.node: {"ok": f"terminate: {running.id}"}}]
    for one in (running, queued):
        with pytest.raises(TaskRevokedError):
            one.get(timeout=10)
        wait_for(lambda one=one: "task-revoked" in listener.of(one.id))
    assert "task-started" not in listener.of(queued.id)
    revoked = next(one for one in listener.events if one["type"] == "task-revoked" and one["uuid"] == running.id)
    assert (revoked["terminated"], revoked["signum"], revoked["expired"]) == (True, "SIGTERM", False)
    # The delayed one is known to be revoked by the time a worker has looked at it.
    with pytest.raises(TaskRevokedError):
        delayed.get(timeout=10)
    assert call(app, "add", 1, 1).get(timeout=10) == 2


def test_terminate_may_be_a_number(app, broker, probe):
    running = call(app, "sleep", 60)  # as Flower sends it
    wait_for(lambda: record(broker, running.id, "state") == b"leased")
    app.control.revoke(running.id, terminate=1, reply=True)
    with pytest.raises(TaskRevokedError):
        running.get(timeout=10)


def test_a_plain_revoke_leaves_a_running_task_alone(app, broker, probe):
    running = call(app, "sleep", 0.5)
    wait_for(lambda: record(broker, running.id, "state") == b"leased")
    app.control.revoke(running.id, reply=True)
    assert running.get(timeout=10) == 1


# ---- prefix ----------------------------------------------------------------------------------

def test_everything_is_under_the_prefix(broker, make_probe):
    probe = make_probe("--prefix", "site:")
    options = {"global_keyprefix": "site:"}
    app = make_app(broker.url, broker_transport_options=options,
                   result_backend_transport_options=options)
    assert call(app, "add", 1, 2).get(timeout=10) == 3
    assert app.control.inspect(timeout=1).ping() == {probe.node: {"ok": "pong"}}
    assert [key for key in broker.client().keys("*") if not key.startswith(b"site:")] == []
