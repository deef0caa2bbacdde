"""Messages recorded from stock Celery (golden/record.py) through our parsers, and ours through kombu."""

import base64
import datetime
import json
import pathlib
import subprocess

import pytest

from conftest import PROBE, one_server

GOLDEN = sorted((pathlib.Path(__file__).parent / "golden").glob("celery-*.json"))


def load(path):
    return json.loads(path.read_text())["messages"]


def read(raws):
    """What the parsers of the C++ side make of the messages."""
    done = subprocess.run([PROBE, "--read"], input="".join(raw + "\n" for raw in raws), capture_output=True,
                          text=True, timeout=30, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def milliseconds(text):
    if text is None:
        return None
    return int(datetime.datetime.fromisoformat(text).timestamp() * 1000)


def expected(envelope):
    """What a task message says, by the protocol's own description."""
    headers, properties = envelope["headers"], envelope["properties"]
    args, kwargs, _ = json.loads(base64.b64decode(envelope["body"]))
    return {"id": headers["id"], "name": headers["task"], "args": args, "kwargs": kwargs,
            "priority": properties["priority"], "queue": properties["delivery_info"]["routing_key"],
            "eta": milliseconds(headers["eta"]), "expires": milliseconds(headers["expires"]),
            "retries": headers["retries"], "ignore_result": bool(headers.get("ignore_result")),
            "root_id": headers["root_id"], "parent_id": headers["parent_id"] or "",
            "group_id": headers["group"] or "",
            "redelivered": properties["delivery_info"].get("redelivered", False)}


# ---- 22: golden captures ---------------------------------------------------------------------

@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_stock_task_messages_are_read_as_they_are(path):
    messages = [one for one in load(path) if one["kind"] == "task"]
    assert len(messages) >= 18
    for message, seen in zip(messages, read([one["raw"] for one in messages]), strict=True):
        if message["what"].endswith("(refused)"):
            assert "task" not in seen and seen["no_task"], message["what"]
        else:
            assert seen.get("task") == expected(json.loads(message["raw"])), message["what"]


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_stock_envelopes_are_read_as_they_are(path):
    messages = [one for one in load(path) if one["kind"] in ("request", "event", "reply")]
    assert len(messages) >= 14
    for message, seen in zip(messages, read([one["raw"] for one in messages]), strict=True):
        envelope = json.loads(message["raw"])
        assert seen["envelope"] == {"body": json.loads(base64.b64decode(envelope["body"])),
                                    "headers": envelope["headers"]}, message["what"]


@one_server
@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_stock_results_are_read_as_they_are(path, broker):
    redis = broker.client()
    for message in load(path):
        if message["kind"] != "result" or message["what"] == "RETRY":
            continue
        document = json.loads(message["raw"])
        redis.set(f"celery-task-meta-{document['task_id']}", message["raw"])
        done = subprocess.run([PROBE, "--redis", broker.url, "--wait", document["task_id"]], capture_output=True,
                              text=True, timeout=30, check=True)
        status, result = done.stdout.split(" ", 1)
        assert (status, json.loads(result)) == (document["status"], document["result"])


def shapes(envelope):
    """The keys of an envelope and what stands at them, without the values."""
    return {part: {key: type(value).__name__ for key, value in envelope[part].items()}
            for part in ("headers", "properties")} | {
                "envelope": sorted(envelope), "type": envelope["content-type"],
                "delivery_mode": envelope["properties"]["delivery_mode"],
                "delivery_info": sorted(envelope["properties"]["delivery_info"])}


SENDINGS = {  # what is sent: arguments of the probe, the same for send_task
    "plain": (["--args", '[1, "é", []]', "--kwargs", '{"a": {}}'], {"args": (1, "é", []), "kwargs": {"a": {}}}),
    "one argument": (["--args", "[1]"], {"args": (1,)}),
    "priority": (["--priority", "6"], {"priority": 6}),
    "no result": (["--ignore-result"], {"ignore_result": True}),
    "times": (["--eta", "2026-01-02T03:04:05.678000+00:00", "--expires", "2126-01-02T03:04:05+00:00"],
              {"eta": datetime.datetime(2026, 1, 2, 3, 4, 5, 678000, datetime.timezone.utc),
               "expires": datetime.datetime(2126, 1, 2, 3, 4, 5, 0, datetime.timezone.utc)}),
}


@one_server
@pytest.mark.parametrize("what", SENDINGS)
def test_our_task_messages_differ_from_stock_ones_in_nothing_but_what_is_listed(what, app, broker):
    ours, theirs = SENDINGS[what]
    subprocess.run([PROBE, "--redis", broker.url, "--send", "celery_tasks.echo", "--queues", "golden", *ours],
                   timeout=30, check=True, capture_output=True)
    app.send_task("celery_tasks.echo", queue="golden", **theirs)
    name = "golden" + (f"\x06\x16{theirs['priority']}" if "priority" in theirs else "")
    stock, own = (json.loads(raw) for raw in broker.client().lrange(name, 0, -1))
    if stock["headers"]["ignore_result"] is None:  # Celery 5.7: as the task has it
        stock["headers"]["ignore_result"] = False
    own_shapes, stock_shapes = shapes(own), shapes(stock)
    # Redis does not enforce it, and a worker reads headers.expires: not sent.
    stock_shapes["properties"].pop("expiration", None)
    assert own_shapes == stock_shapes
    for key in ("lang", "task", "argsrepr", "kwargsrepr", "ignore_result", "timelimit", "retries", "group", "shadow"):
        assert own["headers"][key] == stock["headers"][key], key
    for key in ("eta", "expires"):
        assert milliseconds(own["headers"][key]) == milliseconds(stock["headers"][key])
    for one in (own, stock):
        assert one["properties"]["correlation_id"] == one["headers"]["id"] == one["headers"]["root_id"]


@one_server
def test_kombu_reads_our_task_messages(app, broker):
    arguments = [[], {}, "é\U0001f600\\\"'\n", 1.5, -3, None, True]
    sent = subprocess.run([PROBE, "--redis", broker.url, "--send", "celery_tasks.echo", "--queues", "golden",
                           "--args", json.dumps(arguments), "--kwargs", '{"ключ": "значение"}'],
                          timeout=30, check=True, capture_output=True, text=True).stdout.strip()
    with app.connection_for_read() as connection:
        message = connection.SimpleQueue("golden").get(timeout=5)
    args, kwargs, embed = message.payload
    assert (args, kwargs) == (arguments, {"ключ": "значение"})
    assert embed == {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
    assert message.headers["id"] == message.properties["correlation_id"] == sent
    assert message.content_type == "application/json"


def test_events_requests_and_replies_of_every_recorded_version_have_one_shape():
    """Ours are compared with a stock worker of one version (test_control.py, test_events.py): that stands for all."""
    recorded = [{(one["kind"], one["what"]): shapes(json.loads(one["raw"])) for one in load(path)
                 if one["kind"] in ("event", "reply")} for path in GOLDEN]
    assert len(recorded) >= 2
    for other in recorded[1:]:
        assert other == recorded[0]
