"""Keys of programs, repeated requests, the command line, and all of it with two processes on PostgreSQL and
Redis."""

import contextlib
import json
import re
import subprocess
import time

import httpx
from access import PASSWORD, UNKNOWN, Browser, error, may_write, run_facet, setup_code, with_key
from conftest import Part
from facet_server import client
from servers import Redis, wait_for


# --- keys -----------------------------------------------------------------------------------------


def test_keys_do_what_their_scope_says(guarded, anna):
    read, write, admin = (with_key(guarded.url, anna.make_key(scope=scope)["key"])
                          for scope in ("read", "write", "admin"))
    for one in (read, write, admin):
        assert one.get("/v1/stats").status_code == 200
    assert not may_write(read) and may_write(write) and may_write(admin)
    assert error(read.post("/v1/media", files={"file": ("a.jpg", b"x")})) == (403, "forbidden")
    assert error(write.post("/cache/clear")) == (403, "forbidden")
    assert error(write.get("/v1/keys")) == (403, "forbidden")
    assert error(write.post("/v1/keys", json={"name": "x", "scope": "read"})) == (403, "forbidden")
    assert admin.get("/v1/keys").status_code == 200
    assert error(admin.put("/v1/session/password", json={"old_password": "x", "new_password": "y" * 10}))[0] == 403
    who = read.get("/v1/session").json()
    assert who["user"]["kind"] == "key" and who["user"]["scope"] == "read" and who["csrf_token"] is None


def test_a_key_is_shown_once_and_can_be_revoked(guarded, anna):
    made = anna.make_key("camera", "write")
    assert re.fullmatch(r"facet_[0-9a-f]{32}_[0-9a-f]{48}", made["key"])
    assert made["key"].endswith(made["hint"]) and made["collections"] is None
    camera = with_key(guarded.url, made["key"])
    assert camera.get("/v1/stats").status_code == 200
    bearer = client(guarded.url, headers={"Authorization": f"Bearer {made['key']}"})
    assert bearer.get("/v1/stats").status_code == 200
    listed = anna.get("/v1/keys")
    assert made["key"] not in listed.text and listed.json()["items"][0]["last_used_at"]
    one = anna.get(f"/v1/keys/{made['id']}")
    assert "key" not in one.json() and one.json()["name"] == "camera"
    assert anna.delete(f"/v1/keys/{made['id']}").status_code == 204
    assert error(camera.get("/v1/stats")) == (401, "unauthorized")
    assert anna.get(f"/v1/keys/{made['id']}").json()["revoked_at"]
    for method in ("GET", "DELETE"):
        assert error(anna.request(method, f"/v1/keys/{UNKNOWN}")) == (404, "not_found")
        assert error(anna.request(method, "/v1/keys/camera")) == (400, "invalid_argument")


def test_a_key_ends_when_it_should(guarded, anna):
    soon = time.time() + 3
    made = anna.make_key(expires_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(soon)))
    camera = with_key(guarded.url, made["key"])
    wait_for(lambda: camera.get("/v1/stats").status_code == 401)
    assert time.time() > int(soon)


def test_a_key_for_a_collection(guarded, anna):
    assert error(anna.post("/v1/keys", json={"name": "x", "scope": "read", "collections": ["nowhere"]})) == (
        404, "not_found")
    assert error(anna.post("/v1/keys", json={"name": "x", "scope": "admin", "collections": ["default"]})) == (
        400, "invalid_argument")
    assert anna.post("/v1/collections", json={"name": "news"}).status_code == 201
    made = anna.make_key(collections=["news"])
    assert made["collections"] == ["news"]
    frame = with_key(guarded.url, made["key"])
    assert frame.get("/v1/media").status_code == 200
    assert error(frame.get("/v1/events")) == (403, "forbidden")
    assert anna.delete("/v1/collections/news").status_code == 204
    assert anna.get(f"/v1/keys/{made['id']}").json()["collections"] == []
    assert frame.get("/v1/media").json()["items"] == []
    assert error(frame.get("/v1/media", params={"collection": "default"})) == (404, "not_found")


