"""Two web processes and three workers on one PostgreSQL and one Redis, and everything that can go wrong: every
file has exactly one result in the end. FACET_CHAOS_FILES sets the number of files (./dev test chaos: 2,000)."""

import json
import os
import pathlib
import random
import signal
import threading
import time

import httpx
import psycopg
from conftest import Part
from servers import Postgres, Redis, wait_for

FILES = int(os.environ.get("FACET_CHAOS_FILES", "150"))
WORKERS = 3


class Searches(threading.Thread):
    """Asks one web process after the other, all the time; keeps how long the answers took."""

    def __init__(self, webs, picture):
        super().__init__(daemon=True)
        self.webs, self.picture = webs, picture
        self.milliseconds, self.failed, self.stop = [], 0, threading.Event()

    def run(self):
        turn = 0
        while not self.stop.wait(0.3):
            turn += 1
            began = time.monotonic()
            try:
                answer = httpx.post(self.webs[turn % 2].url + "/v1/search", timeout=60,
                                    files={"image": ("q.jpg", self.picture)})
                ok = answer.status_code == 200
            except httpx.HTTPError:
                ok = False
            if ok:
                self.milliseconds.append((time.monotonic() - began) * 1e3)
            else:
                self.failed += 1

    def percentile(self, share):
        ordered = sorted(self.milliseconds)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def rows(database, sql):
    with psycopg.connect(database) as connection:
        return connection.execute(sql).fetchall()


def make_files(testdata, folder):
    """Photos that differ by some bytes behind their end, which every decoder leaves alone."""
    photos = sorted((testdata / "lfw").rglob("*.jpg"))
    folder.mkdir()
    for number in range(FILES):
        photo = photos[number % len(photos)]
        (folder / f"{number:05}.jpg").write_bytes(photo.read_bytes() + f"{number:05}".encode())
    return sorted(folder.iterdir())


def test_everything_that_can_go_wrong_costs_time_and_no_results(tmp_path, models, testdata):
    postgres = Postgres(fsync=True)
    database = postgres.make_database()
    redis = Redis(tmp_path / "redis").start()
    data = tmp_path / "shared"
    data.mkdir()
    made = []

    def part(kind, *settings):
        environment = {"DATABASE_URL": database, "REDIS_URL": redis.url,
                       "FACET_CELERY__WORKER_NAME": f"{kind}{len(made)}@chaos"}
        made.append(Part(kind, data, models, "tasks.lease_seconds=6", "tasks.requeue_after_seconds=8",
                         "tasks.max_attempts=50", "log.level=info", *settings, environment=environment))
        return made[-1].start()

    report = {"files": FILES}
    chance = random.Random(7)
    try:
        webs = [part("web"), part("web")]
        workers = [part("worker", "workers.count=1") for _ in range(WORKERS)]
        files = make_files(testdata, tmp_path / "files")
        searches = Searches(webs, files[0].read_bytes())
        searches.start()

        def completed():
            return rows(database, "SELECT count(*) FROM media WHERE status IN (2, 3)")[0][0]

        def flows(what):
            """Seconds until another file is done."""
            before, began = completed(), time.monotonic()
            if before < FILES:
                wait_for(lambda: completed() > before, seconds=60)
            report[what] = round(time.monotonic() - began, 1)

        def kill_a_worker():
            victim = chance.randrange(WORKERS)
            workers[victim].kill()
            workers[victim] = part("worker", "workers.count=1")

        def upload():
            waiting = list(files)
            while waiting:
                web = webs[len(waiting) % 2]
                try:
                    if web.upload(waiting[-1]).status_code in (200, 202):
                        waiting.pop()
                except httpx.HTTPError:
                    pass  # a server is away: the same file again

        uploads = threading.Thread(target=upload, daemon=True)
        uploads.start()
        wait_for(lambda: completed() > FILES * 0.05, seconds=120)
        kill_a_worker()
        flows("after_a_worker_was_killed_s")
        kill_a_worker()
        redis.restart(away=1, sign=signal.SIGKILL)
        flows("after_redis_was_restarted_s")
        paused = workers[chance.randrange(WORKERS)]
        paused.process.send_signal(signal.SIGSTOP)
        postgres.restart(away=1, how=signal.SIGQUIT)
        flows("after_postgres_was_restarted_s")
        kill_a_worker()
        time.sleep(8)  # past the lease of the paused worker
        if paused.process.poll() is None:
            paused.process.send_signal(signal.SIGCONT)
        redis.client().flushall()
        flows("after_flushall_s")
        kill_a_worker()
        uploads.join(timeout=600)
        assert not uploads.is_alive()
        wait_for(lambda: completed() == FILES, seconds=600, every=0.5)
        searches.stop.set()
        searches.join()

        assert rows(database, "SELECT status, count(*) FROM media GROUP BY 1") == [(2, FILES)]
        assert rows(database, "SELECT count(*) FROM faces f LEFT JOIN embeddings e ON e.face = f.id"
                             " WHERE e.face IS NULL") == [(0,)]
        doubled = rows(database, "SELECT media, x1, y1 FROM faces GROUP BY 1, 2, 3 HAVING count(*) > 1")
        assert doubled == [], "no face twice"
        photos = len(sorted((testdata / "lfw").rglob("*.jpg")))
        by_photo = rows(database, f"SELECT name::text, (SELECT count(*) FROM faces WHERE media = m.id) FROM media m")
        counts = {}
        for name, faces in by_photo:
            counts.setdefault(int(str(name)[:5]) % photos, set()).add(faces)
        assert all(len(seen) == 1 for seen in counts.values()), "the same photo has the same faces every time"
        # Every index has followed to the end, through all of it.
        faces = rows(database, "SELECT count(*) FROM faces")[0][0]
        for web in webs:
            wait_for(lambda: web.http.get("/v1/stats").json()["index"]["faces"] == faces)
        report["searches"] = len(searches.milliseconds)
        report["searches_failed_while_a_server_was_away"] = searches.failed
        report["search_p50_ms"] = round(searches.percentile(0.5))
        report["search_p99_ms"] = round(searches.percentile(0.99))
        for one in made:
            assert one.stop() in (0, -signal.SIGKILL), one.log_text()[-2000:]
        print(json.dumps(report))
        if results := os.environ.get("FACET_CHAOS_REPORT"):
            pathlib.Path(results).write_text(json.dumps(report, indent=1) + "\n")
    finally:
        for one in made:
            if one.process.poll() is None:
                one.process.send_signal(signal.SIGCONT)
                one.stop()
        postgres.close()
        redis.stop(signal.SIGKILL)
