"""What a key for one collection gets of another: every operation of the API, tried with ids of things that it may not see.
The answers are those for ids that never existed, lists and counts are as if the other collection were empty, and it stays as
it was to the last bit."""

import os
import pathlib
import re
import sys
from types import SimpleNamespace

import httpx
import openapi
import pytest
from access import PASSWORD, UNKNOWN, Browser, error, setup_code, with_key
from servers import wait_for

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from receiver import Receiver  # noqa: E402

OWN, OTHER = "allowed", "hidden-away"
PERSON = "Hidden Person"
TIMES = re.compile(r'"(ms|timings_ms|timestamp|request_id|last_seen_at)":("[^"]*"|[0-9.eE+-]+|\{[^}]*\})')

# --- what is tried ----------------------------------------------------------------------------------
# Each takes `t`, the ids of things in the other collection or of nothing at all, and `own`, what the key may see; it gives
# arguments of httpx requests, with "path" for the parameters of the path.


def by_id(*kinds, **more):
    """The id of each of these things in the path."""
    return lambda t, own: [{"path": {"id": getattr(t, kind)}, **more} for kind in kinds]


def once(**more):
    return lambda t, own: [more]


def filters(*names):
    """Lists that are narrowed by something of the other collection."""
    values = {"collection": lambda t: t.collection, "person_id": lambda t: t.person, "media_id": lambda t: t.media}
    return lambda t, own: [{"params": {name: values[name](t)}} for name in names] + [
        {"params": {"collection": f"{OWN},{t.collection}"}}]


def file(field, own):
    return {field: ("a.jpg", own.photo)}


def fetched(t, own):
    return [{"json": {"urls": [own.url], "collection": t.collection}}]


def uploaded(t, own):
    return [{"params": {"collection": t.collection}, "files": file("file", own), "headers": headers}
            for headers in ({}, {"Idempotency-Key": f"{OTHER}-hidden_biden.jpg"})]


def content(*kinds):
    """With what a cache or a player would send for bytes that it had once."""
    return lambda t, own: [{"path": {"id": getattr(t, kind)}, "headers": headers} for kind in kinds
                           for headers in ({}, {"If-None-Match": t.etag}, {"If-None-Match": "*"},
                                           {"Range": "bytes=0-9"}, {"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"})]


def named(t, own):
    return [{"path": {"id": t.face}, "json": {"person_id": None}},
            {"path": {"id": t.face}, "json": {"person_id": own.person}},
            {"path": {"id": t.face}, "json": {"person_id": t.person}},
            {"path": {"id": own.face}, "json": {"person_id": t.person}}]


def searched(t, own):
    things = [{"face_id": t.face}, {"face_id": own.face, "collection": t.collection},
              {"face_id": own.face, "collection": f"{OWN},{t.collection}"}, {"face_id": own.face, "person_id": t.person},
              {"face_id": t.face, "save_as": "mine"}]
    return [{"json": fields} for fields in things] + [
        {"files": file("image", own), "data": {"collection": t.collection}},
        {"files": file("image", own), "data": {"person_id": t.person}},
        {"data": {"face_id": t.face}, "files": {"limit": (None, "5")}},
        {"json": {"embedding": own.embedding, "person_id": t.person}}]


def compared(t, own):
    return [{"json": {"source_face_id": one, "target_face_id": two}}
            for one, two in ((t.face, t.face), (own.face, t.face), (t.face, own.face))]


def erased(t, own):
    return [{"json": body} for body in (
        {"media_ids": [t.media]}, {"face_ids": [t.face]}, {"person_ids": [t.person]}, {"collections": [t.collection]},
        {"media_ids": [t.media], "dry_run": True})]


def watched(t, own):
    return [{"json": {"url": own.url, "events": ["face.matched"], "watched_faces": [{"face_id": t.face}]}},
            {"json": {"url": own.url, "events": ["media.completed"], "collections": [t.collection]}}]


