"""What is erased is gone: from answers, from memory, and byte by byte from the disk."""

import sqlite3
import struct
import uuid

import httpx
import pytest
from servers import wait_for


def erase(server, **what):
    return server.http.post("/v1/erasures", json=what)


def complete(server, erasure):
    """Its receipt, once all is gone."""
    receipt = server.http.get(f"/v1/erasures/{erasure}").json()
    return receipt if receipt["complete"] else None


def files_with(folder, *pieces):
    """Files below the folder that hold one of the byte strings."""
    return [path for path in folder.rglob("*")
            if path.is_file() and any(piece in path.read_bytes() for piece in pieces)]


def vector_of(server, face):
    return server.http.get(f"/v1/faces/{face['id']}/embedding").json()["embedding"]


def as_bytes(vector):
    """Pieces of the vector as the database and the index hold it; the first and last numbers may share a page's edge."""
    packed = struct.pack("<512f", *vector)
    return [packed[at:at + 64] for at in range(0, 2048, 256)]


def test_an_erased_person_is_nowhere(anywhere, testdata):
    server = anywhere
    doomed, other = server.add(testdata / "people/obama_1.jpg", testdata / "people/biden_1.jpg")
    face = server.http.get(f"/v1/media/{doomed['id']}/faces").json()["items"][0]
    kept = server.http.get(f"/v1/media/{other['id']}/faces").json()["items"][0]
    vector, kept_vector = vector_of(server, face), vector_of(server, kept)
    server.http.get(f"/v1/media/{doomed['id']}/thumbnail")
    server.http.get(f"/v1/faces/{face['id']}/image")
    server.search(testdata / "people/obama_2.jpg", save_as="him")
    built_in = (server.data / "facet.db").exists()
    photo = (testdata / "people/obama_1.jpg").read_bytes()[4000:4064]
    assert files_with(server.data, photo)
    if built_in:
        assert files_with(server.data, *as_bytes(vector)), "what is looked for is there before"

    trial = erase(server, media_ids=[doomed["id"]], dry_run=True)
    assert trial.status_code == 200 and trial.json()["id"] is None
    assert trial.json()["removed"]["faces"] == 1
    assert server.http.get(f"/v1/media/{doomed['id']}").status_code == 200

    answer = erase(server, media_ids=[doomed["id"]], reason="asked for by mail")
    assert answer.status_code == 201, answer.text
    receipt = answer.json()
    assert receipt["complete"] is True
    assert receipt["media"] == [{"id": doomed["id"], "sha256": doomed["sha256"], "format": "jpg", "faces": 1}]
    assert receipt["removed"]["media"] == receipt["removed"]["vectors"] == receipt["removed"]["saved_searches"] == 1
    assert receipt["removed"]["tasks"] >= 1
    assert all(check["passed"] in (True, None) for check in receipt["checks"]), receipt["checks"]
    assert "obama" not in answer.text, "a receipt names nobody"
    assert server.http.get(f"/v1/erasures/{receipt['id']}").json() == receipt
    assert server.http.get("/v1/erasures").json()["items"] == [receipt]

    for path in (f"/v1/media/{doomed['id']}", f"/v1/media/{doomed['id']}/content", f"/v1/faces/{face['id']}",
                 f"/v1/media/{doomed['id']}/thumbnail", f"/v1/faces/{face['id']}/image",
                 f"/v1/faces/{face['id']}/embedding", f"/v1/tasks/{doomed['task_id']}"):
        assert server.http.get(path).status_code == 404, path
    assert server.http.post("/v1/search", json={"embedding": vector, "threshold": 0.9}).json()["results"] == []
    assert server.http.post("/v1/search", json={"embedding": kept_vector}).json()["results"]
    assert server.http.get("/v1/searches").json()["items"] == []
    assert not files_with(server.data, photo)
    if built_in:
        assert not files_with(server.data, *as_bytes(vector))
        assert files_with(server.data, *as_bytes(kept_vector))
    again = erase(server, media_ids=[doomed["id"]])
    assert again.status_code == 404


