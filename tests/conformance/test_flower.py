"""Flower and celery-exporter beside Facet's worker; both come from PyPI: ./dev test conformance-pypi."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest
from redis_server import die_with_parent, free_port

from conftest import ROOT, make_app, one_server, wait_for

pytest.importorskip("flower", reason="no Flower here: ./dev test conformance-pypi")

NAME = "celery_tasks."
CHROMIUM = os.environ.get("FACET_CHROMIUM", "/usr/bin/chromium")


class Site:
    """A web server of a Python program."""

    def __init__(self, arguments, folder, url, **environment):
        self.port = free_port()
        self.log = pathlib.Path(folder) / f"site-{self.port}.log"
        self.process = subprocess.Popen(
            [sys.executable, *[str(one).replace("PORT", str(self.port)) for one in arguments]],
            cwd=pathlib.Path(__file__).parent, stdout=open(self.log, "ab"), stderr=subprocess.STDOUT,
            preexec_fn=die_with_parent, env={**os.environ, "STOCK_URL": url, **environment})
        self.url = f"http://127.0.0.1:{self.port}"

    def get(self, path, data=None):
        """Status and text."""
        try:
            with urllib.request.urlopen(self.url + path, data=data, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except urllib.error.URLError:
            assert self.process.poll() is None, self.log.read_text()[-4000:]
            return None, ""

    def post(self, path, **fields):
        return self.get(path, urllib.parse.urlencode(fields).encode())

    def json(self, path):
        status, text = self.get(path)
        assert status == 200, (path, status, text)
        return json.loads(text)

    def stop(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def flower(broker, tmp_path):
    site = Site(["-m", "celery", "-A", "stock_tasks", "flower", "--address=127.0.0.1", "--port=PORT"], tmp_path,
                broker.url, FLOWER_UNAUTHENTICATED_API="true")
    wait_for(lambda: site.get("/healthcheck")[0] == 200, 30, site.log.read_text)
    yield site
    site.stop()


def call(app, name, *args, **options):
    return app.send_task(NAME + name, args, **options)


def worker_row(flower, node):
    rows = [one for one in flower.json("/workers?json=1")["data"] if one["hostname"] == node]
    return rows[0] if rows else None


@pytest.fixture
def worked(app, flower, make_probe):
    """A worker that Flower knows, with tasks of every kind behind it."""
    probe = make_probe(node="facet@photos")
    wait_for(lambda: worker_row(flower, probe.node))
    tasks = {"done": call(app, "add", 20, 22), "failed": call(app, "fail", "broken picture"),
             "retried": call(app, "flaky", 1), "running": call(app, "sleep", 600)}
    tasks["delayed"] = call(app, "add", 1, 1, countdown=3600)
    wait_for(lambda: (row := worker_row(flower, probe.node)).get("task-succeeded") == 2 and
             row.get("task-failed") == 1 and row.get("task-started") == 5, 30,
             lambda: worker_row(flower, probe.node))
    return probe, {name: one.id for name, one in tasks.items()}


def take_every_slot(app, probe):
    """Both slots sleep, one of them since `worked`: what is sent after this stays in the queue."""
    call(app, "sleep", 600)
    wait_for(lambda: len(app.control.inspect([probe.node], timeout=5).active()[probe.node]) == 2)


# ---- 19: Flower ------------------------------------------------------------------------------

def test_pages_and_figures_are_right(app, broker, flower, worked):
    probe, tasks = worked
    row = worker_row(flower, probe.node)
    assert row["status"] is True and row["sw_ident"] == "facet"
    assert (row["task-received"], row["task-retried"]) == (5, 1)
    wait_for(lambda: worker_row(flower, probe.node)["active"] == 1)

    status, page = flower.get(f"/worker/{probe.node}")
    assert status == 200
    for text in ("facet:threads", "Max concurrency", NAME + "add", tasks["running"], tasks["delayed"]):
        assert text.lower() in page.lower(), text

    columns = {f"columns[{i}][data]": name for i, name in enumerate(("name", "uuid", "state"))}
    status, text = flower.post("/tasks/datatable", draw=1, start=0, length=50, **{
        "search[value]": "", "order[0][column]": 0, "order[0][dir]": "asc", **columns})
    rows = {one["uuid"]: one for one in json.loads(text)["data"]}
    assert status == 200
    for name, state in (("done", "SUCCESS"), ("failed", "FAILURE"), ("retried", "SUCCESS"), ("running", "STARTED")):
        assert rows[tasks[name]]["state"] == state, name
    assert rows[tasks["done"]]["name"] == NAME + "add" and rows[tasks["done"]]["args"] == "(20, 22)"
    assert rows[tasks["done"]]["result"] == "42" and float(rows[tasks["done"]]["runtime"]) < 5

    status, page = flower.get(f"/task/{tasks['failed']}")
    assert status == 200 and "Corrupt(&#x27;broken picture&#x27;)" in page.replace("&#39;", "&#x27;") and "FAILURE" in page

    take_every_slot(app, probe)
    for i in range(3):
        call(app, "add", i, i, queue="celery", priority=0)
    assert flower.json("/api/queues/length")["active_queues"] == [{"name": "celery", "messages": 3}]
    assert flower.get("/broker")[0] == 200

    metrics = flower.get("/metrics")[1]
    assert f'flower_worker_online{{worker="{probe.node}"}} 1.0' in metrics
    assert re.search(rf'flower_events_total{{.*type="task-failed".*worker="{probe.node}".*}} 1.0', metrics) or \
        re.search(rf'flower_events_total{{task="{NAME}fail",type="task-failed",worker="{probe.node}"}} 1.0', metrics)


def test_buttons_work(app, broker, flower, make_probe):
    probe = make_probe()
    wait_for(lambda: probe.node in flower.json("/api/workers?refresh=1"))
    inspect = app.control.inspect([probe.node], timeout=5)

    def slots():
        return inspect.stats()[probe.node]["pool"]["max-concurrency"]

    def press(path, **fields):
        status, text = flower.post(path, **fields)
        assert status == 200, (path, text)
        return json.loads(text)

    press(f"/api/worker/pool/grow/{probe.node}", n=3)
    wait_for(lambda: slots() == 5)
    press(f"/api/worker/pool/shrink/{probe.node}", n=4)
    wait_for(lambda: slots() == 1)
    assert press(f"/api/worker/queue/add-consumer/{probe.node}", queue="extra") == {"message": "add consumer extra"}
    assert {one["name"] for one in inspect.active_queues()[probe.node]} == {"celery", "extra"}
    assert press(f"/api/worker/queue/cancel-consumer/{probe.node}", queue="extra") == \
        {"message": "no longer consuming from extra"}
    for path, why in ((f"/api/worker/pool/autoscale/{probe.node}?min=1&max=3", "Autoscale not enabled"),
                      (f"/api/worker/pool/restart/{probe.node}", "Pool restarts not enabled"),
                      (f"/api/task/rate-limit/{NAME}add?workername={probe.node}&ratelimit=10", "not supported"),
                      (f"/api/task/timeout/{NAME}add?workername={probe.node}&hard=3&soft=1", "not supported")):
        status, text = flower.post(path)
        assert status == 403 and why in text, (path, status, text)

    def body(*args):
        return json.dumps({"args": args}).encode()

    status, text = flower.get(f"/api/task/apply/{NAME}add", body(20, 22))
    assert status == 200 and json.loads(text)["result"] == 42
    status, text = flower.get(f"/api/task/async-apply/{NAME}sleep", body(600))
    running = json.loads(text)["task-id"]
    wait_for(lambda: [one["id"] for one in inspect.active()[probe.node]] == [running])
    press(f"/api/task/revoke/{running}", terminate="true")
    wait_for(lambda: flower.json(f"/api/task/result/{running}")["state"] == "REVOKED", 10,
             lambda: (flower.json(f"/api/task/result/{running}"), probe.log.read_text()[-2000:]))
    status, text = flower.get(f"/api/task/send-task/{NAME}echo", body("é"))
    sent = json.loads(text)["task-id"]
    wait_for(lambda: flower.json(f"/api/task/info/{sent}")["state"] == "SUCCESS"
             if flower.get(f"/api/task/info/{sent}")[0] == 200 else None)
    assert flower.json(f"/api/task/result/{sent}")["result"] == {"args": ["é"], "kwargs": {}}
    press(f"/api/worker/shutdown/{probe.node}")
    assert probe.process.wait(timeout=20) == 0
    wait_for(lambda: worker_row(flower, probe.node)["status"] is False)


@one_server
@pytest.mark.skipif(not pathlib.Path(CHROMIUM).exists() or not shutil.which("node"), reason="no Chromium or node")
def test_pages_in_a_browser(app, flower, worked, tmp_path):
    probe, tasks = worked
    take_every_slot(app, probe)
    for i in range(3):
        call(app, "add", i, i)
    worker = f"{flower.url}/worker/{probe.node}"
    pages = [
        {"name": "workers", "url": f"{flower.url}/workers", "texts": [probe.node, "Online"]},
        {"name": "worker-pool", "url": worker, "texts": [probe.node, "Facet:threads", "Max concurrency"]},
        {"name": "worker-queues", "url": worker, "clicks": ["#worker-tab-queues"], "texts": ["celery", "Exclusive"]},
        {"name": "worker-tasks", "url": worker, "clicks": ["#worker-tab-tasks"],
         "texts": [tasks["running"], NAME + "sleep", NAME + "fail"]},
        {"name": "worker-config", "url": worker, "clicks": ["#worker-tab-config"], "texts": ["accept_content", "task_acks_late"]},
        {"name": "worker-system", "url": worker, "clicks": ["#worker-tab-system"], "texts": ["utime", "maxrss"]},
        {"name": "tasks", "url": f"{flower.url}/tasks",
         "texts": [tasks["done"], tasks["failed"], NAME + "add", "SUCCESS", "FAILURE", "STARTED", probe.node]},
        {"name": "task", "url": f"{flower.url}/task/{tasks['failed']}",
         "texts": [NAME + "fail", "FAILURE", "Corrupt('broken picture')", probe.node]},
        {"name": "broker", "url": f"{flower.url}/broker", "texts": ["celery", "3"]},
    ]
    shots = os.environ.get("FACET_SCREENSHOTS", str(tmp_path / "shots"))
    pathlib.Path(shots).mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["node", pathlib.Path(__file__).with_name("pages.mjs")], cwd=ROOT, capture_output=True,
                          text=True, timeout=400, env={**os.environ, "PAGES": json.dumps(pages), "HOME": str(tmp_path),
                                                       "FACET_SCREENSHOTS": shots, "FACET_CHROMIUM": CHROMIUM})
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert {path.stem for path in pathlib.Path(shots).glob("*.png")} >= {page["name"] for page in pages}


# ---- 15: with Flower attached, and 30 s ------------------------------------------------------

@pytest.mark.slow
@one_server
def test_flower_with_a_short_visibility_timeout_does_no_harm(broker, make_probe, tmp_path):
    mark = tmp_path / "mark"
    settings = tmp_path / "impatient.py"
    settings.write_text("broker_transport_options = {'visibility_timeout': 1}\n")
    site = Site(["-m", "celery", "-b", broker.url, "--result-backend", broker.url, "--config", "impatient", "flower",
                 "--address=127.0.0.1", "--port=PORT"], tmp_path, broker.url, PYTHONPATH=str(tmp_path))
    try:
        probe = make_probe("--lease", 2000)
        wait_for(lambda: site.get("/healthcheck")[0] == 200, 30, site.log.read_text)
        wait_for(lambda: worker_row(site, probe.node), 30, site.log.read_text)
        impatient = make_app(broker.url, broker_transport_options={"visibility_timeout": 1})
        sent = call(impatient, "mark", str(mark), 30)
        wait_for(mark.exists)
        while not sent.ready():
            impatient.control.inspect(timeout=0.5).ping()
            assert site.get(f"/worker/{probe.node}")[0] == 200
            time.sleep(0.5)
        assert sent.get(timeout=10) == 1
        assert mark.read_text() == "1\n"
    finally:
        site.stop()


# ---- 20: celery-exporter ---------------------------------------------------------------------

def metric(text, metric_name, **labels):
    """The sum of what fits."""
    values = [float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(metric_name + "{") and
              all(f'{key}="{value}"' in line for key, value in labels.items())]
    return sum(values) if values else None


def test_the_exporter_counts(app, broker, make_probe, tmp_path):
    pytest.importorskip("src.exporter", reason="no celery-exporter here: ./dev test conformance-pypi")
    site = Site(["-c", "from src.cli import cli; cli()", "--broker-url", broker.url, "--host", "127.0.0.1",
                 "--port", "PORT"], tmp_path, broker.url)
    try:
        wait_for(lambda: site.get("/health")[0] == 200, 30, site.log.read_text)
        probe = make_probe("--slots", 3, node="facet@photos")

        def now():
            return site.get("/metrics")[1]

        wait_for(lambda: metric(now(), "celery_worker_up", hostname="photos") == 1, 20, site.log.read_text)
        app.conf.task_send_sent_event = True
        for i in range(10):
            call(app, "add", i, i)
        for _ in range(2):
            call(app, "fail", "broken")
        call(app, "flaky", 1)
        wait_for(lambda: metric(now(), "celery_task_succeeded_total") == 11 and
                 metric(now(), "celery_task_failed_total") == 2, 20, now)
        text = now()
        of_worker = {"hostname": "photos"}
        assert metric(text, "celery_task_sent_total", queue_name="celery") == 13
        assert metric(text, "celery_task_received_total", name=NAME + "add", **of_worker) == 10
        assert metric(text, "celery_task_started_total", name=NAME + "add", **of_worker) == 10
        assert metric(text, "celery_task_succeeded_total", name=NAME + "add", **of_worker) == 10
        assert metric(text, "celery_task_failed_total", exception="Corrupt", name=NAME + "fail", **of_worker) == 2
        assert metric(text, "celery_task_retried_total", name=NAME + "flaky", **of_worker) == 1
        assert metric(text, "celery_task_runtime_count", name=NAME + "add", **of_worker) == 10
        for i in range(5):  # three run, two wait
            call(app, "sleep", 600)
        wait_for(lambda: metric(now(), "celery_queue_length", queue_name="celery") == 2, 30, now)
        wait_for(lambda: metric(now(), "celery_active_process_count", queue_name="celery") == 3, 30, now)
        wait_for(lambda: metric(now(), "celery_worker_tasks_active", **of_worker) == 3, 20, now)
        probe.stop()
        wait_for(lambda: metric(now(), "celery_worker_up", **of_worker) == 0, 20, now)
    finally:
        site.stop()