HIDDEN, CLOSED = (404,), (403,)  # what those get who have the scope
TRIES = {
    "createCollection": (CLOSED, lambda t, own: [{"json": {"name": t.collection}}]),
    "getCollection": (HIDDEN, lambda t, own: [{"path": {"collection": t.collection}}]),
    "changeCollection": (CLOSED, lambda t, own: [{"path": {"collection": t.collection}, "json": {"retention_days": 1}}]),
    "deleteCollection": (CLOSED, lambda t, own: [{"path": {"collection": t.collection}, "params": {"force": "true"}}]),
    "listMedia": (HIDDEN, filters("collection", "person_id")),
    "uploadMedia": (HIDDEN, uploaded),
    "fetchMedia": (HIDDEN, fetched),
    "getMedia": (HIDDEN, content("media", "failed")),
    "deleteMedia": (HIDDEN, by_id("media", "failed")),
    "facesOfMedia": (HIDDEN, content("media", "failed")),
    "appearancesOfMedia": (HIDDEN, content("media", "failed")),
    "mediaFrame": (HIDDEN, content("media", "failed")),
    "mediaContent": (HIDDEN, content("media", "failed")),
    "mediaThumbnail": (HIDDEN, content("media", "failed")),
    "reprocessMedia": (HIDDEN, by_id("media", "failed")),
    "listFaces": (HIDDEN, filters("collection", "person_id", "media_id")),
    "getFace": (HIDDEN, content("face")),
    "changeFace": (HIDDEN, named),
    "deleteFace": (HIDDEN, by_id("face")),
    "faceImage": (HIDDEN, content("face")),
    "faceEmbedding": (HIDDEN, content("face")),
    "listPeople": (HIDDEN, filters("collection")),
    "createPerson": (HIDDEN, lambda t, own: [{"json": {"name": PERSON, "collection": t.collection}}]),
    "getPerson": (HIDDEN, by_id("person")),
    "renamePerson": (HIDDEN, by_id("person", json={"name": "Mine"})),
    "deletePerson": (HIDDEN, by_id("person")),
    "search": (HIDDEN, searched),
    "listSavedSearches": (CLOSED, once()),
    "getSavedSearch": (CLOSED, by_id("search")),
    "deleteSavedSearch": (CLOSED, by_id("search")),
    "verify": (HIDDEN, compared),
    "listTasks": (CLOSED, lambda t, own: [{}, {"params": {"state": "done"}}]),
    "getTask": (HIDDEN, by_id("task", "failed_task", "ping")),
    "cancelTask": (HIDDEN, by_id("task", "failed_task", "ping")),
    "retryTask": (HIDDEN, by_id("task", "failed_task", "ping")),
    "events": (CLOSED, lambda t, own: [{}, {"headers": {"Last-Event-ID": t.event}}]),
    "stats": (CLOSED, once()),
    "settings": (CLOSED, once()),
    "login": ((401,), lambda t, own: [{"json": {"name": t.user_name, "password": "not the password"}}]),
    "logout": ((204,), once()),
    "changePassword": (CLOSED, once(json={"old_password": PASSWORD, "new_password": "another password"})),
    "logoutEverywhere": (CLOSED, once()),
    "setup": ((409,), lambda t, own: [{"json": {"name": t.user_name, "password": PASSWORD}}]),
    "listUsers": (CLOSED, once()),
    "createUser": (CLOSED, lambda t, own: [{"json": {"name": t.user_name, "password": PASSWORD, "scope": "admin"}}]),
    "changeUser": (CLOSED, by_id("user", json={"scope": "read"})),
    "deleteUser": (CLOSED, by_id("user")),
    "listKeys": (CLOSED, once()),
    "createKey": (CLOSED, lambda t, own: [{"json": {"name": "mine", "scope": "read", "collections": [t.collection]}}]),
    "getKey": (CLOSED, by_id("key")),
    "revokeKey": (CLOSED, by_id("key")),
    "audit": (CLOSED, once()),
    "listErasures": (CLOSED, once()),
    "erase": (CLOSED, erased),
    "getErasure": (CLOSED, by_id("erasure")),
    "listWebhooks": (CLOSED, once()),
    "createWebhook": (CLOSED, watched),
    "getWebhook": (CLOSED, by_id("webhook")),
    "changeWebhook": (CLOSED, lambda t, own: [{"path": {"id": t.webhook}, **one} for one in watched(t, own)]),
    "deleteWebhook": (CLOSED, by_id("webhook")),
    "testWebhook": (CLOSED, by_id("webhook")),
    "webhookDeliveries": (CLOSED, by_id("webhook")),
}

