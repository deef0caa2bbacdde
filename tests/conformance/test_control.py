"""Remote control: what Facet's worker answers beside what a stock Celery worker answers to the same question."""

import json
import time
import types
import uuid

import pytest
from redis_server import RedisServer

from conftest import Probe, StockWorker, make_app, one_server, run_celery, wait_for

NAME = "celery_tasks."


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """One worker of each kind, each with tasks that run, that wait for their time, and a revoked one."""
    folder = tmp_path_factory.mktemp("pair")
    server = RedisServer()
    app = make_app(server.url)
    probe = Probe(server.url, folder, "--queues", "facet", node="facet@host")
    stock = StockWorker(server.url, folder, "-Q", "stock", events=False)
    stock.wait_ready(app)
    ids = {}
    inspect = app.control.inspect([probe.node, stock.node], timeout=5)
    for queue in ("facet", "stock"):
        app.send_task(NAME + "add", (1, 2), {}, queue=queue, countdown=3600)
    wait_for(lambda: all(len(tasks) == 1 for tasks in inspect.scheduled().values()))
    for queue in ("facet", "stock"):
        ids[queue] = [app.send_task(NAME + "sleep", (600,), queue=queue).id for _ in range(3)]
    wait_for(lambda: all(len(tasks) == 2 for tasks in inspect.active().values()))
    wait_for(lambda: len(inspect.reserved()[stock.node]) == 1)  # the third, which a stock worker has fetched
    revoked = str(uuid.uuid4())
    app.control.revoke(revoked)
    app.control.enable_events(reply=True)
    yield types.SimpleNamespace(server=server, app=app, facet=probe.node, stock=stock.node, ids=ids, revoked=revoked)
    stock.kill()
    probe.kill()
    app.close()
    server.stop()


