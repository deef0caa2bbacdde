"""kill -9 at random moments: every file has exactly one result, no face twice, none lost."""

import random
import sqlite3
import time


def results_by_file(db):
    """Status and number of faces of every file, by its hash."""
    return {row[0]: row[1:] for row in db.execute(
        "SELECT m.sha256, m.status, count(f.id) FROM media m LEFT JOIN faces f ON f.media = m.id GROUP BY m.id")}


def files_of(testdata):
    """All kinds of file, and of the large folders every fourth picture."""
    files = []
    for folder in ("people", "formats", "corrupt", "quality", "rotated", "noface"):
        files += sorted(p for p in (testdata / folder).rglob("*") if p.is_file())
    for folder in ("lfw", "celebs", "groups"):
        files += sorted(p for p in (testdata / folder).rglob("*") if p.is_file())[::4]
    return files


def unfinished(server):
    """What is not yet analysed, or not yet taken in; None when all is done."""
    media = server.http.get("/v1/stats").json()["media"]
    if media["pending"] + media["processing"]:
        return media
    watched = server.http.get("/v1/health").json()["checks"]["watch"]["detail"]
    return None if ", 0 waiting" in watched else watched


def test_twenty_kills_during_an_ingest_lose_and_double_nothing(make_server, testdata):
    files = files_of(testdata)
    server = make_server()
    watch = server.data / "watch"
    chance = random.Random(20)
    for number, path in enumerate(files):
        (watch / f"{number:04}_{path.name}").write_bytes(path.read_bytes())
    at_work = 0
    for _ in range(20):
        time.sleep(chance.uniform(0.05, 0.6))
        at_work += unfinished(server) is not None
        server.kill()
        server.start()
    assert at_work >= 15, "too few kills hit anything: more files are needed"

    deadline = time.monotonic() + 300
    while left := unfinished(server):
        assert time.monotonic() < deadline, left
        time.sleep(0.1)
    counts = server.http.get("/v1/stats").json()["media"]
    assert server.stop() == 0

    with sqlite3.connect(server.data / "facet.db") as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        distinct = len({p.read_bytes() for p in files})
        refused = db.execute("SELECT count(*) FROM watched_files WHERE error <> ''").fetchone()[0]
        known = db.execute("SELECT count(*) FROM watched_files").fetchone()[0]
        media = db.execute("SELECT count(*) FROM media").fetchone()[0]
        assert known == len(files), "every file was looked at"
        assert media == counts["completed"] + counts["failed"], "every media has its result"
        assert media + refused >= distinct and media <= distinct
        doubled = db.execute(
            "SELECT media, x1, y1, x2, y2, count(*) FROM faces GROUP BY 1, 2, 3, 4, 5 HAVING count(*) > 1").fetchall()
        assert doubled == [], "no face twice"
        assert db.execute(
            "SELECT count(*) FROM faces f LEFT JOIN embeddings e ON e.face = f.id WHERE e.face IS NULL").fetchone() == (0,)
        results = results_by_file(db)
        broken_off = db.execute("SELECT name FROM media WHERE error_message LIKE '%broken off%'").fetchall()
        assert broken_off == [], "no file was given up because of the kills"

    calm = make_server(data=server.data.parent / "calm")
    for number, path in enumerate(files):
        (calm.data / "watch" / f"{number:04}_{path.name}").write_bytes(path.read_bytes())
    calm.wait_idle(count=media, seconds=300)
    with sqlite3.connect(calm.data / "facet.db") as db:
        assert results_by_file(db) == results, "the same results as without a kill: no face lost"
