"""Answers that the other tests have no occasion for."""

import openapi
from servers import wait_for
from test_security import png

NOBODY = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"
BROKEN = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 20


def test_what_is_named_wrongly_or_is_not_there(server):
    http = server.http
    assert http.patch("/v1/collections/default", json={"retention_days": 0}).status_code == 400
    assert http.delete("/v1/collections/default", params={"force": "maybe"}).status_code == 400
    assert http.post("/v1/people", json={"name": "Ada", "collection": "nobody"}).status_code == 404
    assert http.delete(f"/v1/faces/{NOBODY}").status_code == 404


def test_what_is_no_uuid_names_nothing(server):
    uuids = [one for one in openapi.OPERATIONS if "/{id}" in one.path and "400" in one.responses]
    assert len(uuids) > 15
    for one in uuids:
        answer = server.http.request(one.method, one.path.replace("{id}", "x"), **({} if one.body is None else {"json": {}}))
        assert answer.status_code == 400, one.id


def test_filters_and_bodies_of_the_wrong_kind(server):
    for one in openapi.OPERATIONS:
        path = openapi.fill(one.path, NOBODY)
        for parameter in one.parameters if one.method == "GET" and path == one.path else []:
            kind = openapi.resolve(parameter["schema"])
            if parameter["in"] == "query" and (kind.get("type") == "integer" or "pattern" in kind):
                answer = server.http.get(path, params={parameter["name"]: "?"})
                assert answer.status_code == 400, (one.id, parameter["name"], answer.text)
        if one.body is not None:
            answer = server.http.request(one.method, path, content="x", headers={"Content-Type": "text/plain"})
            assert answer.status_code == 415 or path != one.path and answer.status_code == 404, (one.id, answer.text)


def test_what_is_not_there_is_not_found(server):
    named = [one for one in openapi.OPERATIONS if "{" in one.path and one.body is None and "404" in one.responses]
    assert len(named) > 20
    for one in named:
        answer = server.http.request(one.method, openapi.fill(one.path, NOBODY))
        assert answer.status_code == 404 and answer.json()["error"]["code"] == "not_found", (one.id, answer.text)


def test_a_task_that_is_over_is_neither_cancelled_nor_retried(server, testdata):
    [media] = server.add(testdata / "people/obama_small.jpg")
    for change in ("cancel", "retry"):
        answer = server.http.post(f"/v1/tasks/{media['task_id']}/{change}")
        assert answer.status_code == 409 and answer.json()["error"]["code"] == "conflict"
    assert server.media(media["id"])["status"] == "completed"


def test_a_cancelled_second_analysis_leaves_what_the_first_found(make_server, testdata):
    server = make_server("-s", "workers.count=1")
    [media] = server.add(testdata / "people/obama_small.jpg")
    faces = server.http.get(f"/v1/media/{media['id']}/faces").json()["items"]
    film = server.upload(testdata / "video/hamilton.mp4").json()["accepted"][0]["media"]["id"]
    wait_for(lambda: server.media(film)["status"] == "processing")
    task = server.http.post(f"/v1/media/{media['id']}/reprocess").json()["task_id"]
    assert server.http.post(f"/v1/tasks/{task}/cancel").json()["state"] == "cancelled"
    now = server.media(media["id"])
    assert now["status"] == "completed" and now["face_count"] == 1
    assert server.http.get(f"/v1/media/{media['id']}/faces").json()["items"] == faces
    assert server.http.get(f"/v1/faces/{faces[0]['id']}/image").status_code == 200


def test_pictures_that_cannot_be_looked_at(server, testdata):
    photo, bomb = (testdata / "people/obama_small.jpg").read_bytes(), png(60_000, 60_000)
    for picture, status in ((BROKEN, 422), (bomb, 413)):
        assert server.http.post("/v1/detect", files={"image": ("a", picture)}).status_code == status
        verified = server.http.post("/v1/verify", files={"source": ("a", photo), "target": ("b", picture)})
        assert verified.status_code == status
    upload = server.http.post("/v1/media", files=[("file", ("broken.jpg", BROKEN))])
    server.wait_idle()
    media = server.media(upload.json()["accepted"][0]["media"]["id"])
    assert (media["status"], media["error"]["code"]) == ("failed", "corrupt")
    thumbnail = server.http.get(f"/v1/media/{media['id']}/thumbnail")
    assert thumbnail.status_code == 422 and thumbnail.json()["error"]["code"] == "corrupt"
    assert server.http.get(f"/v1/media/{media['id']}/frame").status_code == 422


def test_what_has_changed_since_it_was_seen_is_left_alone(server, testdata):
    http = server.http
    [media] = server.add(testdata / "people/obama_small.jpg")
    face = http.get(f"/v1/media/{media['id']}/faces").json()["items"][0]["id"]
    person = http.post("/v1/people", json={"name": "Ada"}).json()["id"]
    assert http.post("/v1/collections", json={"name": "news"}).status_code == 201
    key = http.post("/v1/keys", json={"name": "k", "scope": "read"}).json()["id"]
    webhook = http.post("/v1/webhooks", json={"url": "https://example.org/", "events": ["media.failed"]}).json()["id"]
    changes = [(f"/v1/people/{person}", {"name": "Bo"}), (f"/v1/faces/{face}", {"person_id": person}),
               ("/v1/collections/news", {"title": "News"}), (f"/v1/webhooks/{webhook}", {"active": False})]
    for path, change in changes:
        seen = http.get(path).headers["etag"]
        for stale in ('"other"', "W/" + seen, seen.strip('"'), ""):
            refused = http.patch(path, json=change, headers={"If-Match": stale})
            assert refused.status_code == 412 and refused.json()["error"]["code"] == "precondition_failed"
        assert http.get(path).headers["etag"] == seen
        assert http.patch(path, json=change, headers={"If-Match": f'"other", {seen}'}).status_code == 200
        assert http.patch(path, json=change, headers={"If-Match": seen}).status_code == 412
    for path in [path for path, _ in changes] + [f"/v1/media/{media['id']}", f"/v1/keys/{key}"]:
        assert http.delete(path, headers={"If-Match": '"other"'}).status_code == 412
        seen = http.get(path).headers["etag"]
        assert http.delete(path, headers={"If-Match": "*" if "media" in path else seen}).status_code == 204
    assert http.delete(f"/v1/people/{person}", headers={"If-Match": "*"}).status_code == 404
