"""facet import and archives that are damaged, hostile, of other models, or interrupted."""

import hashlib
import io
import json
import signal
import sqlite3
import struct
import subprocess
import tarfile
import time

import archives
import pytest
from archives import line, members, replaced, without_checksums, write
from conftest import FACET


@pytest.fixture(scope="module")
def small(tmp_path_factory, models, testdata):
    """A real archive of three media."""
    folder = tmp_path_factory.mktemp("small")
    run = [FACET, "--data", folder / "data", "--models", models]
    subprocess.run([*run, "ingest", *(testdata / "people" / name for name in ("obama_1.jpg", "rose_1.jpg")),
                    testdata / "noface/grass.jpg"], check=True, timeout=120)
    subprocess.run([*run, "export", folder / "small.tar"], check=True, timeout=60)
    return folder / "small.tar"


@pytest.fixture(scope="module")
def contract(small):
    return json.loads(dict(members(small))["facet.json"])["contract"]


def rows(data):
    """Every row that an import could make."""
    with sqlite3.connect(f"file:{data / 'facet.db'}?mode=ro", uri=True) as database:
        return {table: database.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()
                for table in ("media", "faces", "embeddings", "people", "searches", "tasks", "collections")}


def held(data):
    """What is there, without numbers: the same for the same archive."""
    with sqlite3.connect(f"file:{data / 'facet.db'}?mode=ro", uri=True) as database:
        return [database.execute(query).fetchall() for query in (
            "SELECT uid, sha256, name, bytes, status, created_at FROM media ORDER BY uid",
            "SELECT f.uid, f.x1, f.quality_json, e.vector FROM faces f JOIN embeddings e ON e.face = f.id ORDER BY f.uid",
            "SELECT uid, name FROM people ORDER BY uid")]


def refused(facet, archive, data, *words):
    """That it is refused with these words, and that nothing was changed."""
    facet("stats", data=data, check=0)
    before = rows(data)
    answer = facet("import", archive, data=data)
    assert answer.returncode == 1, (archive, answer.stdout, answer.stderr)
    assert answer.stderr.startswith("error: "), answer.stderr
    for word in words:
        assert word in answer.stderr, answer.stderr
    assert rows(data) == before
    assert not [path for path in (data / "raw").rglob("*") if path.is_file()], "no original stays behind"
    return answer.stderr


