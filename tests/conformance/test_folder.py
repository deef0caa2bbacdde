"""Facet without any server, seen by Celery's programs through a folder (kombu's filesystem transport), and given
tasks by Python producers as files."""

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time

import celery
import httpx
import pytest
from celery.exceptions import TaskRevokedError

from conftest import Listener, die_with_parent, wait_for
from facet_server import Server, models_folder
from facet_server import testdata_folder as find_testdata

NODE = "facet@folder"


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    return models_folder(tmp_path_factory.mktemp("models"))


@pytest.fixture
def make_facet(tmp_path, models):
    servers = []

    def make(*settings):
        server = Server(tmp_path / "data", models, *[word for one in (f"celery.worker_name={NODE}", *settings)
                                                     for word in ("-s", one)])
        server.data.mkdir(exist_ok=True)
        server.folder = server.data / "celery"
        servers.append(server)
        return server.start()

    yield make
    for server in servers:
        server.stop()


@pytest.fixture
def facet(make_facet):
    return make_facet()


def open_app(folder):
    """As Celery's programs that are started in the folder do."""
    settings = {"__file__": str(folder / "celeryconfig.py")}
    exec((folder / "celeryconfig.py").read_text(), settings)
    app = celery.Celery("celery_tasks")
    app.conf.update({name: settings[name]
                     for name in ("broker_url", "broker_transport_options", "result_backend")})
    return app


@pytest.fixture
def app(facet):
    one = open_app(facet.folder)
    yield one
    one.close()


@pytest.fixture
def picture():
    if find_testdata() is None:
        pytest.skip("no test data: set FACET_TESTDATA")
    return find_testdata() / "people/obama_1.jpg"


def run_celery(folder, *words):
    return subprocess.run([sys.executable, "-m", "celery", *words], cwd=folder, capture_output=True, text=True,
                          timeout=60)


def inspect(app, *nodes):
    return app.control.inspect(list(nodes) or None, timeout=5, limit=1)


# ---- what it is asked ------------------------------------------------------------------------

def test_the_folder_is_its_owners_alone_and_quiet(facet):
    assert facet.folder.stat().st_mode & 0o777 == 0o700
    time.sleep(3)  # longer than a heartbeat
    assert list((facet.folder / "messages").iterdir()) == []


def test_it_can_be_off(make_facet):
    facet = make_facet("celery.folder=off")
    assert not facet.folder.exists()


def test_the_command_line_in_the_folder_sees_the_worker(facet):
    status = run_celery(facet.folder, "status", "--timeout", "2")
    assert status.returncode == 0, status.stderr
    assert f"{NODE}: OK" in status.stdout
    ping = run_celery(facet.folder, "inspect", "ping", "--timeout", "2", "--json")
    assert json.loads(ping.stdout) == {NODE: {"ok": "pong"}}
    other = run_celery(facet.folder, "inspect", "ping", "--timeout", "1", "-d", "nobody@host")
    assert other.returncode != 0


def test_inspection(app):
    asked = inspect(app)
    stats = asked.stats()[NODE]
    assert stats["broker"]["transport"] == "filesystem"
    assert stats["pool"]["max-concurrency"] == len(stats["pool"]["processes"]) > 0
    assert "celery_tasks.process_uploaded_file" in asked.registered()[NODE]
    assert "celery_tasks.search_similar_faces" in asked.registered()[NODE]
    assert [queue["name"] for queue in asked.active_queues()[NODE]] == ["celery"]
    for method in ("active", "reserved", "scheduled", "revoked"):
        assert getattr(asked, method)() == {NODE: []}, method
    assert asked.conf()[NODE]["broker_url"].startswith("filesystem://")
    assert "transport:filesystem" in asked.report()[NODE]["ok"]
    assert asked.query_task("no-such-id") == {NODE: {}}
    assert asked.clock()[NODE]["clock"] > 0
    assert inspect(app, "nobody@host").ping() is None


def test_who_reaches_the_folder_may_look_and_not_touch(app):
    for method, arguments in (("revoke", {"task_id": "x"}), ("pool_grow", {"n": 1}), ("shutdown", {})):
        reply = app.control.broadcast(method, arguments, reply=True, timeout=5, limit=1)
        assert "PermissionError" in reply[0][NODE]["error"], method