# What answers a key with what it may see: asked before and after something comes into the other collection.
SEEN = {
    "listCollections": once(),
    "getCollection": once(path={"collection": OWN}),
    "listMedia": lambda t, own: [{"params": params} for params in (
        {}, {"limit": 1}, {"sort": "name"}, {"sort": "-bytes"}, {"sort": "taken_at"}, {"status": "failed"},
        {"q": "hidden"}, {"media_type": "image"}, {"path": "/"}, {"taken_from": "2000-01-01T00:00:00Z"})],
    "getMedia": lambda t, own: [{"path": {"id": own.media}}],
    "facesOfMedia": lambda t, own: [{"path": {"id": own.media}}],
    "appearancesOfMedia": lambda t, own: [{"path": {"id": own.media}}],
    "mediaFrame": lambda t, own: [{"path": {"id": own.media}}],
    "mediaContent": lambda t, own: [{"path": {"id": own.media}}],
    "mediaThumbnail": lambda t, own: [{"path": {"id": own.media}}],
    "listFaces": lambda t, own: [{}, {"params": {"limit": 1}}, {"params": {"media_id": own.media}}],
    "getFace": lambda t, own: [{"path": {"id": own.face}}],
    "faceImage": lambda t, own: [{"path": {"id": own.face}}],
    "faceEmbedding": lambda t, own: [{"path": {"id": own.face}}],
    "listPeople": once(),
    "getPerson": lambda t, own: [{"path": {"id": own.person}}],
    "search": lambda t, own: [
        {"json": {"face_id": own.face, "threshold": -1}}, {"json": {"embedding": own.embedding, "threshold": -1}},
        {"json": {"embedding": own.embedding, "threshold": -1, "collapse": "near_duplicates"}},
        {"json": {"embedding": own.embedding, "threshold": -1, "collection": OWN, "limit": 1000}},
        {"files": file("image", own), "data": {"face": "all", "threshold": "-1"}}],
    "verify": lambda t, own: [{"json": {"source_face_id": own.face, "target_face_id": own.face}},
                              {"files": {"source": own.photo, "target": own.photo}}],
    "detect": lambda t, own: [{"files": file("image", own)}],
    "getTask": lambda t, own: [{"path": {"id": own.task}}],
    "health": once(),
    "whoAmI": once(),
    "listSessions": once(),
}

# The routes that the document does not describe: those of the original system, and for supervisors.
PLAIN_TRIES = [
    ("POST", "/upload", HIDDEN, lambda t, own: [{"files": file("file", own)}]),
    ("POST", "/upload-batch", HIDDEN, lambda t, own: [{"files": file("files", own)}]),
    ("POST", "/search", HIDDEN, lambda t, own: [{"params": {"collection": t.collection}, "files": file("file", own)}]),
    ("GET", "/files", HIDDEN, filters("collection")),
    ("GET", "/faces/{id}", (200,), by_id("legacy")),
    ("GET", "/face-image/{id}", HIDDEN, content("face")),
    ("GET", "/task-status/{id}", (200,), by_id("task", "failed_task", "ping")),
    ("GET", "/stats", CLOSED, once()),
    ("GET", "/cache/stats", CLOSED, once()),
    ("POST", "/cache/clear", CLOSED, once()),
    ("GET", "/metrics", CLOSED, once()),
    ("GET", "/cache", HIDDEN, once()),
    ("GET", "/api/media/{id}", HIDDEN, by_id("media")),
    ("GET", "/v1/cache", HIDDEN, once()),
    ("PATCH", "/v1/media/{id}", (405,), by_id("media", json={"collection": OWN})),
    ("POST", "/v1/people/{id}/merge", HIDDEN, by_id("person", json={"into": UNKNOWN})),
]
PLAIN_SEEN = [
    ("GET", "/files", lambda t, own: [{}, {"params": {"page": 2, "per_page": 1}}, {"params": {"collection": OWN}}]),
    ("POST", "/search", lambda t, own: [{"files": file("file", own), "data": {"threshold": "0", "top_k": "100"}}]),
    ("GET", "/health", once()), ("GET", "/health/ready", once()), ("GET", "/health/live", once()),
]
NEEDS = re.compile(r"\(scope (write|admin)")


def all_tries():
    """(name, method, path, scope that it needs, statuses, tries) of every operation there is."""
    for one in openapi.OPERATIONS:
        if one.id in TRIES:
            summary = openapi.DOCUMENT["paths"][one.path][one.method.lower()]["summary"]
            needs = NEEDS.search(summary)
            yield one.id, one.method, one.path, needs.group(1) if needs else "read", *TRIES[one.id]
    for method, path, statuses, tries in PLAIN_TRIES:
        needs = "write" if path.startswith("/upload") else "admin" if path.endswith("/clear") else "read"
        yield f"{method} {path}", method, path, needs, statuses, tries