def test_a_key_that_has_expired_already_is_not_made(guarded, anna):
    refused = anna.post("/v1/keys", json={"name": "x", "scope": "read", "expires_at": "2020-01-01T00:00:00Z"})
    assert error(refused) == (400, "invalid_argument") and "future" in refused.json()["error"]["message"]
    assert anna.get("/v1/keys").json()["items"] == []


def test_an_event_stream_ends_with_the_login_that_opened_it(guarded, anna, testdata):
    def listen(stack, **headers):
        stream = stack.enter_context(httpx.stream("GET", guarded.url + "/v1/events", headers=headers, timeout=10))
        assert stream.status_code == 200
        lines = stream.iter_lines()
        assert next(lines).startswith("retry:")
        return lines

    revoked, kept = anna.make_key(), anna.make_key()
    assert anna.post("/v1/users", json={"name": "bert", "password": PASSWORD, "scope": "read"}).status_code == 201
    bert = Browser(guarded.url)
    assert bert.log_in("bert").status_code == 200
    with contextlib.ExitStack() as stack:
        expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 5))
        by_short_key, by_key, going_on, by_cookie = (listen(stack, **headers) for headers in (
            {"x-api-key": anna.make_key(expires_at=expires)["key"]}, {"x-api-key": revoked["key"]},
            {"x-api-key": kept["key"]}, {"cookie": f"facet_session={bert.cookies['facet_session']}"}))
        assert anna.delete(f"/v1/keys/{revoked['id']}").status_code == 204
        assert bert.delete("/v1/session").status_code == 204
        for ending in (by_key, by_cookie, by_short_key):
            assert not [line for line in ending if line.startswith("event:")]  # to its end, or ReadTimeout
        photo = {"file": ("a.jpg", (testdata / "people/obama_small.jpg").read_bytes())}
        assert anna.post("/v1/media", files=photo).status_code == 202
        assert next(line for line in going_on if line.startswith("event:"))


def test_guessing_keys_is_stopped(guarded, anna):
    key = anna.make_key()["key"]
    guess = key[:-48] + "0" * 48
    guesser = with_key(guarded.url, guess)
    statuses = [guesser.get("/v1/stats").status_code for _ in range(60)]
    assert set(statuses) == {401, 429} and statuses.index(429) >= 10
    answer = guesser.get("/v1/stats")
    assert error(answer) == (429, "too_many_requests") and int(answer.headers["retry-after"]) > 0
    assert anna.get("/v1/stats").status_code == 200


# --- behind a proxy -------------------------------------------------------------------------------


def test_behind_a_proxy_each_client_has_limits_of_its_own(make_server):
    server = make_server("-s", "server.login=true", "-s", "server.trusted_proxies=127.0.0.0/8")
    anna = Browser(server.url, headers={"X-Forwarded-For": "192.0.2.1"})
    assert anna.set_up(setup_code(server)).status_code == 201
    assert anna.get("/v1/sessions").json()["items"][0]["remote_address"] == "192.0.2.1"

    guesser = with_key(server.url, "facet_x")

    def guess(address):
        return guesser.get("/v1/stats", headers={"X-Forwarded-For": address})

    while guess("198.51.100.9, 203.0.113.7").status_code == 401:
        pass
    assert guess("203.0.113.7").status_code == 429
    assert guess("192.0.2.2").status_code == 401


# --- repeated requests ----------------------------------------------------------------------------