def test_full_control(make_facet):
    facet = make_facet("celery.remote_control=full", "workers.count=1")
    app = open_app(facet.folder)
    listener = Listener(app)
    later = app.send_task("celery_tasks.cluster_faces", countdown=600)
    wait_for(lambda: state_of(facet, later.id) == "queued")
    assert [one["request"]["id"] for one in inspect(app).scheduled()[NODE]] == [later.id]
    app.control.revoke(later.id, reply=True, timeout=5, limit=1)
    wait_for(lambda: state_of(facet, later.id) == "cancelled")
    with pytest.raises(TaskRevokedError):
        later.get(timeout=20)
    assert app.control.broadcast("pool_grow", {"n": 1}, reply=True, timeout=5, limit=1) == \
        [{NODE: {"ok": "pool will grow"}}]
    assert inspect(app).stats()[NODE]["pool"]["max-concurrency"] == 2
    app.control.shutdown()
    assert facet.process.wait(timeout=30) == 0
    wait_for(lambda: any(one["type"] == "worker-offline" for one in listener.events))
    listener.stop()
    bound = json.loads((facet.folder / "tables/celery.pidbox.exchange").read_text())
    assert bound == []


# ---- what it tells ---------------------------------------------------------------------------

def state_of(facet, task_id):
    answer = facet.http.get(f"/v1/tasks/{task_id}")
    return answer.json()["state"] if answer.status_code == 200 else None


def test_the_life_of_a_worker_and_of_an_upload(facet, listener, picture):
    wait_for(lambda: NODE in listener.state.workers)
    assert listener.state.workers[NODE].alive
    assert facet.add(picture)[0]["status"] == "completed"
    wait_for(lambda: any(one.state == "SUCCESS" for one in listener.state.tasks.values()))
    [task] = listener.state.tasks.values()
    assert task.name == "celery_tasks.process_uploaded_file"
    assert task.worker.hostname == NODE
    assert task.runtime > 0
    assert listener.of(task.uuid) == ["task-received", "task-started", "task-succeeded"]
    facet.kill()
    wait_for(lambda: not listener.state.workers[NODE].alive, 20)


# ---- what producers send ---------------------------------------------------------------------

def test_a_producer_has_a_file_processed_and_a_face_searched(facet, app, listener, picture):
    [media] = facet.add(picture)
    sent = app.send_task("celery_tasks.process_uploaded_file", [media["legacy_id"], str(picture), "image"])
    sent.get(timeout=30)
    wait_for(lambda: listener.of(sent.id) == ["task-received", "task-started", "task-succeeded"])
    query = facet.data / "query.jpg"
    query.write_bytes(picture.read_bytes())
    found = app.send_task("celery_tasks.search_similar_faces", kwargs={"query_image_path": str(query)}).get(timeout=30)
    assert found["status"] == "success"
    assert [one["file_name"] for one in found["results"]] == [picture.name]
    assert list((facet.folder / "messages").glob("*.celery.msg")) == []
    assert list((facet.folder / "taken").iterdir()) == []


def test_what_fails_and_what_is_no_task(facet, app):
    with pytest.raises(Exception, match="file_ids"):
        app.send_task("celery_tasks.schedule_batch_processing", [7]).get(timeout=30)
    with pytest.raises(Exception, match="no handler"):
        app.send_task("no.such.task").get(timeout=30)
    with pytest.raises(Exception, match="number of a file"):
        app.send_task("celery_tasks.process_uploaded_file", ["seven"]).get(timeout=30)
    ignored = app.send_task("celery_tasks.schedule_batch_processing", [[]], ignore_result=True)
    wait_for(lambda: state_of(facet, ignored.id) == "done")
    assert not (facet.folder / f"results/celery-task-meta-{ignored.id}").exists()
    app.send_task("celery_tasks.cluster_faces", serializer="pickle", ignore_result=True)
    (facet.folder / "messages" / "0_x.celery.msg").write_text("{")
    wait_for(lambda: len(list((facet.folder / "rejected").iterdir())) == 3)