def all_seen():
    for one in openapi.OPERATIONS:
        if one.id in SEEN:
            yield one.id, one.method, one.path, SEEN[one.id]
    yield from ((f"{method} {path}", method, path, tries) for method, path, tries in PLAIN_SEEN)


# --- the two collections ----------------------------------------------------------------------------


class World:
    """A server with two collections, its administrator, and keys for the one of them."""

    def __init__(self, server, testdata, receiver):
        self.server, self.people, self.receiver = server, testdata / "people", receiver
        self.anna = Browser(server.url)
        assert self.anna.set_up(setup_code(server)).status_code == 201
        for name in (OWN, OTHER, "gone"):
            assert self.anna.post("/v1/collections", json={"name": name}).status_code == 201
        self.keys = {name: with_key(server.url, self.anna.make_key(name, scope, collections=[collection])["key"])
                     for name, scope, collection in (("read", "read", OWN), ("write", "write", OWN),
                                                     ("of nothing", "write", "gone"))}
        assert self.anna.delete("/v1/collections/gone").status_code == 204
        photo = (self.people / "biden_1.jpg").read_bytes()
        media = self.add(OWN, "biden_1.jpg", photo)
        self.add(OWN, "Rob_Lowe_0001.jpg", (self.people / "Rob_Lowe_0001.jpg").read_bytes())
        face = self.anna.get(f"/v1/media/{media['id']}/faces").json()["items"][0]["id"]
        self.own = SimpleNamespace(media=media["id"], face=face, photo=photo, task=media["task_id"],
                                   person=self.person(OWN, "Joe", face), url=receiver.url("/a.jpg"),
                                   embedding=self.anna.get(f"/v1/faces/{face}/embedding").json()["embedding"])

    def add(self, collection, name, content):
        answer = self.anna.post("/v1/media", params={"collection": collection}, files={"file": (name, content)},
                                headers={"Idempotency-Key": f"{collection}-{name}"})
        assert answer.status_code == 202, answer.text
        url = f"/v1/media/{answer.json()['accepted'][0]['media']['id']}"
        wait_for(lambda: self.anna.get(url).json()["status"] in ("completed", "failed"), 60)
        return self.anna.get(url).json()

    def person(self, collection, name, face):
        made = self.anna.post("/v1/people", json={"name": name, "collection": collection}).json()
        assert self.anna.patch(f"/v1/faces/{face}", json={"person_id": made["id"]}).status_code == 200
        return made["id"]

    def fill(self):
        """Puts one of each into the other collection; the ids of them."""
        anna, made = self.anna, lambda answer: (answer.raise_for_status(), answer.json())[1]
        cookie = f"facet_session={anna.cookies['facet_session']}"
        with httpx.stream("GET", self.server.url + "/v1/events", headers={"cookie": cookie}, timeout=60) as stream:
            lines = stream.iter_lines()
            # The same face as in the own collection, the same bytes, somebody else, and what is no picture.
            media = self.add(OTHER, "hidden_biden.jpg", (self.people / "biden_2.jpg").read_bytes())
            event = next(line for line in lines if line.startswith("id:")).split(":", 1)[1].strip()
        self.add(OTHER, "hidden_same.jpg", self.own.photo)
        gone = self.add(OTHER, "hidden_rose.jpg", (self.people / "rose_1.jpg").read_bytes())
        failed = self.add(OTHER, "hidden_broken.jpg", self.own.photo[:3000])
        assert (media["status"], failed["status"]) == ("completed", "failed")
        face = anna.get(f"/v1/media/{media['id']}/faces").json()["items"][0]["id"]
        person = self.person(OTHER, PERSON, face)
        saved = made(anna.post("/v1/search", json={"face_id": face, "collection": OTHER, "save_as": "Hidden search"}))
        erasure = made(anna.post("/v1/erasures", json={"media_ids": [gone["id"]], "reason": "hidden reason"}))
        webhook = made(anna.post("/v1/webhooks", json={
            "url": self.receiver.url("/hidden"), "events": ["face.matched"], "collections": [OTHER],
            "watched_faces": [{"face_id": face}]}))
        ping = made(anna.post(f"/v1/webhooks/{webhook['id']}/test"))["task_id"]
        wait_for(lambda: anna.get(f"/v1/tasks/{ping}").json()["state"] == "done")
        user = made(anna.post("/v1/users", json={"name": "hidden-user", "password": PASSWORD, "scope": "write"}))
        key = anna.make_key("hidden key", "write", collections=[OTHER])
        wait_for(lambda: not any(anna.get("/v1/stats").json()["tasks"][state] for state in ("queued", "delayed", "leased")))
        return SimpleNamespace(
            collection=OTHER, media=media["id"], failed=failed["id"], face=face, person=person, task=media["task_id"],
            failed_task=failed["task_id"], ping=ping, search=saved["saved"]["id"], erasure=erasure["id"],
            webhook=webhook["id"], user=user["id"], user_name="hidden-user", key=key["id"], event=event,
            legacy=media["legacy_id"], etag=anna.get(f"/v1/media/{media['id']}/content").headers["etag"],
            sha256=media["sha256"], secret=key["key"])

    def everything(self):
        """All that an administrator can read, but who asked what and when a key was used."""
        read = {}
        for path in ("/v1/collections", "/v1/media?limit=500", "/v1/faces?limit=500", "/v1/people", "/v1/searches",
                     "/v1/tasks?limit=500", "/v1/users", "/v1/keys", "/v1/erasures", "/v1/webhooks", "/v1/stats",
                     "/v1/settings", "/v1/sessions"):
            answer = self.anna.get(path)
            assert answer.status_code == 200, path
            read[path] = re.sub(r'"(last_used_at|last_seen_at)":("[^"]*"|null)', "", answer.text)
            for thing in answer.json().get("items", []):
                more = {"/v1/media": ("content", "thumbnail", "faces"), "/v1/faces": ("image", "embedding"),
                        "/v1/webhooks": ("deliveries",)}.get(path.partition("?")[0], ())
                for part in more:
                    url = f"{path.partition('?')[0]}/{thing['id']}/{part}"
                    answer = self.anna.get(url)
                    read[url] = answer.content if answer.status_code == 200 else answer.status_code
        return read