def test_every_kind_of_cut_is_found(small, facet, tmp_path):
    whole = small.read_bytes()
    ends = []
    with tarfile.open(small) as tar:
        for member in tar:
            ends += [member.offset, member.offset_data + member.size // 2]
        last = member.offset_data + member.size
    cut = tmp_path / "cut.tar"
    for length in sorted({0, 1, 511, *ends, *range(0, last, max(1, last // 10))}):
        cut.write_bytes(whole[:length])
        answer = refused(facet, cut, tmp_path / "data", "error")
        assert "archive" in answer, (length, answer)


def test_flipped_bits_are_found_or_do_no_harm(small, facet, tmp_path):
    whole = small.read_bytes()
    facet("import", small, data=tmp_path / "good", check=0)
    good = held(tmp_path / "good")
    places = set(range(0, len(whole), max(1, len(whole) // 20)))
    with tarfile.open(small) as tar:
        for member in tar:
            places |= {member.offset + at for at in (0, 124, 156)} | {member.offset_data}
    found = 0
    flipped = tmp_path / "flipped.tar"
    for number, place in enumerate(sorted(place for place in places if place < len(whole))):
        flipped.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << number % 8]) + whole[place + 1:])
        data = tmp_path / f"data{number}"
        answer = facet("import", flipped, data=data)
        if answer.returncode == 0:  # in the padding after a member, or after the end
            assert held(data) == good, place
        else:
            found += 1
            assert answer.returncode == 1 and "archive" in answer.stderr, (place, answer.stderr)
            assert held(data) == [[], [], []], place
    assert found > 20


def change_line(change, at=0):
    """Changes one line, an object, of a member."""
    def edit(content):
        lines = content.splitlines(keepends=True)
        lines[at] = line(**{**json.loads(lines[at]), **change})
        return b"".join(lines)
    return edit


MEDIA, FACES, VECTORS = "media/000001.jsonl", "faces/000001.jsonl", "vectors/000001.f32"
NAN = struct.pack("<f", float("nan"))


@pytest.mark.parametrize("member, change, words", [
    ("facet.json", change_line({"version": 2}), ["version 2", "update Facet"]),
    ("facet.json", change_line({"format": "other"}), ["facet.json", "not an archive of Facet"]),
    ("facet.json", change_line({"counts": 3}), ["facet.json", "counts"]),
    ("facet.json", lambda content: content[:-5], ["facet.json", "JSON"]),
    ("collections.jsonl", change_line({"name": "../etc"}), ["collections.jsonl, line 1", "name"]),
    ("collections.jsonl", change_line({"name": "another"}), [MEDIA + ", line 1", "no collection"]),
    ("collections.jsonl", lambda content: b"[" * 100_000 + b"\n", ["collections.jsonl, line 1", "JSON"]),
    ("collections.jsonl", lambda content: content + b"x" * (2 << 20), ["line 2", "too long"]),
    (MEDIA, change_line({"sha256": "../" * 21 + "x"}), [MEDIA + ", line 1", "sha256"]),
    (MEDIA, change_line({"format": "jpg/../../x"}), [MEDIA + ", line 1", "format"]),
    (MEDIA, change_line({"format": "exe"}), [MEDIA + ", line 1", "format"]),
    (MEDIA, change_line({"format": "mp4"}), ["originals/", "no media wants it"]),
    (MEDIA, change_line({"id": "1"}), [MEDIA + ", line 1", "id"]),
    (MEDIA, change_line({"bytes": 5}), ["originals/", "size"]),
    (MEDIA, change_line({"bytes": -1}), [MEDIA, "bytes"]),
    (MEDIA, change_line({"created_at": "yesterday"}), [MEDIA, "created_at"]),
    (MEDIA, change_line({"status": "sleeping"}, 1), [MEDIA + ", line 2", "status"]),
    (MEDIA, change_line({"original": False}), ["originals/", "no media wants it"]),
    (MEDIA, lambda content: content + content.splitlines(keepends=True)[0], [MEDIA + ", line 4", "twice"]),
    (MEDIA, lambda content: content[:-1], [MEDIA, "last line"]),
    (MEDIA, lambda content: content.replace(b"obama", b"ob\xffma"), [MEDIA, "JSON"]),
    (FACES, change_line({"media": "00000000-0000-7000-8000-000000000001"}), [FACES + ", line 1", "media"]),
    (FACES, change_line({"box": [1, 2, 3]}), [FACES, "box"]),
    (FACES, change_line({"score": 1e300}), [FACES, "score"]),
    (FACES, change_line({"gender": "cat"}), [FACES, "gender"]),
    (FACES, lambda content: content * 2, [FACES, "twice"]),
    (FACES, lambda content: b"", [VECTORS]),
    (VECTORS, lambda content: content[:-4], [VECTORS, "one vector for each face"]),
    (VECTORS, lambda content: content + bytes(2048), [VECTORS, "too large"]),
    (VECTORS, lambda content: NAN + content[4:], [VECTORS + ", vector 1", "512 numbers"]),
    (VECTORS, lambda content: content[:2048] + bytes(2048) + content[4096:], [VECTORS + ", vector 2"]),
])
def test_what_is_wrong_is_named(small, facet, tmp_path, member, change, words):
    parts = replaced(without_checksums(members(small)), member, change)
    refused(facet, write(tmp_path / "bad.tar", parts), tmp_path / "data", *words)


def test_checksums_name_what_was_changed(small, facet, tmp_path):
    """The list itself is the old one: somebody changed a name and did not know of the list."""
    parts = replaced(members(small), MEDIA, change_line({"name": "another.jpg"}))
    refused(facet, write(tmp_path / "bad.tar", parts, checksums=False), tmp_path / "data", MEDIA, "checksum")
    parts = replaced(members(small), "checksums.sha256", lambda content: content[65:])
    refused(facet, write(tmp_path / "bad.tar", parts, checksums=False), tmp_path / "data", "checksums.sha256")
    name, original = next(part for part in members(small) if part[0].startswith("originals/"))
    parts = replaced(members(small), name, lambda content: b"\0" + content[1:])
    refused(facet, write(tmp_path / "bad.tar", parts, checksums=False), tmp_path / "data", name, "hash")


def test_members_that_do_not_belong(small, facet, tmp_path):
    parts = without_checksums(members(small))
    archive, data = tmp_path / "bad.tar", tmp_path / "data"
    for name in ("../../etc/passwd", "/etc/passwd", "originals/../../x.jpg", f"originals/{'0' * 64}.jpg",
                 "media/000002.jsonl/../x", "media/000003.jsonl", "hello", "facet.json"):
        refused(facet, write(archive, [*parts, (name, b"x")]), data, "does not belong" if "originals" not in name
                else "no media wants it")
        refused(facet, write(archive, [(name, b"x"), *parts]), data, name)
    assert not (tmp_path / "etc").exists() and not (tmp_path / "x.jpg").exists()
    for at in range(len(parts)):
        refused(facet, write(archive, parts[:at] + parts[at + 1:]), data, "archive")
    refused(facet, write(archive, [*members(small), ("more", b"x")], checksums=False), data, "after the end")
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE):
        with tarfile.open(archive, "w:") as tar:
            member = tarfile.TarInfo("facet.json")
            member.type, member.linkname = kind, "/etc/passwd"
            tar.addfile(member)
        refused(facet, archive, data, "facet.json", "plain file")


def test_sizes_that_lie(small, facet, tmp_path):
    parts = without_checksums(members(small))
    archive = tmp_path / "bad.tar"
    for name in ("facet.json", MEDIA, VECTORS):
        with tarfile.open(archive, "w:", format=tarfile.GNU_FORMAT) as tar:
            for one, content in parts:
                member = tarfile.TarInfo(one)
                member.size = len(content)
                if one == name:
                    member.size = 1 << 40
                    tar.fileobj.write(member.tobuf(tarfile.GNU_FORMAT))
                    break
                tar.addfile(member, io.BytesIO(content))
        started = time.monotonic()
        refused(facet, archive, tmp_path / "data", name)
        assert time.monotonic() - started < 60


def test_no_archive_at_all(facet, testdata, tmp_path):
    data = tmp_path / "data"
    refused(facet, tmp_path / "none.tar", data, "there is no file")
    refused(facet, testdata / "people/obama_1.jpg", data, "archive")
    (tmp_path / "empty.tar").write_bytes(b"")
    refused(facet, tmp_path / "empty.tar", data, "archive")
    assert facet("import", tmp_path, data=data).returncode == 2


def test_other_models(small, facet, tmp_path, make_server):
    """Their faces cannot be compared with ours: refused, unless they are to be found anew."""
    archive = write(tmp_path / "other.tar", replaced(without_checksums(members(small)), "facet.json",
                                                     change_line({"contract": "another", "model_pack": "theirs"})))
    refused(facet, archive, tmp_path / "data", "theirs", "--analyse")
    report = json.loads(facet("import", archive, "--analyse", "--json", check=0).stdout)
    assert (report["media"], report["queued"], report["faces"]) == (3, 3, 0)
    server = make_server()
    stats = server.wait_idle(3)
    assert stats["media"]["completed"] == 3 and stats["faces"] == 2
    expected = {json.loads(one)["id"] for one in dict(members(small))[MEDIA].splitlines()}
    assert {one["id"] for one in archives.pages(server.http, "/v1/media")} == expected


def test_a_picture_that_is_none(facet, contract, tmp_path):
    archive = archives.synthetic(tmp_path / "good.tar", contract, 1)
    parts = without_checksums(members(archive))
    page = b"<script>alert(1)</script>"
    sha = hashlib.sha256(page).hexdigest()
    parts = [(name, content) for name, content in parts if not name.startswith("originals/")]
    parts = replaced(parts, MEDIA, change_line({"sha256": sha, "bytes": len(page)}))
    archive = write(tmp_path / "bad.tar", [*parts, (f"originals/{sha}.bmp", page)])
    refused(facet, archive, tmp_path / "data", "not of its type")


@pytest.mark.parametrize("where", ["built-in", "servers"])
def test_a_killed_import_is_continued(where, request, facet, contract, tmp_path, models):
    archive = archives.synthetic(tmp_path / "many.tar", contract, 4_000)
    settings = []
    if where == "servers":
        database, redis = request.getfixturevalue("servers")
        settings = ["-s", f"database.url={database}", "-s", f"redis.url={redis.url}"]

    def count():
        answer = facet(*settings, "stats", "--json")
        return json.loads(answer.stdout)["media"] if answer.returncode == 0 else 0

    count()
    kills = 0
    for media in (400, 1_600, 2_800):
        process = subprocess.Popen([FACET, "--data", tmp_path / "data", "--models", models, *settings, "import", archive],
                                   stdout=subprocess.DEVNULL)
        while process.poll() is None and count() < media:
            pass
        process.send_signal(signal.SIGKILL)
        kills += process.wait() == -signal.SIGKILL
        assert count() % 200 == 0, "whole batches"
    assert kills >= 2, "it was too fast to be killed"
    before = count()
    report = json.loads(facet(*settings, "import", archive, "--json", check=0).stdout)
    assert (report["media"], report["known"], report["without_original"]) == (4_000 - before, before, 0)
    stats = json.loads(facet(*settings, "stats", "--json", check=0).stdout)
    assert (stats["media"], stats["completed"], stats["faces"]) == (4_000, 4_000, 8_000)
    assert len([path for path in (tmp_path / "data/raw").rglob("*.bmp")]) == 4_000
    exported = tmp_path / "again.tar"
    facet(*settings, "export", exported, check=0)
    first, again = dict(members(archive)), dict(members(exported))
    kept = [name for name in first if name.startswith(("vectors/", "originals/"))]
    assert {name: again[name] for name in kept} == {name: first[name] for name in kept}