def test_nothing_is_lost_whenever_it_is_killed(make_facet):
    facet = make_facet()
    app = open_app(facet.folder)
    sent = []
    enough = threading.Event()

    def produce():
        while not enough.wait(0.005):
            sent.append(app.send_task("celery_tasks.schedule_batch_processing", [[]]))

    producer = threading.Thread(target=produce)
    producer.start()
    for pause in (0.05, 0.2, 0.01, 0.1, 0.0):
        time.sleep(pause)
        facet.kill()
        facet.start()
    enough.set()
    producer.join()
    assert len(sent) > 50
    for one in sent:
        assert one.get(timeout=60)["message"] == "No files found"
    tasks, cursor = [], ""
    while True:
        page = facet.http.get("/v1/tasks", params={"limit": 500, **({"cursor": cursor} if cursor else {})}).json()
        tasks += page["items"]
        cursor = page.get("next_cursor")
        if not cursor:
            break
    assert sorted(one["id"] for one in tasks) == sorted(one.id for one in sent)
    assert {one["state"] for one in tasks} == {"done"}
    assert list((facet.folder / "messages").glob("*.celery.msg")) == []
    assert list((facet.folder / "taken").iterdir()) == []
    assert list((facet.folder / "unfinished").iterdir()) == []


# ---- viewers that die ------------------------------------------------------------------------

def bindings(facet, exchange="celeryev"):
    return json.loads((facet.folder / f"tables/{exchange}.exchange").read_text())


def test_a_killed_viewer_leaves_the_folder_small(facet):
    viewer = subprocess.Popen([sys.executable, "-m", "celery", "events", "--dump"], cwd=facet.folder,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, preexec_fn=die_with_parent)
    for line in viewer.stdout:
        if "heartbeat" in line:
            break
    assert len(bindings(facet)) == 1
    viewer.send_signal(signal.SIGKILL)
    viewer.wait()
    # A heartbeat every two seconds is written for it until a minute has passed.
    most = 0

    def forgotten():
        nonlocal most
        most = max(most, len(list((facet.folder / "messages").iterdir())))
        return bindings(facet) == [] and list((facet.folder / "messages").iterdir()) == []

    wait_for(forgotten, 90)
    assert 10 < most < 50
    for _ in range(3):
        assert run_celery(facet.folder, "status", "--timeout", "2").returncode == 0


def test_flower(facet, picture):
    command = os.environ.get("FLOWER_CMD")
    if not command:
        pytest.skip("no Flower: set FLOWER_CMD, e.g. to '/path/of/venv/bin/celery flower'")
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    flower = subprocess.Popen([*shlex.split(command), "--address=127.0.0.1", f"--port={port}"],
                              cwd=facet.folder, stdout=open(facet.data / "flower.log", "ab"),
                              stderr=subprocess.STDOUT, preexec_fn=die_with_parent)
    http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30)

    def page(path):
        try:
            answer = http.get(path)
        except httpx.TransportError:
            return None
        return answer if answer.status_code == 200 else None

    try:
        log = (facet.data / "flower.log").read_text
        wait_for(lambda: page("/workers"), 60, log)
        workers = wait_for(lambda: (page("/workers?json=1") or http).json()["data"], 30, log)
        assert [one["hostname"] for one in workers] == [NODE]
        assert workers[0]["status"] is True
        facet.add(picture)

        def succeeded():
            data = page("/workers?json=1").json()["data"]
            return data and data[0].get("task-succeeded") == 1

        wait_for(succeeded, 30, log)
        worker = wait_for(lambda: page(f"/worker/{NODE}"), 30, log).text
        assert "celery_tasks.process_uploaded_file" in worker and "filesystem" in worker
        tasks = page("/tasks/datatable?draw=1&start=0&length=10&search[value]=&order[0][column]=0&order[0][dir]=asc"
                     "&columns[0][data]=name").json()
        assert [one["name"] for one in tasks["data"]] == ["celery_tasks.process_uploaded_file"]
        assert tasks["data"][0]["state"] == "SUCCESS"
    finally:
        flower.send_signal(signal.SIGKILL)
        flower.wait()
