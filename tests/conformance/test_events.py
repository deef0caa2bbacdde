"""Events of Facet's worker, as Celery's own monitors read them, beside those of a stock worker."""

import datetime
import re
import subprocess
import sys
import time

from redis_server import die_with_parent

from conftest import one_server, wait_for

NAME = "celery_tasks."


def send(app, name, *args, **options):
    return app.send_task(NAME + name, args, **options)


# ---- 10: events ------------------------------------------------------------------------------

def test_the_state_of_a_monitor_is_right(app, probe, listener):
    state = listener.state
    wait_for(lambda: probe.node in state.workers)
    worker = state.workers[probe.node]
    assert worker.alive and worker.sw_ident == "facet" and worker.pid == probe.process.pid
    done = send(app, "sleep", 0.2)
    failed = send(app, "fail", "broken picture")
    echoed = send(app, "echo", 1, "é", kwargs={"a": [None, True]})
    expired = send(app, "add", 1, 1,
                   expires=datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=1))
    ends = {"task-succeeded", "task-failed", "task-revoked"}
    for one in (done, failed, echoed, expired):
        wait_for(lambda one=one: ends & set(listener.of(one.id)))
    tasks = {name: state.tasks[one.id] for name, one in
             (("done", done), ("failed", failed), ("echoed", echoed), ("expired", expired))}
    assert {name: (task.name, task.state) for name, task in tasks.items()} == {
        "done": (NAME + "sleep", "SUCCESS"), "failed": (NAME + "fail", "FAILURE"),
        "echoed": (NAME + "echo", "SUCCESS"), "expired": (NAME + "add", "REVOKED")}
    assert 0.2 <= tasks["done"].runtime < 2 and tasks["done"].result == "1"
    assert tasks["done"].received <= tasks["done"].started <= tasks["done"].succeeded
    assert tasks["failed"].exception == "Corrupt('broken picture')"
    assert (tasks["echoed"].args, tasks["echoed"].kwargs) == ("(1, 'é')", "{'a': [None, True]}")
    assert all(task.worker.hostname == probe.node for task in tasks.values())
    wait_for(lambda: state.workers[probe.node].processed == 3 and state.workers[probe.node].active == 0)


@one_server
def test_a_killed_worker_is_offline_after_two_heartbeats(probe, listener, record_property):
    state = listener.state
    wait_for(lambda: "worker-heartbeat" in [one["type"] for one in listener.events])
    assert state.workers[probe.node].freq == 2
    probe.kill()
    killed = time.monotonic()
    assert state.workers[probe.node].alive
    wait_for(lambda: not state.workers[probe.node].alive, 6)
    took = time.monotonic() - killed
    record_property("offline_s", round(took, 2))
    assert took < 4.5  # the 4 s that Celery grants since the last heartbeat


@one_server
def test_a_worker_that_leaves_says_so(probe, listener):
    wait_for(lambda: probe.node in listener.state.workers)
    assert probe.stop() == 0
    wait_for(lambda: not listener.state.workers[probe.node].alive)
    assert [one["type"] for one in listener.events if one["hostname"] == probe.node][-1] == "worker-offline"


@one_server
def test_celery_events_dump_prints_them(app, broker, probe, tmp_path):
    with open(tmp_path / "dump", "wb") as out:
        viewer = subprocess.Popen([sys.executable, "-u", "-m", "celery", "-b", broker.url, "events", "--dump"],
                                  stdout=out, stderr=subprocess.STDOUT, preexec_fn=die_with_parent)
    try:
        read = (tmp_path / "dump").read_text
        wait_for(lambda: f"{probe.node} [" in read(), 20, read)
        sent = [send(app, "add", 1, 2), send(app, "fail", "broken")]
        wait_for(lambda: "task failed" in read() and "task succeeded" in read(), 20, read)
        lines = [line for line in read().splitlines() if line.startswith(probe.node)]
        form = re.compile(r"\S+@\S+ \[[^\]]+\] (heartbeat|online|task (received|started|succeeded|failed): (.*))")
        kinds = {}
        for line in lines:
            found = form.match(line)
            assert found, line
            kinds.setdefault(found[2], []).append(found[3])
        assert {"received", "started", "succeeded", "failed"} <= set(kinds)
        for task, name in zip(sent, ("add", "fail")):
            assert any(task.id in one and NAME + name in one for one in kinds["received"]), kinds
        assert any("exception=Corrupt('broken')" in one for one in kinds["failed"]), kinds
    finally:
        viewer.kill()
        viewer.wait()


@one_server
def test_events_have_the_fields_of_stock_ones(app, broker, stock, make_probe, listener):
    probe = make_probe("--queues", "facet")

    def all_kinds(queue):
        sent = [send(app, "add", 1, 2, queue=queue), send(app, "fail", "broken", queue=queue),
                send(app, "flaky", 1, queue=queue)]
        past = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=1)
        sent.append(send(app, "add", 1, 2, queue=queue, expires=past))
        return [one.id for one in sent]

    ids = {probe.node: all_kinds("facet"), stock.node: all_kinds("celery")}
    kinds = {"worker-heartbeat", "task-received", "task-started", "task-succeeded", "task-failed", "task-retried",
             "task-revoked"}

    def fields(node):
        found = {}
        for event in list(listener.events):  # a heartbeat that was asked for has fewer
            if event["hostname"] == node:
                found.setdefault(event["type"], set()).update(event)
        return found

    for node in ids:
        wait_for(lambda node=node: kinds <= set(fields(node)) and "loadavg" in fields(node)["worker-heartbeat"], 20,
                 lambda: listener.events)
    ours, stocks = fields(probe.node), fields(stock.node)
    for kind in kinds:
        assert (kind, ours[kind]) == (kind, stocks[kind])
    # What both were given, both tell in the same words.
    told = {node: {(event["type"], event["uuid"]): event for event in reversed(listener.events)
                   if event["hostname"] == node and "uuid" in event} for node in ids}  # of several, the first
    for own, theirs in zip(ids[probe.node][:3], ids[stock.node][:3], strict=True):  # not received: the expired one
        left, right = (told[probe.node]["task-received", own], told[stock.node]["task-received", theirs])
        for key in ("name", "args", "kwargs", "parent_id", "eta"):
            assert left[key] == right[key], key
        assert left["root_id"] == own and right["root_id"] == theirs


# ---- 11: an answer whatever the slots do -----------------------------------------------------

@one_server
def test_inspect_is_answered_while_all_slots_work(app, broker, probe, record_property):
    """Each slot computes for a minute, deaf to everything, and there are as many as processors."""
    inspect = app.control.inspect([probe.node], timeout=5)
    inspect.ping()  # connected
    busy = [send(app, "spin", 60) for _ in range(2)]
    wait_for(lambda: len(inspect.active()[probe.node]) == 2)
    took = []
    for turn in range(100):
        began = time.monotonic()
        answer = (inspect.stats if turn % 2 else inspect.active)()
        took.append(time.monotonic() - began)
        assert answer and answer[probe.node]
    assert len(inspect.active()[probe.node]) == 2 and not any(one.ready() for one in busy)
    took.sort()
    record_property("inspect_ms_p50", round(took[50] * 1000, 1))
    record_property("inspect_ms_max", round(took[-1] * 1000, 1))
    assert took[-1] < 0.3, took[-5:]