@pytest.fixture
def world(make_server, testdata):
    receiver = Receiver()
    yield World(make_server("-s", "server.login=true", "-s", "fetch.private_addresses=true"), testdata, receiver)
    receiver.close()


def ask(client, method, path, arguments):
    rest = {name: value for name, value in arguments.items() if name != "path"}
    path = re.sub(r"\{(\w+)\}", lambda part: str(arguments["path"][part[1]]), path)
    return client.request(method, path, **rest)


def shape(answer):
    """All of an answer but what is different each time."""
    text = TIMES.sub("", answer.text)
    left_out = {"x-request-id", "date", "content-length"} | ({"etag"} if text != answer.text else set())
    return f"{answer.status_code} {text} { {name: answer.headers[name] for name in answer.headers if name not in left_out} }"


def differ(one, other):
    """Where two shapes part."""
    at = len(os.path.commonprefix([one, other]))
    return f"…{one[max(0, at - 60):at + 60]}… and …{other[max(0, at - 60):at + 60]}…"


# --- tests ------------------------------------------------------------------------------------------


def test_every_operation_is_tried():
    known = {one.id for one in openapi.OPERATIONS}
    assert known - set(TRIES) - set(SEEN) == set(), "think of how they could tell of another collection"
    assert set(TRIES) | set(SEEN) == known, "these are no more"
    unclosed = {name for name, _, _, needs, statuses, _ in all_tries() if needs == "admin" and statuses != CLOSED}
    assert not unclosed, "a key for some collections has never the scope admin"


