"""facet erase: by id, by likeness, asked and unasked, and beside a running server."""

import json
import os
import pty
import re
import struct
import subprocess
import time

import pytest
from archives import everything
from conftest import FACET


def memory_holds(process, *pieces):
    """Whether a private, writable part of the process's memory has one of the byte strings."""
    with open(f"/proc/{process.pid}/maps") as maps, open(f"/proc/{process.pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            span, mode, _, _, inode, *_ = line.split()
            if not mode.startswith("rw-p") or inode != "0":
                continue
            first, last = (int(end, 16) for end in span.split("-"))
            try:
                memory.seek(first)
                content = memory.read(last - first)
            except OSError:  # gone meanwhile, or a guard
                continue
            if any(piece in content for piece in pieces):
                return True
    return False


def wait_until(what, seconds=60):
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


@pytest.fixture
def library(facet, testdata):
    people = testdata / "people"
    facet("ingest", people / "obama_1.jpg", people / "obama_and_biden_1.jpg", people / "biden_1.jpg",
          people / "rose_1.jpg", check=0)


def test_likeness_takes_the_faces_of_one_person(library, facet, make_server, testdata):
    photo = testdata / "people/obama_2.jpg"
    trial = json.loads(facet("erase", "--like", photo, "--dry-run", "--json", check=0).stdout)
    assert trial["removed"]["faces"] == 2 and trial["removed"]["media"] == 0 and trial["id"] is None
    assert json.loads(facet("stats", "--json", check=0).stdout)["faces"] == 5
    done = facet("erase", "--like", photo, "--match", "match", "--reason", "by mail of 3 May", "--yes", check=0)
    receipt = re.search(r"^receipt  (\S+)", done.stdout, re.MULTILINE)[1]
    assert "by mail of 3 May" in done.stdout and sorted(re.findall(r"^face     (\S+)$", done.stdout, re.MULTILINE)) == \
        sorted(trial["faces"])
    assert "NOT" not in done.stdout
    server = make_server()
    kept = server.http.get(f"/v1/erasures/{receipt}").json()
    assert sorted(kept["faces"]) == sorted(trial["faces"]) and kept["by"] == "command line"
    assert server.http.get("/v1/stats").json()["media"]["total"] == 4, "photos stay"
    assert server.http.get("/v1/stats").json()["faces"] == 3
    assert server.search(photo, threshold=0.4).json()["results"] == []
    again = facet("erase", "--like", photo, "--yes", check=3)
    assert "no face" in again.stderr


def test_what_it_will_not_do(library, facet, testdata):
    nobody = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"
    before = json.loads(facet("stats", "--json", check=0).stdout)
    for arguments, code, words in (
            (["--yes"], 2, "say what to erase"),
            (["--media", "x", "--yes"], 2, ""),
            (["--media", nobody, "--yes"], 3, "no such media"),
            (["--face", nobody, "--yes"], 3, "no such face"),
            (["--person", nobody, "--yes"], 3, "no such person"),
            (["--collection", "nobody", "--yes"], 3, "no such collection"),
            (["--like", testdata / "people/obama_and_biden_1.jpg", "--yes"], 2, "2 faces"),
            (["--like", testdata / "noface/grass.jpg", "--yes"], 3, "face"),
            (["--like", testdata / "people/obama_2.jpg", "--match", "weak", "--yes"], 2, "match"),
            (["--collection", "default"], 2, "--yes"),
            (["--collection", "default", "--reason", "x" * 501, "--yes"], 2, "500")):
        done = facet("erase", *arguments)
        assert done.returncode == code and words in done.stderr, (arguments, done.returncode, done.stderr)
    assert json.loads(facet("stats", "--json", check=0).stdout) == before


@pytest.mark.parametrize("answer, erased", [("no", False), ("", False), ("yes", True)])
def test_a_person_at_a_terminal_is_asked(library, facet, models, tmp_path, answer, erased):
    ours, theirs = pty.openpty()
    process = subprocess.Popen([FACET, "--data", tmp_path / "data", "--models", models, "erase", "--collection", "default"],
                               stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    os.close(theirs)
    os.write(ours, f"{answer}\n".encode())
    out, error = process.communicate(timeout=120)
    os.close(ours)
    assert "4 media and 5 faces" in error and "would go:" in out
    assert process.returncode == (0 if erased else 1)
    assert ("nothing was removed" in error) != erased
    assert json.loads(facet("stats", "--json", check=0).stdout)["media"] == (0 if erased else 4)


def test_by_id_and_in_collections(facet, make_server, testdata):
    server = make_server()
    first, second, third = server.add(*(testdata / "people" / name for name in ("obama_1.jpg", "rose_1.jpg", "kit_1.jpeg")))
    face = server.http.get(f"/v1/media/{second['id']}/faces").json()["items"][0]
    other = server.http.get(f"/v1/media/{third['id']}/faces").json()["items"][0]
    person = server.http.post("/v1/people", json={"name": "Kit"}).json()
    server.http.patch(f"/v1/faces/{other['id']}", json={"person_id": person["id"]})
    receipt = json.loads(facet("erase", "--media", first["id"], "--face", face["id"], "--person", person["id"], "--yes",
                               "--json", check=0).stdout)
    assert [one["id"] for one in receipt["media"]] == [first["id"]]
    assert sorted(receipt["faces"]) == sorted([face["id"], other["id"]]) and receipt["people"] == [person["id"]]
    left = everything(server)
    assert {one["id"] for one in left["media"]} == {second["id"], third["id"]}
    assert left["faces"] == left["people"] == []
    assert server.http.get(f"/v1/erasures/{receipt['id']}").json() == receipt


def test_a_running_server_forgets(facet, make_server, testdata):
    """Beside the built-in database, where nobody tells the server: it follows the change log."""
    server = make_server()
    with_face, without = server.add(testdata / "people/obama_1.jpg", testdata / "noface/grass.jpg")
    face = server.http.get(f"/v1/media/{with_face['id']}/faces").json()["items"][0]
    vector = server.http.get(f"/v1/faces/{face['id']}/embedding").json()["embedding"]
    packed = struct.pack("<512f", *vector)[800:864]
    pictures = {one["id"]: server.http.get(f"/v1/media/{one['id']}/thumbnail").content for one in (with_face, without)}
    pieces = {media: picture[len(picture) // 2:][:64] for media, picture in pictures.items()}
    for piece in (packed, *pieces.values()):
        assert memory_holds(server.process, piece), "what is looked for is there before"

    facet("erase", "--media", without["id"], "--yes", check=0)
    assert server.http.get(f"/v1/media/{without['id']}/thumbnail").status_code == 404
    wait_until(lambda: not memory_holds(server.process, pieces[without["id"]]))
    assert memory_holds(server.process, packed)

    facet("erase", "--media", with_face["id"], "--yes", check=0)
    for path in (f"/v1/media/{with_face['id']}", f"/v1/media/{with_face['id']}/content", f"/v1/faces/{face['id']}/image",
                 f"/v1/media/{with_face['id']}/thumbnail", f"/v1/faces/{face['id']}"):
        assert server.http.get(path).status_code == 404, path
    wait_until(lambda: not memory_holds(server.process, packed, pieces[with_face["id"]]))
    assert server.http.post("/v1/search", json={"embedding": vector, "threshold": 0.5}).json()["results"] == []
