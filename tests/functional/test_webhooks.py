"""Webhooks: what is sent to whom, when it fails, and that nothing is lost or sent for nothing."""

import hashlib
import hmac
import json
import pathlib
import sqlite3
import sys
import threading
import time

import pytest
from servers import wait_for

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from receiver import Receiver  # noqa: E402

ALL = ["media.completed", "media.failed", "face.matched"]


@pytest.fixture
def told(make_server):
    """A server that may send to this machine."""
    return make_server("-s", "fetch.private_addresses=true")


@pytest.fixture
def receivers():
    made = []

    def make(answer=None, **options):
        made.append(Receiver(answer, **options))
        return made[-1]

    yield make
    for receiver in made:
        receiver.close()


def add_hook(server, url, events=ALL, **fields):
    answer = server.http.post("/v1/webhooks", json={"url": url, "events": events, **fields})
    assert answer.status_code == 201, answer.text
    return answer.json()


def hook(server, webhook):
    answer = server.http.get(f"/v1/webhooks/{webhook['id']}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def deliveries(server, webhook):
    return server.http.get(f"/v1/webhooks/{webhook['id']}/deliveries").json()["items"]


def ping(server, webhook):
    answer = server.http.post(f"/v1/webhooks/{webhook['id']}/test")
    assert answer.status_code == 202, answer.text
    return answer.json()["task_id"]


def task(server, task_id):
    return server.http.get(f"/v1/tasks/{task_id}").json()


def wait_for_task(server, task_id, state):
    def reached():
        found = task(server, task_id)
        return found if found["state"] == state else None
    return wait_for(reached, seconds=60)


def checked(request, secret):
    """The event in a request whose signature is right."""
    sent_at = request.headers["x-facet-timestamp"]
    digest = hmac.new(secret.encode(), sent_at.encode() + b"." + request.body, hashlib.sha256).hexdigest()
    assert request.headers["x-facet-signature"] == f"sha256={digest}"
    assert abs(time.time() - int(sent_at)) < 120
    event = json.loads(request.body)
    assert request.method == "POST" and request.headers["content-type"] == "application/json"
    assert request.headers["x-facet-event"] == event["type"]
    assert request.headers["x-facet-delivery"] == event["id"]
    return event


def test_a_finished_media_is_told_with_a_signature(told, receivers, testdata):
    receiver = receivers()
    webhook = add_hook(told, receiver.url("/hook?a=b"))
    assert len(webhook["secret"]) == 64
    assert "secret" not in hook(told, webhook)
    assert "secret" not in told.http.get("/v1/webhooks").json()["items"][0]
    good = told.add(testdata / "people/obama_1.jpg")[0]
    event = checked(receiver.wait(1)[0], webhook["secret"])
    assert event["type"] == "media.completed" and receiver.requests[0].path == "/hook?a=b"
    media = event["data"]["media"]
    assert {name: media[name] for name in media} == {name: good[name] for name in media}
    assert media["id"] == good["id"] and media["face_count"] == 1 and media["status"] == "completed"
    assert media["filename"] == "obama_1.jpg" and "embedding" not in str(event)

    bad = told.add(testdata / "corrupt/png_bomb_40000x40000.png")[0]
    assert bad["status"] == "failed"
    event = checked(receiver.wait(2)[1], webhook["secret"])
    assert event["type"] == "media.failed" and event["data"]["media"]["error"] == bad["error"]

    def all_delivered():
        shown = deliveries(told, webhook)
        return shown if [one["state"] for one in shown] == ["delivered"] * 2 else None
    shown = wait_for(all_delivered)
    assert [(one["event"], one["status"], one["error"], one["attempt"]) for one in shown] == [
        ("media.failed", 204, None, 1), ("media.completed", 204, None, 1)]
    assert hook(told, webhook)["last_delivery"] == shown[0] and hook(told, webhook)["consecutive_failures"] == 0
    sent = task(told, shown[0]["id"])
    assert sent["name"] == "facet.deliver_webhook" and sent["result"] == {"status": "delivered", "http_status": 204}
    assert webhook["secret"] not in (told.data / "server.log").read_text()


def test_only_what_was_asked_for_is_told(told, receivers, testdata):
    receiver, other = receivers(), receivers()
    failed = add_hook(told, receiver.url(), ["media.failed"])
    asleep = add_hook(told, other.url(), active=False)
    told.add(testdata / "people/obama_1.jpg", testdata / "corrupt/png_bomb_40000x40000.png")
    assert checked(receiver.wait(1)[0], failed["secret"])["type"] == "media.failed"
    woken = told.http.patch(f"/v1/webhooks/{asleep['id']}", json={"active": True})
    assert woken.status_code == 200 and woken.json()["active"] and woken.json()["events"] == ALL
    told.add(testdata / "people/biden_1.jpg")
    assert checked(other.wait(1)[0], asleep["secret"])["data"]["media"]["filename"] == "biden_1.jpg"
    assert told.http.delete(f"/v1/webhooks/{asleep['id']}").status_code == 204
    told.add(testdata / "people/kit_1.jpeg")
    wait_for_task(told, ping(told, failed), "done")
    assert len(other.requests) == 1 and len(receiver.requests) == 2


def test_a_face_like_a_watched_one_is_told(told, receivers, testdata):
    people = testdata / "people"
    first = told.add(people / "obama_1.jpg")[0]
    face = told.http.get(f"/v1/media/{first['id']}/faces").json()["items"][0]
    receiver = receivers()
    webhook = add_hook(told, receiver.url(), ["face.matched"], watched_faces=[{"face_id": face["id"]}])
    assert webhook["watched_faces"] == [{"face_id": face["id"], "threshold": None}]
    other, second = told.add(people / "biden_1.jpg", people / "obama_2.jpg")
    found = told.http.get(f"/v1/media/{second['id']}/faces").json()["items"][0]
    event = checked(receiver.wait(1)[0], webhook["secret"])
    cosine = event["data"].pop("cosine")
    assert event["type"] == "face.matched" and event["data"].pop("media")["id"] == second["id"]
    assert event["data"] == {"watched_face_id": face["id"], "face_id": found["id"], "media_id": second["id"],
                             "match": "match"}
    hits = told.search(people / "obama_1.jpg").json()["results"]
    assert cosine == pytest.approx(next(hit["cosine"] for hit in hits if hit["media"]["id"] == second["id"]), abs=0.02)

    # A threshold of its own lets anybody through, or nobody.
    changed = told.http.patch(f"/v1/webhooks/{webhook['id']}",
                              json={"watched_faces": [{"face_id": face["id"], "threshold": -1}]})
    assert changed.json()["watched_faces"] == [{"face_id": face["id"], "threshold": -1}]
    stranger = told.add(people / "kit_1.jpeg")[0]
    event = checked(receiver.wait(2)[1], webhook["secret"])
    assert event["data"]["media_id"] == stranger["id"] and event["data"]["match"] == "weak"

    # The watch goes with the face.
    assert told.http.delete(f"/v1/faces/{face['id']}").status_code == 204
    assert hook(told, webhook)["watched_faces"] == []
    told.add(people / "kit_2.jpeg")
    wait_for_task(told, ping(told, webhook), "done")
    assert [request.headers["x-facet-event"] for request in receiver.requests] == ["face.matched"] * 2 + ["ping"]


def test_a_watch_outlives_a_new_analysis(make_anywhere, receivers, testdata):
    told = make_anywhere("-s", "fetch.private_addresses=true")
    people = testdata / "people"
    media = told.add(people / "obama_and_biden_1.jpg")[0]

    def faces():
        found = told.http.get(f"/v1/media/{media['id']}/faces").json()["items"]
        return sorted(found, key=lambda face: face["box"]["pixels"]["x"])

    receiver, before = receivers(), faces()
    thresholds = {"threshold": 0.25}, {"threshold": None}
    webhook = add_hook(told, receiver.url(), ["face.matched"], watched_faces=[
        {"face_id": face["id"], **threshold} for face, threshold in zip(before, thresholds, strict=True)])
    assert told.http.post(f"/v1/media/{media['id']}/reprocess").status_code == 202
    told.wait_idle()
    after = faces()
    assert not {face["id"] for face in before} & {face["id"] for face in after}
    watched = {one.pop("face_id"): one for one in hook(told, webhook)["watched_faces"]}
    assert watched == {face["id"]: threshold for face, threshold in zip(after, thresholds, strict=True)}
    told.add(people / "biden_1.jpg")
    event = checked(receiver.wait(1)[0], webhook["secret"])  # of the new analysis itself nothing
    assert event["data"]["watched_face_id"] in watched and len(receiver.requests) == 1


def test_a_receiver_in_trouble_is_asked_again(told, receivers, testdata):
    receiver = receivers(lambda request, number: (503 if number <= 2 else 200, {}, b"x" * 100_000))
    webhook = add_hook(told, receiver.url())
    told.add(testdata / "people/obama_1.jpg")
    requests = receiver.wait(3)
    assert len({request.headers["x-facet-delivery"] for request in requests}) == 1
    assert len({checked(request, webhook["secret"])["id"] for request in requests}) == 1
    done = wait_for_task(told, requests[0].headers["x-facet-delivery"], "done")
    assert done["attempts"] == 3 and done["max_attempts"] == 16
    shown = deliveries(told, webhook)[0]
    assert (shown["state"], shown["status"], shown["attempt"]) == ("delivered", 200, 3)
    assert hook(told, webhook)["consecutive_failures"] == 0


def test_a_refusal_ends_it_at_once_and_is_seen(told, receivers, testdata):
    answers = {"status": 404}
    receiver = receivers(lambda request, number: (answers["status"], {"location": "/elsewhere"}, b"no"))
    webhook = add_hook(told, receiver.url(), ["media.completed"])
    told.add(testdata / "people/obama_1.jpg")
    delivery = receiver.wait(1)[0].headers["x-facet-delivery"]
    failed = wait_for_task(told, delivery, "failed")
    assert failed["attempts"] == 1 and "404" in failed["error"]["message"]
    assert delivery in [one["id"] for one in told.http.get("/v1/tasks?state=failed").json()["items"]]
    shown = hook(told, webhook)
    assert shown["active"] and shown["consecutive_failures"] == 1
    assert (shown["last_delivery"]["state"], shown["last_delivery"]["status"]) == ("failed", 404)

    answers["status"] = 302  # redirections are not followed
    redirected = wait_for_task(told, ping(told, webhook), "failed")
    assert "302" in redirected["error"]["message"] and hook(told, webhook)["consecutive_failures"] == 2
    assert {request.path for request in receiver.requests} == {"/hook"}

    answers["status"] = 200
    assert told.http.post(f"/v1/tasks/{delivery}/retry").status_code == 200
    wait_for_task(told, delivery, "done")
    assert hook(told, webhook)["consecutive_failures"] == 0
    assert next(one for one in deliveries(told, webhook) if one["id"] == delivery)["state"] == "delivered"


def test_a_receiver_that_is_gone_is_left_alone(told, receivers, testdata):
    receiver = receivers(lambda request, number: (410, {}, b""))
    webhook = add_hook(told, receiver.url())
    told.add(testdata / "people/obama_1.jpg")
    wait_for_task(told, receiver.wait(1)[0].headers["x-facet-delivery"], "failed")
    assert hook(told, webhook)["active"] is False
    told.add(testdata / "people/biden_1.jpg")
    assert len(deliveries(told, webhook)) == 1 and len(receiver.requests) == 1


def test_nothing_is_told_of_what_was_deleted_meanwhile(told, receivers, testdata):
    hold, asked = threading.Event(), threading.Event()

    def answer(request, number):
        asked.set()
        hold.wait(60)
        return 503, {}, b""

    receiver = receivers(answer)
    webhook = add_hook(told, receiver.url(), ["media.completed"])
    media = told.add(testdata / "people/obama_1.jpg")[0]
    assert asked.wait(30)
    assert told.http.delete(f"/v1/media/{media['id']}").status_code == 204
    hold.set()
    delivery = receiver.requests[0].headers["x-facet-delivery"]
    assert wait_for_task(told, delivery, "done")["result"] == {"status": "gone"}
    assert len(receiver.requests) == 1 and deliveries(told, webhook) == []
    assert told.stop() == 0
    with sqlite3.connect(told.data / "facet.db") as db:
        payload = db.execute("SELECT payload FROM tasks WHERE name = 'facet.deliver_webhook'").fetchone()[0]
        assert json.loads(payload) == {"delivery_id": delivery}


def test_a_delivery_can_be_cancelled(told, receivers):
    receiver = receivers(lambda request, number: (503, {}, b""))
    webhook = add_hook(told, receiver.url())
    sent = ping(told, webhook)
    receiver.wait(1)
    wait_for(lambda: told.http.post(f"/v1/tasks/{sent}/cancel").json().get("state") == "cancelled", seconds=60)
    assert deliveries(told, webhook)[0]["state"] == "failed"


def test_what_was_committed_is_told_after_a_kill(told, receivers, testdata):
    """The process dies while the first receiver has the request and has not answered."""
    hold, killed = threading.Event(), threading.Event()

    def answer(request, number):
        if not killed.is_set():
            hold.wait(60)
        return 200, {}, b""

    receiver = receivers(answer)
    webhook = add_hook(told, receiver.url(), ["media.completed"])
    told.upload(testdata / "people/obama_1.jpg")
    first = receiver.wait(1)[0].headers["x-facet-delivery"]
    told.kill()
    killed.set()
    hold.set()
    told.start()
    assert wait_for_task(told, first, "done")["result"]["status"] == "delivered"
    assert {request.headers["x-facet-delivery"] for request in receiver.requests} == {first}
    event = checked(receiver.requests[-1], webhook["secret"])
    assert event["data"]["media"]["status"] == "completed"


def test_private_addresses_are_not_sent_to(server, receivers, testdata):
    receiver = receivers(host="0.0.0.0")
    for host in ("127.0.0.1", "localhost", "0x7f000001", "2130706433", "[::ffff:127.0.0.1]"):
        webhook = add_hook(server, receiver.url("/hook", host))
        failed = wait_for_task(server, ping(server, webhook), "failed")
        assert failed["error"]["code"] == "forbidden" and failed["attempts"] == 1
        shown = hook(server, webhook)["last_delivery"]
        assert (shown["state"], shown["status"]) == ("failed", None) and "public" in shown["error"]
    server.add(testdata / "people/obama_1.jpg")
    wait_for(lambda: not server.http.get("/v1/tasks?state=queued").json()["items"])
    assert receiver.connections == 0


@pytest.mark.parametrize("fields", [
    {}, {"url": "https://example.org/"}, {"events": ALL}, {"url": "https://example.org/", "events": []},
    {"url": "https://example.org/", "events": ["ping"]}, {"url": "https://example.org/", "events": "media.failed"},
    {"url": "https://example.org/", "events": ["media.failed", "media.failed"]},
    {"url": "file:///etc/passwd", "events": ALL}, {"url": "https://user:password@example.org/", "events": ALL},
    {"url": "https://example.org/" + "a" * 2000, "events": ALL}, {"url": 1, "events": ALL},
    {"url": "https://example.org/", "events": ALL, "collections": "default"},
    {"url": "https://example.org/", "events": ALL, "collections": ["default", "default"]},
    {"url": "https://example.org/", "events": ALL, "watched_faces": [{}]},
    {"url": "https://example.org/", "events": ALL, "watched_faces": [{"face_id": "x"}]},
    {"url": "https://example.org/", "events": ALL, "active": 1},
    {"url": "https://example.org/", "events": ALL, "secret": "mine"}, []])
def test_wrong_fields_are_refused(server, fields):
    answer = server.http.post("/v1/webhooks", json=fields)
    assert answer.status_code == 400 and answer.json()["error"]["code"] == "invalid_argument", answer.text
    assert server.http.get("/v1/webhooks").json() == {"items": []}


def test_what_is_not_there_is_not_found(server):
    nobody = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"
    for fields in ({"collections": ["nowhere"]}, {"watched_faces": [{"face_id": nobody}]}):
        answer = server.http.post("/v1/webhooks", json={"url": "https://example.org/", "events": ALL, **fields})
        assert answer.status_code == 404, answer.text
    for uid, status in ((nobody, 404), ("x", 400)):
        path = f"/v1/webhooks/{uid}"
        assert server.http.get(path).status_code == status
        assert server.http.patch(path, json={"active": False}).status_code == status
        assert server.http.delete(path).status_code == status
        assert server.http.post(f"{path}/test").status_code == status
        assert server.http.get(f"{path}/deliveries").status_code == status


def test_a_webhook_of_a_collection_hears_of_that_alone(told, receivers, testdata):
    receiver = receivers()
    assert told.http.post("/v1/collections", json={"name": "family"}).status_code == 201
    webhook = add_hook(told, receiver.url(), ["media.completed"], collections=["family"])
    assert webhook["collections"] == ["family"]
    told.add(testdata / "people/obama_1.jpg")
    answer = told.http.post("/v1/media?collection=family",
                            files=[("file", ("b.jpg", (testdata / "people/biden_1.jpg").read_bytes()))])
    assert answer.status_code == 202
    media = checked(receiver.wait(1)[0], webhook["secret"])["data"]["media"]
    assert (media["collection"], media["filename"]) == ("family", "b.jpg")
    changed = told.http.patch(f"/v1/webhooks/{webhook['id']}", json={"collections": None})
    assert changed.json()["collections"] is None
    told.add(testdata / "people/kit_1.jpeg")
    assert checked(receiver.wait(2)[1], webhook["secret"])["data"]["media"]["collection"] == "default"


def test_parts_on_servers_tell_too_and_a_queue_that_forgot_loses_nothing(make_part, servers, receivers, testdata):
    """The worker dies with a delivery in its hands, and Redis loses all it had."""
    hold, killed = threading.Event(), threading.Event()

    def answer(request, number):
        if number == 2 and not killed.is_set():
            hold.wait(60)
        return 200, {}, b""

    receiver = receivers(answer)
    settings = ("fetch.private_addresses=true", "tasks.requeue_after_seconds=2", "tasks.lease_seconds=3")
    web, worker = make_part("web", *settings), make_part("worker", *settings)
    people = testdata / "people"
    first = web.add(people / "obama_1.jpg")[0]
    face = web.http.get(f"/v1/media/{first['id']}/faces").json()["items"][0]
    webhook = add_hook(web, receiver.url(), ["media.failed", "face.matched"],
                       watched_faces=[{"face_id": face["id"]}])
    wait_for_task(web, ping(web, webhook), "done")
    web.upload(people / "obama_2.jpg")
    delivery = receiver.wait(2)[1].headers["x-facet-delivery"]
    worker.kill()
    servers[1].client().flushall()
    killed.set()
    hold.set()
    worker.start()
    requests = receiver.wait(3)
    assert [request.headers["x-facet-delivery"] for request in requests[1:]] == [delivery] * len(requests[1:])
    event = checked(requests[2], webhook["secret"])
    assert event["type"] == "face.matched" and event["data"]["watched_face_id"] == face["id"]
    shown = wait_for(lambda: [one for one in deliveries(web, webhook) if one["state"] == "delivered"][1:])
    assert [one["event"] for one in shown] == ["ping"]

    bad = web.add(testdata / "corrupt/png_bomb_40000x40000.png")[0]
    assert checked(receiver.wait(len(requests) + 1)[-1], webhook["secret"])["data"]["media"]["id"] == bad["id"]
