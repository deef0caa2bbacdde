"""Collections, people, filters, sorting: parts of the library and ways to look at it."""

import sqlite3
import struct

import pytest
from servers import wait_for


def make(server, name, **fields):
    answer = server.http.post("/v1/collections", json={"name": name, **fields})
    assert answer.status_code == 201, answer.text
    return answer.json()


def put(server, collection, *paths):
    answer = server.http.post("/v1/media", params={"collection": collection},
                              files=[("file", (path.name, path.read_bytes())) for path in paths])
    assert answer.status_code in (200, 202), answer.text
    server.wait_idle()
    return [server.media(one["media"]["id"]) for one in answer.json()["accepted"]]


def listed(server, **query):
    answer = server.http.get("/v1/media", params=query)
    assert answer.status_code == 200, answer.text
    return [one["filename"] for one in answer.json()["items"]]


def code(answer):
    return answer.status_code, answer.json()["error"]["code"]


def test_the_same_person_is_found_only_where_one_looks(anywhere, testdata):
    server = anywhere
    assert [one["name"] for one in server.http.get("/v1/collections").json()["items"]] == ["default"]
    made = make(server, "family", title="Die Familie")
    assert made["title"] == "Die Familie" and made["retention_days"] is None
    first = testdata / "people/obama_1.jpg"
    server.add(first)
    here = put(server, "family", first, testdata / "people/obama_2.jpg")
    assert {one["collection"] for one in here} == {"family"}
    family = server.http.get("/v1/collections/family").json()
    assert (family["media_count"], family["face_count"]) == (2, 2)
    assert listed(server, collection="family") == ["obama_2.jpg", "obama_1.jpg"]
    assert len(listed(server)) == 3 and len(listed(server, collection="family,default")) == 3

    query = testdata / "formats/obama.heic"
    everywhere = server.search(query).json()["results"]
    assert len(everywhere) == 3
    only = server.search(query, collection="family").json()["results"]
    assert {hit["media"]["collection"] for hit in only} == {"family"} and len(only) == 2
    again = server.search(query, collection="family").json()
    assert again["cached"] and len(again["results"]) == 2
    assert code(server.search(query, collection="nobody")) == (404, "not_found")


def test_a_collection_is_changed_and_deleted(server, testdata):
    make(server, "brief", retention_days=30)
    changed = server.http.patch("/v1/collections/brief", json={"title": "Briefly"}).json()
    assert (changed["title"], changed["retention_days"]) == ("Briefly", 30)
    changed = server.http.patch("/v1/collections/brief", json={"retention_days": None}).json()
    assert (changed["title"], changed["retention_days"]) == ("Briefly", None)
    [media] = put(server, "brief", testdata / "people/biden_1.jpg")
    assert code(server.http.delete("/v1/collections/brief")) == (409, "conflict")
    assert code(server.http.delete("/v1/collections/default", params={"force": "true"})) == (409, "conflict")
    assert server.http.delete("/v1/collections/brief", params={"force": "true"}).status_code == 204
    assert code(server.http.get("/v1/collections/brief")) == (404, "not_found")
    assert code(server.http.get(f"/v1/media/{media['id']}")) == (404, "not_found")
    assert not [path for path in (server.data / "raw").rglob("*") if path.is_file()]


@pytest.mark.parametrize("body, status", [
    ({"name": "Has Blanks"}, 400), ({"name": ""}, 400), ({}, 400), ({"name": 7}, 400),
    ({"name": "x", "retention_days": 0}, 400), ({"name": "x", "retention_days": "7"}, 400),
    ({"name": "x", "surprise": 1}, 400), ({"name": "default"}, 409), ({"name": "x", "title": "t" * 201}, 400)])
def test_wrong_collections_are_refused(server, body, status):
    assert server.http.post("/v1/collections", json=body).status_code == status
    assert len(server.http.get("/v1/collections").json()["items"]) == 1


def test_bodies_that_are_no_json_are_refused(server):
    for content, kind, status in ((b"{", "application/json", 400), (b"[]", "application/json", 400),
                                  (b'{"name": "x"}', "text/plain", 415),
                                  (b"[" * 100_000, "application/json", 400)):
        answer = server.http.post("/v1/collections", content=content, headers={"content-type": kind})
        assert answer.status_code == status, content[:20]


def test_media_are_sorted_and_filtered(server, testdata):
    photos = [testdata / "people" / name for name in ("rose_1.jpg", "biden_1.jpg", "obama_small.jpg")]
    server.add(*photos)
    (server.data / "watch/trip").mkdir(parents=True)
    (server.data / "watch/trip/kit.jpeg").write_bytes((testdata / "people/kit_1.jpeg").read_bytes())
    server.wait_idle(4)
    by_name = ["biden_1.jpg", "kit.jpeg", "obama_small.jpg", "rose_1.jpg"]
    assert listed(server, sort="name") == by_name
    assert listed(server, sort="-name") == by_name[::-1]
    assert listed(server, sort="created_at") == listed(server, sort="-created_at")[::-1]
    sizes = [one["bytes"] for one in server.http.get("/v1/media", params={"sort": "-bytes"}).json()["items"]]
    assert sizes == sorted(sizes, reverse=True)
    taken = [one["taken_at"] for one in server.http.get("/v1/media", params={"sort": "taken_at"}).json()["items"]]
    assert taken == sorted(taken)
    pages, cursor = [], None
    while cursor != "":
        page = server.http.get("/v1/media", params={"sort": "name", "limit": 1, "cursor": cursor or ""}).json()
        pages += [one["filename"] for one in page["items"]]
        cursor = page["next_cursor"] or ""
    assert pages == by_name
    assert listed(server, path=str(server.data / "watch/trip")) == ["kit.jpeg"]
    assert listed(server, q="OBAMA") == ["obama_small.jpg"]
    assert listed(server, media_type="video") == [] and len(listed(server, media_type="image")) == 4
    assert listed(server, taken_to="2000-01-01T00:00:00Z") == []
    assert len(listed(server, taken_from="2000-01-01T00:00:00+01:00")) == 4
    for query in ({"sort": "size"}, {"media_type": "sound"}, {"taken_from": "yesterday"}, {"limit": "501"},
                  {"person_id": "x"}, {"sort": "name", "cursor": "m1"}, {"collection": "default,,"}):
        assert server.http.get("/v1/media", params=query).status_code == 400, query