def test_an_upload_with_a_key_is_answered_once(server, testdata):
    photo = (testdata / "people/obama_1.jpg").read_bytes()
    other = (testdata / "people/biden_1.jpg").read_bytes()

    def upload(content, key="upload-1"):
        return server.http.post("/v1/media", files={"file": ("a.jpg", content)}, headers={"Idempotency-Key": key})

    first = upload(photo)
    assert first.status_code == 202 and "idempotency-replayed" not in first.headers
    again = upload(photo)
    assert again.status_code == 202 and again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    for mismatch in (other, b"no picture", b""):
        assert error(upload(mismatch)) == (422, "idempotency_mismatch")
    assert error(upload(other, "x" * 256)) == (400, "invalid_argument")
    fresh = upload(other, "upload-2")  # nothing of it was taken in with the refusals
    assert fresh.status_code == 202 and not fresh.json()["accepted"][0]["duplicate"]

    media = first.json()["accepted"][0]["media"]["id"]
    server.wait_idle()
    assert server.http.delete(f"/v1/media/{media}").status_code == 204
    gone = upload(photo)
    assert gone.status_code == 202 and "idempotency-replayed" not in gone.headers


def test_what_is_made_with_a_key_is_made_once(server, testdata):
    http = server.http
    [media] = server.add(testdata / "people/obama_1.jpg")
    face = http.get(f"/v1/media/{media['id']}/faces").json()["items"][0]["id"]
    photo = (testdata / "people/obama_2.jpg").read_bytes()

    def picture(name, content=photo):
        return {"url": "/v1/search", "data": {"save_as": name}, "files": {"image": ("q.jpg", content)}}

    for number, (asked, other, seen) in enumerate([
            ({"url": "/v1/people", "json": {"name": "Ada"}}, {"url": "/v1/people", "json": {"name": "Bo"}}, "/v1/people"),
            ({"url": "/v1/collections", "json": {"name": "news"}}, {"url": "/v1/collections", "json": {"name": "old"}},
             "/v1/collections"),
            ({"url": "/v1/search", "json": {"face_id": face, "save_as": "him"}},
             {"url": "/v1/search", "json": {"face_id": face, "save_as": "her"}}, "/v1/searches"),
            (picture("photo"), picture("photo", photo + b"x"), "/v1/searches")]):
        before = len(http.get(seen).json()["items"])
        key = {"Idempotency-Key": f"k{number}"}
        first, again = (http.post(**asked, headers=key) for _ in range(2))
        assert first.status_code in (200, 201) and "idempotency-replayed" not in first.headers
        assert again.status_code == first.status_code and again.json() == first.json()
        assert again.headers["idempotency-replayed"] == "true"
        assert error(http.post(**other, headers=key)) == (422, "idempotency_mismatch")
        assert len(http.get(seen).json()["items"]) == before + 1

    # What is not saved is looked for each time; a person who goes takes the answer along.
    looks = [http.post("/v1/search", json={"face_id": face}, headers={"Idempotency-Key": "look"}) for _ in range(2)]
    assert "idempotency-replayed" not in looks[1].headers
    [person] = http.get("/v1/people").json()["items"]
    assert http.delete(f"/v1/people/{person['id']}").status_code == 204
    assert "idempotency-replayed" not in http.post("/v1/people", json={"name": "Ada"},
                                                   headers={"Idempotency-Key": "k0"}).headers