def test_nothing_of_another_collection_is_seen_changed_or_confirmed(world):
    leaks = []

    def look():
        return {(who, name, i): shape(ask(client, method, path, arguments))
                for who, client in world.keys.items() if who != "of nothing"
                for name, method, path, tries in all_seen() for i, arguments in enumerate(tries(None, world.own))}

    while_empty = look()
    assert [name for name, seen in while_empty.items() if not seen.startswith("200 ")] == []
    things = world.fill()
    before = world.everything()
    while_full = look()
    leaks += [(name, "is not as while the other was empty", differ(while_empty[name], while_full[name]))
              for name in while_empty if while_empty[name] != while_full[name]]

    nothing = SimpleNamespace(**{name: UNKNOWN for name in vars(things)})
    nothing.collection, nothing.user_name, nothing.legacy = "nowhere-at-all", "nobody-at-all", 2**40
    nothing.etag = '"' + "0" * 64 + '"'
    marks = [str(value) for name, value in vars(things).items() if name not in ("legacy", "user_name")]
    marks += [PERSON, "hidden_", "Hidden search", "hidden reason", "hidden key"]
    fetches = len(world.receiver.requests)
    for who, client in world.keys.items():
        for name, method, path, needs, statuses, tries in all_tries():
            if who == "read" and needs == "write":
                statuses = CLOSED
            for there, nowhere in zip(tries(things, world.own), tries(nothing, world.own), strict=True):
                answer, without = (ask(client, method, path, one) for one in (there, nowhere))
                told = f"{who} {name} {({key: there[key] for key in there if key != 'files'})}: {answer.status_code}"
                if answer.status_code not in statuses:
                    leaks.append((told, f"and not {statuses}", answer.text[:300]))
                if shape(answer) != shape(without):
                    leaks.append((told, "is not as for what never was", differ(shape(answer), shape(without))))
                leaks += [(told, "tells of", mark) for mark in marks if mark in answer.text or mark in str(answer.headers)]
                if method == "GET" and name != "events":
                    heads = [shape(ask(client, "HEAD", path, one)) for one in (there, nowhere)]
                    if heads[0] != heads[1] or not heads[0].startswith(str(answer.status_code)):
                        leaks.append((told, "is told by HEAD", differ(*heads)))
    after = world.everything()
    leaks += [(path, "has changed") for path in before | after if before.get(path) != after.get(path)]
    assert not leaks, "\n".join(str(one) for one in leaks)
    assert len(world.receiver.requests) == fetches, "somebody was asked in the name of the other collection"


def test_a_cursor_from_another_collection_leads_nowhere_in_it(world):
    world.fill()
    for path, sort in [("/v1/faces", None)] + [("/v1/media", sort) for sort in ("created_at", "-created_at", "name", "-bytes")]:
        query = {"limit": 1, **({"sort": sort} if sort else {})}
        foreign = world.anna.get(path, params={"collection": OTHER, **query}).json()["next_cursor"]
        assert foreign
        answer = world.keys["read"].get(path, params={**query, "cursor": foreign, "limit": 100})
        assert answer.status_code == 200 and {one["collection"] for one in answer.json()["items"]} <= {OWN}, answer.text


def test_the_same_bytes_and_the_same_idempotency_key_are_two_things_in_two_collections(world):
    things = world.fill()
    there, here = with_key(world.server.url, things.secret), world.keys["write"]
    photo = (world.people / "kit_1.jpeg").read_bytes()

    def upload(client, collection):
        return client.post("/v1/media", params={"collection": collection}, files={"file": ("kit.jpeg", photo)},
                           headers={"Idempotency-Key": "one-of-them"})

    first = upload(there, OTHER)
    assert first.status_code == 202
    hidden = first.json()["accepted"][0]["media"]["id"]
    wait_for(lambda: there.get(f"/v1/media/{hidden}").json()["status"] == "completed", 60)
    again = {"headers": {"Idempotency-Key": "again"}}
    assert there.post(f"/v1/media/{hidden}/reprocess", **again).status_code == 202
    wait_for(lambda: there.get(f"/v1/media/{hidden}").json()["status"] == "completed", 60)
    before = world.everything()

    for refused in (upload(here, OTHER), here.post(f"/v1/media/{hidden}/reprocess", **again)):
        assert error(refused) == (404, "not_found") and "idempotency-replayed" not in refused.headers
        assert hidden not in refused.text
    own = upload(here, OWN)
    assert own.status_code == 202 and "idempotency-replayed" not in own.headers
    taken = own.json()["accepted"][0]
    assert not taken["duplicate"] and taken["media"]["id"] != hidden and taken["media"]["collection"] == OWN
    assert taken["media"]["status"] == "pending", "it is analysed like one that nobody has sent before"
    wait_for(lambda: here.get(f"/v1/media/{taken['media']['id']}").json()["status"] == "completed", 60)
    assert here.delete(f"/v1/media/{taken['media']['id']}").status_code == 204
    after = world.everything()
    assert {path for path in before if before[path] != after.get(path)} <= {"/v1/tasks?limit=500", "/v1/stats"}
    assert there.get(f"/v1/media/{hidden}/content").content == photo


def test_no_key_for_some_collections_may_do_everything(world):
    for collections in ([], [OWN], [OWN, OTHER]):
        answer = world.anna.post("/v1/keys", json={"name": "x", "scope": "admin", "collections": collections})
        assert error(answer) == (400, "invalid_argument")