def ask(pair, kind, *arguments):
    """The answers of both, by node, as the command line prints them."""
    done = run_celery(pair.server.url, kind, "--timeout", 5, "--json", "-d", f"{pair.facet},{pair.stock}", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    answers = json.loads(done.stdout)
    if isinstance(answers, list):
        answers = {node: answer for one in answers for node, answer in one.items()}
    return answers[pair.facet], answers[pair.stock]


def shape(value, path=""):
    """All keys in it, as paths; what stands for data (names of tasks, ids) is *."""
    if isinstance(value, dict):
        found = {path + "{}"}
        for key, inner in value.items():
            name = "*" if key.startswith(NAME) or len(key) == 36 else key
            found |= shape(inner, f"{path}.{name}")
        return found
    if isinstance(value, list):
        return {path + "[]"}.union(*(shape(inner, path + "[]") for inner in value))
    return {path}


# ---- 7: celery status, inspect ---------------------------------------------------------------

# Celery's debugging aids for its own Python processes; the answer is that there is no such method.
NO_SUCH_METHOD = {".error", "{}"}, {""}
SETTINGS = {".accept_content[]", ".enable_utc", ".result_serializer", ".task_acks_late", ".task_default_queue",
            ".task_serializer", ".worker_concurrency", ".worker_prefetch_multiplier"}
REQUEST = {"{}", *("." + name for name in (
    "id", "name", "args[]", "kwargs{}", "type", "hostname", "time_start", "acknowledged", "worker_pid",
    "delivery_info{}", "delivery_info.exchange", "delivery_info.routing_key", "delivery_info.priority",
    "delivery_info.redelivered"))}
DIFFERENCES = {  # keys that only our answer, and only the stock answer has
    "conf": (SETTINGS, {".include[]", ".deprecated_settings"}),  # a stock one lists what is set
    "memdump": NO_SUCH_METHOD,
    "memsample": NO_SUCH_METHOD,
    # Nothing waits in a worker of ours: what no slot is free for stays in the queue.
    "reserved": (set(), {"[]" + path for path in REQUEST}),
    # Of pipes to child processes; a stock pool without them says "N/A", too.
    "stats": ({".pool.writes"}, {".pool.writes{}", ".pool.writes.inqueues{}", *(".pool.writes." + name for name in (
        "all", "avg", "raw", "strategy", "total", "inqueues.active", "inqueues.total"))}),
}
NEWER = {".worker_disable_prefetch", ".broker.credential_provider"}  # Celery 5.7
INSPECT = ("active", "active_queues", "clock", "conf", "memdump", "memsample", "objgraph", "ping", "query_task",
           "registered", "report", "reserved", "revoked", "scheduled", "stats")


@pytest.mark.parametrize("method", INSPECT)
def test_inspect_answers_have_the_shape_of_stock_ones(method, pair):
    more = [pair.ids["facet"][0], pair.ids["stock"][0]] if method == "query_task" else []
    ours, stock = (shape(answer) for answer in ask(pair, "inspect", method, *more))
    assert (ours - stock, stock - ours - NEWER) == DIFFERENCES.get(method, (set(), set()))


def test_inspect_answers_say_what_is_so(pair):
    inspect = pair.app.control.inspect([pair.facet], timeout=5)
    running = {task["id"]: task for task in inspect.active()[pair.facet]}
    assert len(running) == 2 and set(running) < set(pair.ids["facet"])
    for task in running.values():
        assert (task["name"], task["args"], task["hostname"]) == (NAME + "sleep", [600], pair.facet)
        assert 0 < time.time() - task["time_start"] < 600
    stats = inspect.stats()[pair.facet]
    assert stats["total"] == {NAME + "sleep": 2} and stats["pool"]["max-concurrency"] == 2
    assert stats["broker"]["port"] == pair.server.port
    assert [queue["name"] for queue in inspect.active_queues()[pair.facet]] == ["facet"]
    assert inspect.revoked() == {pair.facet: [pair.revoked]}
    assert set(inspect.registered()[pair.facet]) > {NAME + "add", NAME + "sleep"}
    queried = inspect.query_task(*pair.ids["facet"])[pair.facet]
    assert {task: state for task, (state, _) in queried.items()} == dict.fromkeys(running, "active")


def test_status_and_destinations(pair):
    done = run_celery(pair.server.url, "status", "--timeout", 3)
    assert done.returncode == 0 and "2 nodes online." in done.stdout
    assert f"{pair.facet}: OK" in done.stdout and f"{pair.stock}: OK" in done.stdout
    for node, code in ((pair.facet, 0), (pair.stock, 0), ("nobody@host", 69)):
        done = run_celery(pair.server.url, "inspect", "--timeout", 1, "-d", node, "--json", "ping")
        assert done.returncode == code, done.stdout + done.stderr
        if code == 0:
            assert json.loads(done.stdout) == {node: {"ok": "pong"}}


@pytest.mark.parametrize("pattern, matcher, hits", [
    ("*@host", "glob", {"facet", "stock"}), ("f*", "glob", {"facet"}), ("[a-m]*@hos?", "glob", {"facet"}),
    ("[!f]*", "glob", {"stock"}), ("facet", "glob", set()), ("fac", "pcre", {"facet"}), ("host", "pcre", set()),
    (r".*@host$", "pcre", {"facet", "stock"}), (r"\w+k@", "pcre", {"stock"}),
])
def test_patterns_reach_the_same_nodes(pattern, matcher, hits, pair):
    # An application that has waited in vain may miss the next answer: one for each call.
    with make_app(pair.server.url) as app:
        answers = app.control.broadcast("ping", pattern=pattern, matcher=matcher, reply=True,
                                        timeout=5 if hits else 0.5, limit=len(hits) or None)
    assert {node for answer in answers for node in answer} == {getattr(pair, name) for name in hits}


# ---- 8: celery control -----------------------------------------------------------------------

TASK = str(uuid.UUID(int=8))
UNKNOWN = NAME + "nothing"
CONTROL = {  # arguments; what answers the same as a stock worker
    "enable_events, on already": ["enable_events"],
    "disable_events": ["disable_events"],
    "disable_events, off already": ["disable_events"],
    "enable_events": ["enable_events"],
    "heartbeat": ["heartbeat"],
    "election": ["election", "1", "topic", "action"],
    "pool_grow": ["pool_grow", 4],
    "pool_shrink": ["pool_shrink", 1],
    "pool_shrink, too far": ["pool_shrink", 99],
    "autoscale": ["autoscale", 4, 2],
    "pool_restart": ["pool_restart"],
    "add_consumer": ["add_consumer", "extra"],
    "cancel_consumer": ["cancel_consumer", "extra"],
    "cancel_consumer, not consumed": ["cancel_consumer", "nothing"],
    "revoke": ["revoke", TASK],
    "revoke, nothing": ["revoke"],
    "terminate, unknown": ["terminate", "SIGTERM", TASK],
    "rate_limit, unknown": ["rate_limit", UNKNOWN, "10/m"],
    "time_limit, unknown": ["time_limit", UNKNOWN, 1, 2],
}
REFUSED = {  # what a worker of ours does not do, and says so
    "rate_limit": (["rate_limit", NAME + "add", "10/m"], "rate limits are not supported"),
    "time_limit": (["time_limit", NAME + "add", 1, 2], "time limits are not supported"),
    "revoke_by_stamped_headers": (["revoke_by_stamped_headers", "a=b"], "stamped headers are not supported"),
}


@pytest.mark.parametrize("what", CONTROL)
def test_control_answers_are_those_of_a_stock_worker(what, pair):
    if what == "pool_shrink":  # a stock pool grows when its loop comes to it, and only free processes go
        inspect = pair.app.control.inspect([pair.stock], timeout=5)
        wait_for(lambda: len(inspect.stats()[pair.stock]["pool"]["processes"]) == 6, 20, inspect.stats)
    ours, stock = ask(pair, "control", *CONTROL[what])
    assert ours == stock


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_not_done_is_refused(what, pair):
    arguments, why = REFUSED[what]
    ours, stock = ask(pair, "control", *arguments)
    assert ours == {"error": why} and set(stock) == {"ok"}


def test_an_unknown_method_is_answered_as_by_a_stock_worker(pair):
    answers = pair.app.control.broadcast("nonsense", reply=True, timeout=5, destination=[pair.facet, pair.stock])
    assert sorted(answers, key=str) == [{node: {"error": "KeyError('nonsense')"}} for node in (pair.facet, pair.stock)]


def test_what_control_has_changed_is_seen(app, broker, probe, listener):
    control = app.control
    inspect = control.inspect([probe.node], timeout=5)

    def slots():
        return inspect.stats()[probe.node]["pool"]["max-concurrency"]

    assert slots() == 2
    control.pool_grow(3, [probe.node])
    wait_for(lambda: slots() == 5)
    control.pool_shrink(4, [probe.node])
    wait_for(lambda: slots() == 1)
    control.add_consumer("extra", destination=[probe.node])
    wait_for(lambda: [one["name"] for one in inspect.active_queues()[probe.node]] == ["celery", "extra"])
    control.broadcast("disable_events", destination=[probe.node], reply=True)
    silent, after = [app.send_task(NAME + "add", (1, n)) for n in (1, 2)]
    assert (silent.get(timeout=10), after.get(timeout=10)) == (2, 3)  # with one slot, the first is over altogether
    control.broadcast("enable_events", destination=[probe.node], reply=True)
    heard = app.send_task(NAME + "add", (1, 3))
    wait_for(lambda: "task-succeeded" in listener.of(heard.id))
    assert listener.of(silent.id) == []


@one_server
def test_shutdown_ends_two_workers_after_what_they_do(app, make_probe, listener):
    probes = [make_probe("--slots", 1), make_probe("--slots", 1)]
    running = [app.send_task(NAME + "spin", (1,)) for _ in probes]
    wait_for(lambda: all("task-started" in listener.of(one.id) for one in running))
    done = run_celery(app.conf.broker_url, "control", "--timeout", 1, "shutdown")
    assert done.returncode == 69, "stock workers do not answer it either"
    for probe in probes:
        assert probe.process.wait(timeout=20) == 0
    assert [one.get(timeout=5) for one in running] == [True, True]
    wait_for(lambda: {one["hostname"] for one in listener.events if one["type"] == "worker-offline"} ==
             {probe.node for probe in probes})


def test_reading_control_only(app, make_probe):
    probe = make_probe("--control", "read")
    control = app.control
    assert control.inspect([probe.node], timeout=5).stats()
    for method, arguments in (("pool_grow", {"n": 1}), ("revoke", {"task_id": TASK}), ("shutdown", {}),
                              ("add_consumer", {"queue": "extra"}), ("disable_events", {})):
        assert control.broadcast(method, arguments=arguments, destination=[probe.node], reply=True, timeout=5) == \
            [{probe.node: {"error": "PermissionError('remote control of this worker is for reading only')"}}]
    stats = control.inspect([probe.node], timeout=5).stats()
    assert stats[probe.node]["pool"]["max-concurrency"] == 2 and probe.process.poll() is None


@one_server
def test_a_pattern_made_to_take_forever_does_not(app, probe):
    app.control.broadcast("ping", pattern="(((.*)*)*)*x", matcher="pcre")
    assert app.control.inspect([probe.node], timeout=5).ping() == {probe.node: {"ok": "pong"}}