def test_faces_have_names_that_outlive_another_analysis(server, testdata):
    [media] = server.add(testdata / "people/obama_and_biden_1.jpg")
    faces = server.http.get(f"/v1/media/{media['id']}/faces").json()["items"]
    person = server.http.post("/v1/people", json={"name": "Joe"}).json()
    named = server.http.patch(f"/v1/faces/{faces[0]['id']}", json={"person_id": person["id"]}).json()
    assert named["person_id"] == person["id"]
    assert server.http.get(f"/v1/people/{person['id']}").json()["face_count"] == 1
    assert listed(server, person_id=person["id"]) == ["obama_and_biden_1.jpg"]
    hits = server.search(testdata / "people/obama_and_biden_1.jpg", face="all", person_id=person["id"]).json()["results"]
    assert [hit["face"]["person_id"] for hit in hits] == [person["id"]]

    assert server.http.post(f"/v1/media/{media['id']}/reprocess").status_code == 202
    server.wait_idle()
    again = server.http.get("/v1/faces", params={"person_id": person["id"]}).json()["items"]
    assert [one["box"] for one in again] == [faces[0]["box"]] and again[0]["id"] != faces[0]["id"]

    renamed = server.http.patch(f"/v1/people/{person['id']}", json={"name": "Joseph"}).json()
    assert renamed["name"] == "Joseph"
    assert [one["name"] for one in server.http.get("/v1/people").json()["items"]] == ["Joseph"]
    assert server.http.patch(f"/v1/faces/{again[0]['id']}", json={"person_id": None}).json()["person_id"] is None
    assert server.http.delete(f"/v1/people/{person['id']}").status_code == 204
    assert server.http.get(f"/v1/people/{person['id']}").status_code == 404
    assert server.http.patch(f"/v1/faces/{again[0]['id']}",
                             json={"person_id": person["id"]}).status_code == 404
    assert server.http.post("/v1/people", json={"name": ""}).status_code == 400
    make(server, "other")
    stranger = server.http.post("/v1/people", json={"name": "X", "collection": "other"}).json()
    assert server.http.patch(f"/v1/faces/{again[0]['id']}",
                             json={"person_id": stranger["id"]}).status_code == 404


def test_what_is_old_goes_by_itself(make_server, testdata):
    server = make_server()
    make(server, "brief", retention_days=7)
    [old] = put(server, "brief", testdata / "people/biden_1.jpg")
    [young] = put(server, "brief", testdata / "people/rose_1.jpg")
    [kept] = server.add(testdata / "people/biden_1.jpg")
    server.stop()
    database = sqlite3.connect(server.data / "facet.db")
    database.execute("UPDATE media SET created_at = created_at - 8 * 86400000 WHERE sha256 = ?", (old["sha256"],))
    database.commit()
    database.close()
    server.start()
    server.wait_idle()
    wait_for(lambda: server.http.get(f"/v1/media/{old['id']}").status_code == 404)
    for media in (young, kept):
        assert server.http.get(f"/v1/media/{media['id']}").status_code == 200
    assert server.http.get(f"/v1/media/{kept['id']}/content").status_code == 200, "the bytes are those of the one that went"
    [receipt] = server.http.get("/v1/erasures").json()["items"]
    assert receipt["by"] == "retention" and [one["id"] for one in receipt["media"]] == [old["id"]]
    assert server.http.get(f"/v1/tasks/{old['task_id']}").status_code == 404


def with_camera_time(jpeg, text):
    """The JPEG with an Exif segment that says when it was taken (TIFF 6.0, little-endian: one tag of IFD 0
    points to the Exif IFD, which has DateTimeOriginal)."""
    exif_at, text_at = 26, 44
    tiff = struct.pack("<2sHI", b"II", 42, 8)
    tiff += struct.pack("<HHHIII", 1, 0x8769, 4, 1, exif_at, 0)
    tiff += struct.pack("<HHHIII", 1, 0x9003, 2, 20, text_at, 0)
    tiff += text.encode() + b"\0"
    segment = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + jpeg[2:]


def test_a_photo_is_as_old_as_its_camera_says(server, testdata, tmp_path):
    plain = (testdata / "people/rose_1.jpg").read_bytes()
    photo = tmp_path / "summer.jpg"
    photo.write_bytes(with_camera_time(plain, "2019:07:04 12:00:00"))
    [media] = server.add(photo)
    assert media["status"] == "completed" and media["taken_at"] == "2019-07-04T12:00:00.000Z"
    (tmp_path / "broken.jpg").write_bytes(with_camera_time(plain, "0000:00:00 00:00:00"))
    [broken] = server.add(tmp_path / "broken.jpg")
    assert broken["taken_at"] == broken["created_at"]
    assert listed(server, sort="taken_at") == ["summer.jpg", "broken.jpg"]
    assert listed(server, taken_from="2019-07-04T12:00:00Z", taken_to="2019-07-04T12:00:01Z") == ["summer.jpg"]