def test_what_a_reader_of_the_database_holds_up_is_ended_later(server, testdata):
    photo = server.data / "watch/obama_1.jpg"
    photo.write_bytes((testdata / "people/obama_1.jpg").read_bytes())
    [named] = server.add(testdata / "people/biden_1.jpg")
    server.wait_idle(2)
    [doomed] = [one for one in server.http.get("/v1/media").json()["items"] if one["id"] != named["id"]]
    face = server.http.get(f"/v1/media/{doomed['id']}/faces").json()["items"][0]
    vector = vector_of(server, face)
    reader = sqlite3.connect(f"file:{server.data / 'facet.db'}?mode=ro", uri=True, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM media").fetchone()
    answer = erase(server, media_ids=[doomed["id"]])
    assert answer.status_code == 201, answer.text
    receipt = answer.json()
    assert receipt["complete"] is False and False in [one["passed"] for one in receipt["checks"]]
    assert server.http.get(f"/v1/media/{doomed['id']}").status_code == 404
    assert server.http.get(f"/v1/erasures/{receipt['id']}").json()["complete"] is False
    assert files_with(server.data, *as_bytes(vector)), "the log holds it as long as the reader does"
    reader.close()

    # Others than the process that began it wait for a minute before they go on with it.
    server.kill()
    with sqlite3.connect(server.data / "facet.db") as database:
        database.execute("UPDATE erasures SET created_at = created_at - 61000")
        database.execute("INSERT INTO erasures (uid, receipt, created_at, complete)"
                         " SELECT ?, '{', created_at - 9, 0 FROM erasures", (uuid.uuid4().bytes,))
    server.start()
    done = wait_for(lambda: complete(server, receipt["id"]))
    assert all(check["passed"] in (True, None) for check in done["checks"]), done["checks"]
    assert "files outside the library" in [one["what"] for one in done["checks"]]
    assert done["media"] == receipt["media"] and done["removed"]["media"] == 1
    assert not files_with(server.data, *as_bytes(vector))
    assert server.media(named["id"])["status"] == "completed"


def test_what_is_erased_while_it_is_analysed_leaves_nothing(server, testdata):
    photos = sorted((testdata / "groups").glob("*.jpg"))[:6]
    media = [one["media"]["id"] for one in server.upload(*photos).json()["accepted"]]
    wait_for(lambda: [one for one in media if server.media(one)["status"] == "processing"])
    receipt = erase(server, media_ids=media).json()
    assert receipt["complete"] is True
    assert all(check["passed"] in (True, None) for check in receipt["checks"]), receipt["checks"]
    assert server.http.get("/v1/tasks").json()["items"] == []
    assert [path for folder in ("faces", "raw") for path in (server.data / folder).rglob("*") if path.is_file()] == []


def test_events_of_the_past_forget_what_is_erased(server, testdata):
    [media] = server.add(testdata / "people/obama_1.jpg")
    erase(server, media_ids=[media["id"]])
    told = ""
    with httpx.stream("GET", server.url + "/v1/events", headers={"last-event-id": "x"}, timeout=30) as events:
        for piece in events.iter_text():
            told += piece
            if "media.deleted" in told:
                break
    assert media["sha256"] not in told and "obama" not in told
    assert told.count(media["id"]) == 1, "that it is gone"


def test_a_person_goes_with_all_faces_and_others_stay(server, testdata):
    server.add(testdata / "people/obama_and_biden_1.jpg", testdata / "people/obama_1.jpg")
    faces = server.http.get("/v1/faces").json()["items"]
    person = server.http.post("/v1/people", json={"name": "Barack"}).json()
    both = [one for one in faces if len([other for other in faces if other["media_id"] == one["media_id"]]) == 2]
    alone = [one for one in faces if one not in both][0]
    near = server.http.post("/v1/search", json={"face_id": alone["id"]}).json()["results"][0]["face"]
    for face in (alone, near):
        server.http.patch(f"/v1/faces/{face['id']}", json={"person_id": person["id"]})
    receipt = erase(server, person_ids=[person["id"]]).json()
    assert sorted(receipt["faces"]) == sorted([alone["id"], near["id"]]) and receipt["people"] == [person["id"]]
    assert receipt["media"] == []
    left = server.http.get("/v1/faces").json()["items"]
    assert len(left) == 1 and left[0]["person_id"] is None
    assert server.http.get("/v1/people").json()["items"] == []


def test_a_collection_goes_whole_and_bytes_that_others_have_stay(server, testdata):
    photo = testdata / "people/rose_1.jpg"
    [kept] = server.add(photo)
    server.http.post("/v1/collections", json={"name": "gone"})
    server.http.post("/v1/media", params={"collection": "gone"}, files=[("file", ("a.jpg", photo.read_bytes()))])
    server.wait_idle()
    receipt = erase(server, collections=["gone"]).json()
    assert receipt["collections"] == ["gone"] and receipt["removed"]["media"] == 1
    assert [one for one in receipt["checks"] if one["what"] == "same files in other collections"]
    assert server.http.get("/v1/collections/gone").status_code == 404
    assert server.http.get(f"/v1/media/{kept['id']}/content").content == photo.read_bytes()
    everything = erase(server, collections=["default"]).json()
    assert everything["removed"]["media"] == 1
    assert server.http.get("/v1/collections/default").json()["media_count"] == 0


def test_one_face_of_a_photo_goes_alone(server, testdata):
    server.add(testdata / "people/obama_and_biden_1.jpg")
    first, second = server.http.get("/v1/faces").json()["items"]
    crops = [path for path in server.data.rglob(f"{first['id']}*")]
    assert crops
    receipt = erase(server, face_ids=[first["id"]]).json()
    assert receipt["faces"] == [first["id"]] and receipt["removed"]["media"] == 0
    assert not list(server.data.rglob(f"{first['id']}*")) and list(server.data.rglob(f"{second['id']}*"))
    assert [one["id"] for one in server.http.get("/v1/faces").json()["items"]] == [second["id"]]


@pytest.mark.parametrize("body, status", [
    ({}, 400), ({"media_ids": []}, 400), ({"media_ids": "x"}, 400), ({"media_ids": ["x"]}, 400),
    ({"media_ids": [1]}, 400), ({"dry_run": "yes", "collections": ["default"]}, 400),
    ({"collections": ["nobody"]}, 404), ({"reason": "x" * 501, "collections": ["default"]}, 400),
    ({"face_ids": ["0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"]}, 404),
    ({"person_ids": ["0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"]}, 404)])
def test_wrong_erasures_remove_nothing(server, body, status):
    assert erase(server, **body).status_code == status
    assert server.http.get("/v1/erasures").json()["items"] == []
