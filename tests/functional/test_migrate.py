"""facet migrate, from a library made by the real binary."""

import json
import signal
import sqlite3
import subprocess
import time

from conftest import FACET


def pictures(testdata, count):
    return sorted((testdata / "formats").glob("*.jpg"))[:count]


def test_a_library_moves_whole(postgres, facet, testdata, tmp_path):
    facet("ingest", *pictures(testdata, 4))
    before = json.loads(facet("stats", "--json", check=0).stdout)
    url = postgres.make_database()
    done = facet("migrate", "--from", "sqlite", "--to", url, "--json", check=0)
    report = json.loads(done.stdout)
    assert report["media"] == before["media"]
    assert report["faces"] == before["faces"]
    assert report["waiting"] == 0
    assert postgres.query(url, "SELECT count(*) FROM media") == [[str(report["media"])]]
    assert postgres.query(url, "SELECT count(*), last FROM embedding_changes, change_counter"
                               " GROUP BY last") == [[str(report["faces"])] * 2]
    with sqlite3.connect(tmp_path / "data/facet.db") as source:
        rows = source.execute("SELECT id, sha256, status FROM media ORDER BY id").fetchall()
    assert postgres.query(url, "SELECT id, sha256, status FROM media ORDER BY id") == [
        [str(value) for value in row] for row in rows]

    again = facet("migrate", "--to", url, check=0)
    assert "nothing to do" in again.stdout


def test_what_cannot_be_moved_is_said(postgres, facet, testdata, tmp_path, make_server):
    url = postgres.make_database()
    missing = facet("migrate", "--from", tmp_path / "none", "--to", url, check=1)
    assert "there is no database file" in missing.stderr
    assert not (tmp_path / "none").exists()
    server = make_server()
    no_target = facet("migrate", check=2)
    assert "DATABASE_URL" in no_target.stderr
    running = facet("migrate", "--to", url, check=1)
    assert "stop it first" in running.stderr
    server.stop()
    wrong = facet("migrate", "--to", "mysql://u:s3cret@h/d", check=1)
    assert "s3cret" not in wrong.stderr + wrong.stdout
    away = facet("migrate", "--to", "postgresql://u:s3cret@127.0.0.1:1/d", check=1)
    assert "cannot be reached" in away.stderr
    assert "s3cret" not in away.stderr + away.stdout
    facet("migrate", "--to", url, check=0)
    other = facet("migrate", "--from", "sqlite", "--to", url, data=tmp_path / "other", check=1)
    assert "there is no database file" in other.stderr


def test_a_killed_move_is_continued(postgres, facet, tmp_path):
    """Synthetic rows: enough of them for several batches."""
    facet("stats", check=0)  # makes the tables
    data = tmp_path / "data"
    with sqlite3.connect(data / "facet.db") as source:
        source.executemany(
            "INSERT INTO media (uid, sha256, name, format, mime, bytes, origin, origin_path,"
            " created_at, updated_at, taken_at, collection)"
            " VALUES (?, ?, 'm', 'jpg', 'image/jpeg', 1, 0, '', 5, 6, 5, 1)",
            [(number.to_bytes(16, "big"), f"{number:064d}") for number in range(20_000)])
        source.executemany(
            "INSERT INTO faces (uid, media, x1, y1, x2, y2, score, key_points, quality,"
            " quality_json, gender, created_at, collection)"
            " VALUES (?, ?, 0, 0, 1, 1, 1, ?, 1, '{}', '', 5, 1)",
            [(number.to_bytes(16, "big"), number % 20_000 + 1, bytes(40))
             for number in range(20_000)])
        source.execute("INSERT INTO embeddings SELECT id, zeroblob(2048) FROM faces")
    url = postgres.make_database()
    kills = 0
    for rows in (3_000, 12_000, 23_000):
        process = subprocess.Popen([FACET, "--data", data, "migrate", "--to", url],
                                   stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            there = postgres.query(url, "SELECT to_regclass('faces')")
            if there != [[""]]:
                count = int(postgres.query(url, "SELECT (SELECT count(*) FROM media)"
                                                " + (SELECT count(*) FROM faces)")[0][0])
                if count >= rows:
                    break
        process.send_signal(signal.SIGKILL)
        kills += process.wait() == -signal.SIGKILL
    assert kills >= 2, "it was too fast to be killed"
    report = json.loads(facet("migrate", "--to", url, "--json", check=0).stdout)
    assert (report["media"], report["faces"], report["waiting"]) == (20_000, 20_000, 20_000)
    assert postgres.query(url, "SELECT count(*), count(DISTINCT face), max(seq)"
                               " FROM embedding_changes") == [["20000"] * 3]
