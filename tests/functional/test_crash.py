"""kill -9 at random moments: every file has exactly one result, no face twice, none lost."""

import random
import sqlite3
import time


def results_by_file(db):
    """Status and number of faces of every file, by its hash."""
    return {row[0]: row[1:] for row in db.execute(
        "SELECT m.sha256, m.status, count(f.id) FROM media m LEFT JOIN faces f ON f.media = m.id GROUP BY m.id")}


def test_twenty_kills_during_an_ingest_lose_and_double_nothing(make_server, testdata):
    folders = ("lfw", "people", "celebs", "groups", "formats", "corrupt", "quality", "rotated")
    files = sorted(p for folder in folders for p in (testdata / folder).rglob("*") if p.is_file())
    server = make_server()
    watch = server.data / "watch"
    chance = random.Random(20)
    for number, path in enumerate(files):
        (watch / f"{number:04}_{path.name}").write_bytes(path.read_bytes())
    for _ in range(20):
        time.sleep(chance.uniform(0.05, 1.2))
        server.kill()
        server.start()

    deadline = time.monotonic() + 300
    while True:
        stats = server.http.get("/v1/stats").json()
        watched = server.http.get("/v1/health").json()["checks"]["watch"]["detail"]
        if stats["media"]["pending"] + stats["media"]["processing"] == 0 and ", 0 waiting" in watched:
            break
        assert time.monotonic() < deadline, (stats, watched)
        time.sleep(0.2)
    assert server.stop() == 0

    with sqlite3.connect(server.data / "facet.db") as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        distinct = len({p.read_bytes() for p in files})
        refused = db.execute("SELECT count(*) FROM watched_files WHERE error <> ''").fetchone()[0]
        known = db.execute("SELECT count(*) FROM watched_files").fetchone()[0]
        media = db.execute("SELECT count(*) FROM media").fetchone()[0]
        assert known == len(files), "every file was looked at"
        counts = stats["media"]
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
