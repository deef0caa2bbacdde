"""Records what a stock Celery puts on Redis: record.py FILE. Run it with the Celery to be recorded (any Python that
runs it) beside a redis-server, or with GOLDEN_URL naming a running one that may be flushed."""

import base64
import contextlib
import datetime
import json
import os
import pathlib
import subprocess
import sys
import time
import uuid

import celery
import kombu
import redis
from celery import Celery, chain, group

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parents[1])]
NODE = "stock@host"
SEP = "\x06\x16"
FIXED = datetime.datetime(2026, 1, 2, 3, 4, 5, 678901, datetime.timezone.utc)


@contextlib.contextmanager
def server_url():
    if "GOLDEN_URL" in os.environ:
        yield os.environ["GOLDEN_URL"]
        return
    from redis_server import RedisServer
    server = RedisServer()
    try:
        yield server.url
    finally:
        server.stop()


class Recorder:
    def __init__(self, url):
        self.url = url
        self.redis = redis.Redis.from_url(url)
        self.redis.flushall()
        self.app = Celery("golden", broker=url, backend=url)
        self.app.conf.task_send_sent_event = True
        self.messages = []
        self.listening = self.redis.pubsub()
        self.listening.psubscribe("/0.*")
        self.listening.get_message(timeout=5)

    def keep(self, kind, what, raw):
        self.messages.append({"kind": kind, "what": what, "raw": raw.decode()})

    def task(self, what, send):
        """The message that `send` leaves in the queue "golden"."""
        send()
        self.keep("task", what, self.redis.rpop("golden"))

    def published(self, channel, seconds=20):
        """The next message of a channel."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            message = self.listening.get_message(timeout=0.5)
            if message and message["type"] == "pmessage" and channel in message["channel"].decode():
                return message["data"]
        raise SystemExit(f"nothing came on {channel}")


def tasks(recorder):
    app = recorder.app

    def send(*args, **options):
        kwargs = options.pop("kwargs", {})
        return lambda: app.send_task("celery_tasks.echo", args, kwargs, queue="golden", **options)

    recorder.task("no arguments", send())
    recorder.task("numbers", send(0, -1, 2**53 + 1, -2**63, 2**64 - 1, 1.5, 0.1, 1e300, 5e-324, True, None))
    recorder.task("nested", send([], {}, [[]], {"a": {"b": []}}, kwargs={"empty": [], "none": None}))
    recorder.task("unicode", send("é", "日本", "\U0001f600", "\\\"'\n\t\x00\x7f", kwargs={"ключ": "значение"}))
    recorder.task("a long text", send("x" * 3000))
    recorder.task("Python's own types", send(FIXED, FIXED.date(), uuid.UUID(int=7)))
    recorder.task("countdown", send(1, countdown=3600))
    zone = datetime.timezone(datetime.timedelta(hours=5, minutes=30))
    recorder.task("eta in another zone", send(1, eta=FIXED.astimezone(zone)))
    recorder.task("eta and expiry", send(1, eta=FIXED, expires=FIXED + datetime.timedelta(hours=1)))
    recorder.task("expires in seconds", send(1, expires=60))
    for priority in (0, 3):
        app.send_task("celery_tasks.echo", (priority,), queue="golden", priority=priority)
        recorder.keep("task", f"priority {priority}",
                      recorder.redis.rpop("golden" + (f"{SEP}{priority}" if priority else "")))
    recorder.task("limits, no result, a name of its own",
                  send(1, soft_time_limit=5, time_limit=10, ignore_result=True, shadow="shadow"))
    recorder.task("a parent and a root", send(1, root_id=str(uuid.UUID(int=1)), parent_id=str(uuid.UUID(int=2))))
    recorder.task("of a group", lambda: group([app.signature("celery_tasks.echo", (1,), queue="golden")]).apply_async())
    first = app.signature("celery_tasks.echo", (1,), queue="golden")
    recorder.task("of a chain (refused)", lambda: chain(first, first).apply_async())
    recorder.task("with a link (refused)", lambda: first.apply_async(link=first))
    recorder.task("compressed (refused)", send(1, compression="zlib"))


def stamped(recorder):
    """Since Celery 5.3."""
    signature = recorder.app.signature("celery_tasks.echo", (1,), queue="golden")
    if hasattr(signature, "stamp"):
        signature.stamp(stamp="value")
        recorder.task("stamped", signature.apply_async)


def requests(recorder):
    control = recorder.app.control
    for method, arguments in [
            ("ping", {}), ("stats", {}), ("query_task", {"ids": ["1"]}), ("pool_grow", {"n": 2}),
            ("add_consumer", {"queue": "q", "exchange": None, "exchange_type": "direct", "routing_key": None}),
            ("shutdown", {})]:
        control.broadcast(method, arguments=arguments)
        recorder.keep("request", method, recorder.published("celery.pidbox"))
    control.revoke(str(uuid.UUID(int=3)), terminate=True, signal="SIGKILL", destination=[NODE])
    recorder.keep("request", "revoke", recorder.published("celery.pidbox"))
    control.broadcast("ping", pattern="sto*", matcher="glob")
    recorder.keep("request", "ping by pattern", recorder.published("celery.pidbox"))
    control.broadcast("ping", reply=True, timeout=0.1)
    recorder.keep("request", "ping with reply", recorder.published("celery.pidbox"))


def worker(recorder, folder):
    """Events, replies, a retry and results of a worker."""
    app = recorder.app
    process = subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "stock_tasks", "worker", "-n", NODE, "-E", "-l", "error", "-c", "1",
         "--without-gossip", "--without-mingle"], cwd=folder,
        env={**os.environ, "STOCK_URL": recorder.url, "C_FORCE_ROOT": "1"})
    try:
        recorder.keep("event", "worker-online", recorder.published("celeryev/worker.online"))
        recorder.keep("event", "worker-heartbeat", recorder.published("celeryev/worker.heartbeat"))
        name = "celery_tasks."
        sent = {"SUCCESS": app.send_task(name + "add", (1, 2)), "FAILURE": app.send_task(name + "fail", ("broken",))}
        recorder.keep("event", "task-sent", recorder.published("celeryev/task.sent"))
        recorder.keep("event", "task-multi", recorder.published("celeryev/task.multi"))
        past = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)
        sent["REVOKED"] = app.send_task(name + "add", (1, 2), expires=past)
        sent["RETRY"] = app.send_task(name + "flaky", (1,), {"queue": "golden"})
        for status, result in sent.items():
            deadline = time.monotonic() + 20
            while result.status != status and time.monotonic() < deadline:
                time.sleep(0.05)
            recorder.keep("result", status, recorder.redis.get(f"celery-task-meta-{result.id}"))
        recorder.keep("task", "a retry", recorder.redis.rpop("golden"))
        app.control.broadcast("ping", reply=True, timeout=0.1)
        request = recorder.published("celery.pidbox")
        key = json.loads(base64.b64decode(json.loads(request)["body"]))["reply_to"]["routing_key"]
        recorder.redis.sadd("_kombu.binding.reply.celery.pidbox", SEP.join((key, "", "replies")))
        recorder.redis.publish("/0.celery.pidbox", request)
        recorder.keep("reply", "ping", recorder.redis.brpop("replies", 20)[1])
    finally:
        process.terminate()
        process.wait(timeout=30)
    recorder.keep("event", "worker-offline", recorder.published("celeryev/worker.offline"))


def main(path):
    with server_url() as url:
        recorder = Recorder(url)
        tasks(recorder)
        stamped(recorder)
        requests(recorder)
        worker(recorder, HERE.parent)
    versions = {"celery": celery.__version__, "kombu": kombu.__version__, "redis": redis.__version__,
                "python": sys.version.split()[0]}
    with open(path, "w") as out:
        out.write('{"versions": ' + json.dumps(versions) + ', "messages": [\n')
        out.write(",\n".join(json.dumps(one) for one in recorder.messages))
        out.write("\n]}\n")


if __name__ == "__main__":
    main(sys.argv[1])