def test_nothing_is_kept_of_requests_with_secrets(guarded, anna):
    for path, body in (("/v1/keys", {"name": "x", "scope": "read"}),
                       ("/v1/webhooks", {"url": "https://example.org/", "events": ["media.failed"]})):
        made = [anna.post(path, json=body, headers={"Idempotency-Key": "k"}) for _ in range(2)]
        assert [one.status_code for one in made] == [201, 201] and made[0].json()["id"] != made[1].json()["id"]
    user = {"name": "bert", "password": PASSWORD, "scope": "read"}
    made = [anna.post("/v1/users", json=user, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert [one.status_code for one in made] == [201, 409]


# --- the command line -----------------------------------------------------------------------------


def test_users_and_keys_at_the_command_line(make_server, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    assert run_facet(data, "users", "list").returncode == 3
    refused = run_facet(data, "users", "add", "anna", "--password-file", "-", text=PASSWORD + "\n")
    assert refused.returncode == 1 and "admin" in refused.stderr
    add = ("users", "add", "anna", "--scope", "admin")
    assert "password-file" in run_facet(data, *add).stderr
    assert run_facet(data, *add, "--password-file", "-", text="short\n").returncode == 1
    secret = tmp_path / "password"
    secret.write_text(PASSWORD + "\n")
    assert run_facet(data, *add, "--password-file", secret).returncode == 0
    assert run_facet(data, *add, "--password-file", secret).returncode == 1
    assert "anna" in run_facet(data, "users", "list").stdout

    server = make_server(data=data)
    browser = Browser(server.url)
    assert browser.log_in().status_code == 200
    made = run_facet(data, "keys", "create", "camera", "--scope", "write", "--collection", "default", "--days", "3")
    assert made.returncode == 0 and "only time" in made.stderr
    camera = with_key(server.url, made.stdout.strip())
    assert camera.get("/v1/media").status_code == 200
    [key] = json.loads(run_facet(data, "--json", "keys", "list").stdout)["keys"]
    assert key["state"] == "valid" and key["scope"] == "write"
    assert run_facet(data, "keys", "revoke", key["id"]).returncode == 0
    assert camera.get("/v1/media").status_code == 401
    assert "revoked" in run_facet(data, "keys", "list").stdout

    done = run_facet(data, "users", "passwd", "anna", "--password-file", "-", text="one more password\n")
    assert done.returncode == 0
    assert browser.get("/v1/stats").status_code == 401
    assert browser.log_in(password="one more password").status_code == 200
    refused = run_facet(data, "users", "remove", "anna")
    assert refused.returncode == 1 and "admin" in refused.stderr
    actions = [one["action"] for one in browser.get("/v1/audit").json()["items"]]
    assert actions == ["login", "user.change", "key.revoke", "key.create", "login", "user.create"]


# --- in parts -------------------------------------------------------------------------------------


def test_web_processes_share_logins_keys_and_answers(postgres, tmp_path, models, testdata):
    redis = Redis(tmp_path / "redis").start()
    data = tmp_path / "shared"
    data.mkdir()
    database = postgres.make_database()
    environment = {"DATABASE_URL": database, "REDIS_URL": redis.url}
    webs = []
    try:
        for _ in range(2):
            webs.append(Part("web", data, models, "server.login=true", environment=environment).start())
        first, second = webs
        browser = Browser(first.url)
        assert browser.set_up(setup_code(first)).status_code == 201
        assert error(Browser(second.url).set_up(name="eve")) == (409, "conflict")
        there = client(second.url, headers={"cookie": f"facet_session={browser.cookies['facet_session']}",
                                            "x-csrf-token": browser.headers["x-csrf-token"]})
        assert there.get("/v1/stats").status_code == 200
        key = browser.make_key(scope="write")
        photo = {"file": ("a.jpg", (testdata / "people/obama_1.jpg").read_bytes())}
        uploads = [with_key(one.url, key["key"]).post("/v1/media", files=photo, headers={"Idempotency-Key": "k"})
                   for one in (second, first)]
        assert [one.status_code for one in uploads] == [202, 202]
        assert uploads[0].json() == uploads[1].json()
        assert uploads[1].headers["idempotency-replayed"] == "true"
        assert there.delete(f"/v1/keys/{key['id']}").status_code == 204
        assert with_key(first.url, key["key"]).get("/v1/stats").status_code == 401
        assert [one["action"] for one in there.get("/v1/audit", params={"action": "key."}).json()["items"]] == [
            "key.revoke", "key.create"]
        made = run_facet(data, "keys", "create", "by hand", environment=environment)
        assert with_key(second.url, made.stdout.strip()).get("/v1/stats").status_code == 200
        dump = subprocess.run([postgres.programs / "pg_dump", "-d", database], capture_output=True, text=True,
                              timeout=60, check=True).stdout
        assert "argon2id" in dump
        for secret in (key["key"][-48:], made.stdout.strip()[-48:], PASSWORD, browser.cookies["facet_session"]):
            assert secret not in dump
    finally:
        for web in webs:
            web.stop()
        redis.stop()
