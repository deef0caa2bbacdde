"""Facet in parts: web, worker and watch processes that share PostgreSQL and Redis."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

import httpx
import pytest
from conftest import FACET, Part
from servers import Postgres, Redis, free_port, wait_for


def names(answer):
    return {hit["media"]["filename"] for hit in answer.json()["results"]}


def test_what_one_process_takes_in_another_finds_and_a_third_deletes(make_part, testdata):
    first, second = make_part("web"), make_part("web")
    make_part("worker")
    make_part("watch")
    heard = []
    ready = threading.Event()

    def listen():
        with httpx.stream("GET", second.url + "/v1/events", timeout=60) as stream:
            ready.set()
            for line in stream.iter_lines():
                heard.append(line)
                if line.startswith("event: media.deleted"):
                    return

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    assert ready.wait(10)
    people = testdata / "people"
    media = first.add(people / "obama_1.jpg")[0]
    assert media["status"] == "completed" and media["face_count"] == 1
    (first.data / "watch" / "second.jpg").write_bytes((people / "obama_2.jpg").read_bytes())
    first.wait_idle(count=2)
    wait_for(lambda: sum(line == "event: media.completed" for line in heard) == 2)
    answer = second.search(people / "obama_240p.jpg")
    assert names(answer) == {"obama_1.jpg", "second.jpg"} and answer.json()["engine"] == "exact"

    assert second.http.delete(f"/v1/media/{media['id']}").status_code == 204
    listener.join(20)
    assert not listener.is_alive()
    assert names(first.search(people / "obama_240p.jpg")) == {"second.jpg"}
    for part in (first, second):
        assert part.http.get("/health/ready").status_code == 200
        assert part.http.get("/cache/stats").json()["cache_stats"]["redis_version"] == "redis"


def test_a_small_web_process_searches_in_the_database(make_part, testdata):
    web = make_part("web", "search.engine=pgvector")
    make_part("worker")
    web.add(testdata / "people/obama_1.jpg", testdata / "people/biden_1.jpg")
    answer = web.search(testdata / "people/obama_2.jpg")
    assert names(answer) == {"obama_1.jpg"} and answer.json()["engine"] == "pgvector"
    assert web.http.get("/v1/stats").json()["index"]["engine"] == "pgvector"
    face = answer.json()["results"][0]["face"]["id"]
    assert names(web.http.post("/v1/search", files={"face_id": (None, face)})) == set(), "not itself"
    bench = subprocess.run([FACET, "--data", web.data, "bench", "--json", "--queries", "20", "--k", "2"],
                           env=web.environment, capture_output=True, text=True, timeout=120)
    assert bench.returncode == 0, bench.stderr
    report = json.loads(bench.stdout)
    assert report["faces"] == 2 and report["catch_up_faces_per_second"] > 0
    assert report["exact"]["recall"] == 1 and report["pgvector"]["recall"] == 1


def test_bench_of_a_library_without_faces_says_so(facet):
    done = facet("bench", check=1)
    assert "no face" in done.stdout + done.stderr


def test_python_producers_of_the_original_work_unchanged(make_part, servers, testdata):
    pytest.importorskip("celery")
    web = make_part("web")
    make_part("worker")
    people = testdata / "people"
    media = web.add(people / "obama_1.jpg", people / "obama_2.jpg", people / "biden_1.jpg")
    producer = subprocess.Popen([sys.executable, pathlib.Path(__file__).with_name("producer.py"), servers[1].url],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(what):
        producer.stdin.write(json.dumps(what) + "\n")
        producer.stdin.flush()
        return json.loads(producer.stdout.readline())

    def call(name, *args, **kwargs):
        return ask([name, args, kwargs])["value"]

    try:
        done = call("process_uploaded_file", media[0]["legacy_id"], "obama_1.jpg", "image")
        assert done["status"] == "success" and done["total_faces"] == 1
        query = web.data / "query.jpg"
        query.write_bytes((people / "obama_240p.jpg").read_bytes())
        found = call("search_similar_faces", str(query), threshold=0.65)
        assert {hit["file_name"] for hit in found["results"]} == {"obama_1.jpg", "obama_2.jpg"}
        asked = web.http.post("/search", files={"file": query.read_bytes()}, data={"threshold": "0.65"})
        assert asked.json() == found, "a request and a task answer alike"
        ids = [one["legacy_id"] for one in media]
        scheduled = call("schedule_batch_processing", ids, batch_size=2)
        assert scheduled["batch_count"] == 2 and scheduled["total_files"] == 3
        batches = [ask(task)["value"] for task in scheduled["task_ids"]]
        assert sum(one["processed_files"] for one in batches) == 3
        clusters = call("cluster_faces", 2, 0.6)
        assert clusters["num_clusters"] == 1 and clusters["noise_points"] == 1
        assert "data folder" in ask(["search_similar_faces", ["/etc/hostname"], {}])["error"]
        missing = call("process_uploaded_file", 999_999, "x.jpg", "image")
        assert missing["status"] == "error" and "no such media" in missing["message"]
    finally:
        producer.stdin.close()
        assert producer.wait(timeout=30) == 0


def test_a_worker_told_to_stop_loses_nothing(make_part, testdata):
    web = make_part("web")
    photos = sorted((testdata / "people").iterdir()) + sorted((testdata / "celebs").glob("*.jpg"))
    worker = make_part("worker", "workers.count=1")
    answer = web.upload(*photos)
    assert answer.status_code == 202
    wait_for(lambda: web.http.get("/v1/stats").json()["media"]["processing"] > 0)
    began = time.monotonic()
    assert worker.stop() == 0
    assert time.monotonic() - began < 15
    make_part("worker")
    stats = web.wait_idle()
    assert stats["media"]["completed"] + stats["media"]["failed"] == stats["media"]["total"]
    assert stats["tasks"]["dead"] == 0


def test_parts_wait_for_servers_that_come_later(tmp_path, models, testdata):
    postgres, redis = Postgres(fsync=True), Redis(tmp_path / "redis")
    database = postgres.make_database()
    postgres.stop()
    data = tmp_path / "shared"
    data.mkdir()
    environment = {"DATABASE_URL": database, "REDIS_URL": redis.url}
    parts = [Part(kind, data, models, environment=environment) for kind in ("web", "worker")]
    try:
        for part in parts:
            part.start(wait=False)
        wait_for(lambda: all("servers.waiting" in part.log_text() for part in parts))
        redis.start()
        postgres.start()
        for part in parts:
            part.wait_started()
        web = parts[0]
        assert web.add(testdata / "people/obama_1.jpg")[0]["face_count"] == 1
    finally:
        for part in parts:
            part.stop()
        postgres.close()
        redis.stop()


def test_liveness_readiness_and_metrics_of_a_worker(make_part, servers):
    port = free_port()
    worker = make_part("worker", f"status.port={port}")
    url = f"http://127.0.0.1:{port}"
    assert httpx.get(url + "/health/live").status_code == 200
    assert httpx.get(url + "/health/ready").status_code == 200
    assert "face_recognition_active_tasks" in httpx.get(url + "/metrics").text
    asked = worker.ask_health()
    assert asked.returncode == 0 and json.loads(asked.stdout)["status"] == "healthy"
    servers[1].stop(signal.SIGKILL)
    wait_for(lambda: httpx.get(url + "/health/ready").status_code == 503)
    assert httpx.get(url + "/health/live").status_code == 200
    assert worker.ask_health().returncode == 1 and worker.ask_health("--live").returncode == 0
    servers[1].start()
    wait_for(lambda: httpx.get(url + "/health/ready").status_code == 200)


def test_parts_without_servers_are_refused(tmp_path, models):
    clean = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    for kind in ("web", "worker", "watch"):
        done = subprocess.run([FACET, "--data", tmp_path, "--models", models, kind], env=clean,
                              capture_output=True, text=True, timeout=30)
        assert done.returncode == 2 and "DATABASE_URL" in done.stderr
    done = subprocess.run([FACET, "--data", tmp_path, "--models", models, "serve"],
                          env={**clean, "REDIS_URL": "redis://127.0.0.1:1"},
                          capture_output=True, text=True, timeout=30)
    assert done.returncode == 1 and "go together" in done.stderr
