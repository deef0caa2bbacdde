"""Who may do what: first run, logins, users, the audit log."""

import concurrent.futures
import json
import os
import pwd
import stat

from access import PASSWORD, UNKNOWN, Browser, error, may_write, setup_code, with_key
from facet_server import client
from servers import wait_for


# --- first run ------------------------------------------------------------------------------------


def test_on_this_machine_no_login_is_needed_until_there_is_a_user(server):
    anybody = client(server.url)
    who = anybody.get("/v1/session").json()
    assert who == {"authenticated": True, "login_required": False, "setup_required": False,
                   "setup_code_required": False, "csrf_token": None,
                   "user": {"id": "", "name": "local", "scope": "admin", "kind": "local"}}
    assert anybody.get("/v1/stats").status_code == 200
    assert not (server.data / "setup-code").exists()
    proxied = anybody.get("/v1/stats", headers={"X-Forwarded-For": "127.0.0.1"})
    assert error(proxied) == (401, "unauthorized")

    assert error(anybody.post("/v1/users", json={"name": "bob", "password": PASSWORD, "scope": "read"}))[0] == 409
    browser = Browser(server.url)
    assert browser.set_up().status_code == 201
    assert error(anybody.get("/v1/stats")) == (401, "unauthorized")
    assert browser.get("/v1/stats").status_code == 200
    assert error(Browser(server.url).set_up(name="eve")) == (409, "conflict")


def test_the_first_administrator_is_made_with_the_code_and_once(guarded, tmp_path):
    code_file = guarded.data / "setup-code"
    code = setup_code(guarded)
    told = guarded.process.stdout.readline()
    assert code in told and str(code_file) in told
    assert stat.S_IMODE(code_file.stat().st_mode) == 0o600
    browser = Browser(guarded.url)
    before = browser.get("/v1/session").json()
    assert before == {"authenticated": False, "login_required": True, "setup_required": True,
                      "setup_code_required": True, "user": None, "csrf_token": None}
    assert error(browser.get("/v1/stats")) == (401, "unauthorized")
    assert error(browser.set_up()) == (403, "forbidden")
    assert error(browser.set_up("0000-0000-0000-0000")) == (403, "forbidden")
    for name, password in (("anna", "short"), ("anna", "x" * 1025), ("anna-the-first", "anna-the-first"),
                           ("", PASSWORD), ("a\x00b", PASSWORD)):
        assert error(browser.set_up(code, name, password)) == (400, "invalid_argument"), (name, password)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda i: Browser(guarded.url).set_up(code, f"user{i}").status_code, range(4)))
    # 503: passwords are hashed two at a time, who waits for too long is sent away.
    assert answers.count(201) == 1 and set(answers) <= {201, 403, 409, 503}, answers
    assert not code_file.exists()
    after = browser.get("/v1/session").json()
    assert after["setup_required"] is False and after["login_required"] is True
    assert error(browser.set_up(code, "late")) == (409, "conflict")


def test_a_restart_keeps_the_set_up_code_and_the_logins(make_server):
    server = make_server("-s", "server.login=true")
    code = setup_code(server)
    server.stop()
    server = make_server("-s", "server.login=true", data=server.data)
    assert setup_code(server) == code
    browser = Browser(server.url)
    assert browser.set_up(code).status_code == 201
    cookie, csrf = browser.cookies["facet_session"], browser.headers["x-csrf-token"]
    server.stop()
    again = make_server("-s", "server.login=true", data=server.data)
    assert not (again.data / "setup-code").exists()
    later = client(again.url, headers={"cookie": f"facet_session={cookie}"})
    who = later.get("/v1/session").json()
    assert who["authenticated"] and who["csrf_token"] == csrf


def test_a_server_for_others_needs_a_login_or_a_token(facet, make_server):
    done = facet("-s", "server.address=0.0.0.0", "serve", check=1)
    assert "server.login" in done.stderr and "server.token" in done.stderr
    facet("-s", "server.address=0.0.0.0", "-s", "server.trusted_proxies=nginx", "-s", "server.login=true", "serve",
          check=1)
    server = make_server("-s", "server.address=0.0.0.0", "-s", "server.login=true")
    anybody = client(server.url.replace("0.0.0.0", "127.0.0.1"))
    assert anybody.get("/v1/stats").status_code == 401
    assert anybody.get("/health/live").status_code == 200
    assert anybody.get("/v1/session", headers={"Host": "photos.example"}).status_code == 200


# --- sessions -------------------------------------------------------------------------------------


def test_everything_but_the_way_in_is_closed(guarded):
    anybody = client(guarded.url)
    photo = {"file": ("a.jpg", b"\xff\xd8")}
    for method, path in (("GET", "/v1/stats"), ("GET", "/v1/media"), ("GET", "/v1/events"), ("GET", "/metrics"),
                         ("GET", "/v1/health"), ("GET", "/v1/users"), ("GET", "/v1/keys"),
                         ("GET", "/v1/audit"), ("GET", "/v1/sessions"), ("DELETE", "/v1/session"),
                         ("GET", "/files"), ("GET", "/stats"), ("GET", "/health"), ("POST", "/cache/clear"),
                         ("PUT", "/v1/session/password"), ("POST", "/v1/keys")):
        answer = anybody.request(method, path)
        assert error(answer) == (401, "unauthorized"), (method, path)
        assert answer.headers["www-authenticate"].startswith("Bearer"), path
        assert not [name for name in answer.headers if name.startswith("access-control")], path
    for path in ("/v1/media", "/upload", "/v1/search"):
        assert anybody.post(path, files=photo).status_code == 401, path
    assert anybody.get("/health/live").json() == {"status": "alive"}
    assert anybody.get("/health/ready").json() == {"status": "healthy"}
    assert anybody.get("/v1/session").status_code == 200
    preflight = anybody.options("/v1/media", headers={"Origin": "https://elsewhere.example",
                                                      "Access-Control-Request-Method": "POST"})
    assert not [name for name in preflight.headers if name.startswith("access-control")]


def test_the_cookie_is_for_this_site_and_no_script(guarded, anna):
    answer = anna.log_in()
    assert answer.status_code == 200
    cookie = answer.headers["set-cookie"]
    for attribute in ("HttpOnly", "SameSite=Strict", "Path=/", "Max-Age="):
        assert attribute in cookie, cookie
    assert "Secure" not in cookie and "Domain" not in cookie
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["user"]["name"] == "anna" and answer.json()["user"]["kind"] == "session"
    secure = Browser(guarded.url, headers={"X-Forwarded-Proto": "https"}).log_in()
    assert "; Secure" in secure.headers["set-cookie"]


def test_a_public_address_of_https_makes_the_cookie_secure(make_server):
    server = make_server("-s", "server.public_url=https://photos.example")
    answer = Browser(server.url).set_up()
    assert answer.status_code == 201 and "; Secure" in answer.headers["set-cookie"]


def test_wrong_logins_are_alike_and_then_stopped(guarded, anna):
    other = Browser(guarded.url)
    wrong_password = other.log_in(password="wrong password")
    wrong_name = other.log_in(name="nobody")
    assert error(wrong_password) == error(wrong_name) == (401, "unauthorized")
    assert wrong_password.json()["error"]["message"] == wrong_name.json()["error"]["message"]
    assert "set-cookie" not in wrong_password.headers
    for _ in range(20):
        answer = other.log_in(password="wrong password")
        if answer.status_code == 429:
            break
    assert error(answer) == (429, "too_many_requests") and int(answer.headers["retry-after"]) > 0
    assert error(other.log_in()) == (429, "too_many_requests")
    assert anna.get("/v1/stats").status_code == 200
    for body in ({"name": "anna"}, {"name": "anna", "password": 5}, {"name": "anna", "password": "x", "a": 1}, []):
        assert error(other.post("/v1/session", json=body)) == (400, "invalid_argument"), body
    assert error(other.post("/v1/session", content=b"{")) == (400, "invalid_argument")


def test_a_cookie_alone_changes_nothing(guarded, anna):
    cookie = {"cookie": f"facet_session={anna.cookies['facet_session']}"}
    bare = client(guarded.url, headers=cookie)
    assert bare.get("/v1/stats").status_code == 200
    for method, path in (("POST", "/cache/clear"), ("DELETE", "/v1/sessions"), ("DELETE", "/v1/session"),
                         ("POST", "/v1/keys"), ("PUT", "/v1/session/password")):
        assert error(bare.request(method, path)) == (403, "forbidden"), (method, path)
        wrong = bare.request(method, path, headers={"x-csrf-token": "0" * 64})
        assert error(wrong) == (403, "forbidden"), (method, path)
    assert bare.post("/v1/media", files={"file": ("a.jpg", b"x")}).status_code == 403
    foreign = anna.post("/cache/clear", headers={"Origin": "https://elsewhere.example"})
    assert error(foreign) == (403, "forbidden")
    assert anna.post("/cache/clear").status_code == 200


def test_logging_out_here_and_everywhere(guarded, anna):
    phone, tablet = Browser(guarded.url, headers={"User-Agent": "a phone"}), Browser(guarded.url)
    assert phone.log_in().status_code == 200 and tablet.log_in().status_code == 200
    sessions = phone.get("/v1/sessions").json()["items"]
    assert len(sessions) == 3
    [own] = [one for one in sessions if one["current"]]
    assert own["user_agent"] == "a phone" and own["remote_address"] == "127.0.0.1"
    stolen = {"cookie": f"facet_session={phone.cookies['facet_session']}"}
    answer = phone.delete("/v1/session")
    assert answer.status_code == 204 and "Max-Age=0" in answer.headers["set-cookie"]
    assert client(guarded.url, headers=stolen).get("/v1/stats").status_code == 401
    assert tablet.get("/v1/stats").status_code == 200
    assert tablet.delete("/v1/sessions").status_code == 204
    assert anna.get("/v1/stats").status_code == 401


def test_a_new_password_logs_the_others_out(guarded, anna):
    other = Browser(guarded.url)
    other.log_in()
    new = {"old_password": PASSWORD, "new_password": "another fine password"}
    assert error(anna.put("/v1/session/password", json={**new, "old_password": "wrong"})) == (403, "forbidden")
    assert error(anna.put("/v1/session/password", json={**new, "new_password": "short"})) == (400, "invalid_argument")
    assert anna.put("/v1/session/password", json=new).status_code == 204
    assert anna.get("/v1/stats").status_code == 200
    assert other.get("/v1/stats").status_code == 401
    assert other.log_in().status_code == 401
    assert other.log_in(password="another fine password").status_code == 200


# --- users ----------------------------------------------------------------------------------------


def test_users_are_made_changed_and_removed(guarded, anna):
    made = anna.post("/v1/users", json={"name": "Bob", "password": PASSWORD, "scope": "read"})
    assert made.status_code == 201
    bob_id = made.json()["id"]
    assert error(anna.post("/v1/users", json={"name": "bob", "password": PASSWORD, "scope": "read"}))[0] == 409
    assert error(anna.post("/v1/users", json={"name": "c", "password": PASSWORD, "scope": "all"}))[0] == 400
    bob = Browser(guarded.url)
    assert bob.log_in("bob").status_code == 200
    assert [user["name"] for user in anna.get("/v1/users").json()["items"]] == ["anna", "Bob"]
    assert PASSWORD not in anna.get("/v1/users").text and "argon2" not in anna.get("/v1/users").text

    assert bob.get("/v1/media").status_code == 200
    assert error(bob.post("/v1/media", files={"file": ("a.jpg", b"x")})) == (403, "forbidden")
    for path in ("/v1/users", "/v1/keys", "/v1/audit"):
        assert error(bob.get(path)) == (403, "forbidden"), path
    assert anna.patch(f"/v1/users/{bob_id}", json={"scope": "write"}).json()["scope"] == "write"
    assert may_write(bob)
    assert anna.patch(f"/v1/users/{bob_id}", json={"password": "a password of bob"}).status_code == 200
    assert bob.get("/v1/media").status_code == 401
    assert bob.log_in("bob", "a password of bob").status_code == 200

    anna_id = anna.get("/v1/session").json()["user"]["id"]
    assert error(anna.delete(f"/v1/users/{anna_id}")) == (409, "conflict")
    assert error(anna.patch(f"/v1/users/{anna_id}", json={"scope": "write"})) == (409, "conflict")
    assert anna.delete(f"/v1/users/{bob_id}").status_code == 204
    assert bob.get("/v1/media").status_code == 401
    assert error(anna.delete(f"/v1/users/{bob_id}")) == (404, "not_found")
    assert error(anna.patch(f"/v1/users/{bob_id}", json={"scope": "read"})) == (404, "not_found")
    assert error(anna.patch(f"/v1/users/{anna_id}", json={"scope": "all"})) == (400, "invalid_argument")
    assert error(anna.delete("/v1/users/anna")) == (400, "invalid_argument")


# --- the audit log --------------------------------------------------------------------------------


def test_the_audit_log_says_who_did_what(guarded, anna):
    Browser(guarded.url).log_in(password="wrong password")
    Browser(guarded.url).log_in(name="my password by mistake")
    made = anna.make_key("camera")
    anna.delete(f"/v1/keys/{made['id']}")
    page = anna.get("/v1/audit")
    entries = page.json()["items"]
    assert [(one["action"], one["object"], one["actor"]["name"]) for one in entries] == [
        ("key.revoke", "camera", "anna"), ("key.create", "camera", "anna"), ("login.failed", "", ""),
        ("login.failed", "anna", ""), ("setup", "anna", "anna")]
    assert entries[0]["remote_address"] == "127.0.0.1" and entries[0]["request_id"]
    assert entries[0]["actor"]["kind"] == "session" and entries[1]["detail"]["scope"] == "read"
    for secret in (made["key"], made["key"][-48:], PASSWORD, "wrong password", "mistake"):
        assert secret not in page.text
    first = anna.get("/v1/audit", params={"limit": 2}).json()
    rest = anna.get("/v1/audit", params={"limit": 100, "cursor": first["next_cursor"]}).json()
    assert [one["id"] for one in first["items"] + rest["items"]] == [one["id"] for one in entries]
    assert len(anna.get("/v1/audit", params={"action": "key."}).json()["items"]) == 2
    assert len(anna.get("/v1/audit", params={"actor": "anna"}).json()["items"]) == 3
    assert anna.get("/v1/audit", params={"from": "2099-01-01T00:00:00Z"}).json()["items"] == []
    assert len(anna.get("/v1/audit", params={"to": "2099-01-01T00:00:00Z"}).json()["items"]) == 5
    assert error(anna.get("/v1/audit", params={"from": "yesterday"})) == (400, "invalid_argument")


def test_questions_about_faces_are_written_down(guarded, anna, testdata):
    one, two = ((testdata / "people" / name).read_bytes() for name in ("obama_small.jpg", "rose_1.jpg"))
    camera = with_key(guarded.url, anna.make_key("camera", "write")["key"])
    sent = camera.post("/v1/media", files=[("file", ("a.jpg", one)), ("file", ("b.jpg", two))]).json()["accepted"]
    media = [each["media"]["id"] for each in sent]
    wait_for(lambda: all(camera.get(f"/v1/media/{each}").json()["status"] == "completed" for each in media), 60)
    faces = [camera.get(f"/v1/media/{each}/faces").json()["items"][0]["id"] for each in media]
    asked = [camera.post("/v1/detect", files={"image": one}),
             camera.post("/v1/verify", files={"source": one, "target": two}),
             camera.post("/v1/verify", json={"source_face_id": faces[0], "target_face_id": faces[0]}),
             camera.post("/v1/search", json={"face_id": faces[0]})]
    assert [each.status_code for each in asked] == [200] * 4
    found, apart, same, hits = (each.json() for each in asked)
    assert (len(found["faces"]), same["match"], hits["results"]) == (1, "match", []) and not apart["same_person"]
    for refused in (camera.post("/v1/verify", json={"source_face_id": faces[0], "target_face_id": UNKNOWN}),
                    camera.post("/v1/detect", files={"image": b"no picture"})):
        assert refused.status_code in (404, 415)
    page = anna.get("/v1/audit", params={"actor": "camera"})
    entries = page.json()["items"]
    assert [(each["action"], each["object"], each["detail"]) for each in entries] == [
        ("search", "", {"by": "face", "results": 0, "face_id": faces[0]}), ("verify", "", {"by": "face", "match": "match"}),
        ("verify", "", {"by": "picture", "match": apart["match"]}), ("detect", "", {"faces": 1})]
    assert [each["request_id"] for each in entries] == [each.headers["x-request-id"] for each in asked[::-1]]
    assert {each["actor"]["kind"] for each in entries} == {"key"} and "embedding" not in page.text


def test_a_saved_search_that_is_deleted_is_written_down(server, testdata):
    saved = server.http.post("/v1/search", data={"save_as": "him"}, files={
        "image": (testdata / "people/obama_1.jpg").read_bytes()}).json()["saved"]
    assert server.http.delete(f"/v1/searches/{saved['id']}").status_code == 204
    entry = server.http.get("/v1/audit").json()["items"][0]
    assert (entry["action"], entry["object"]) == ("search.delete", saved["id"])


def test_the_command_line_is_written_down(facet, make_server, testdata, tmp_path):
    photo = testdata / "people/obama_1.jpg"
    facet("ingest", photo, check=0)
    facet("search", testdata / "people/obama_2.jpg", check=0)
    facet("export", tmp_path / "all.tar", check=0)
    erased = json.loads(facet("erase", "--like", photo, "--yes", "--json", check=0).stdout)
    entries = make_server().http.get("/v1/audit").json()["items"]
    user = pwd.getpwuid(os.getuid()).pw_name
    assert [(one["action"], one["object"], one["detail"]) for one in entries] == [
        ("erasure", erased["id"], {"media": 0, "faces": 1, "people": 0, "collections": 0, "os_user": user}),
        ("export", "", {"collections": None, "media": 1, "faces": 1, "originals": 1, "os_user": user}),
        ("search", "", {"by": "picture", "results": 1, "os_user": user})]
    assert {(one["actor"]["kind"], one["actor"]["name"]) for one in entries} == {("local", "command line")}


def test_no_secret_is_in_a_log_or_in_the_data_folder(guarded, anna):
    made = anna.make_key("camera", "write")
    camera = with_key(guarded.url, made["key"])
    assert may_write(camera)
    session, csrf = anna.cookies["facet_session"], anna.headers["x-csrf-token"]
    anna.log_in(password="a wrong password of mine")
    guarded.stop()
    everything = b"".join(path.read_bytes() for path in guarded.data.rglob("*") if path.is_file())
    assert b"camera" in everything
    for secret in (made["key"][-48:], PASSWORD, "a wrong password of mine", session, csrf):
        assert secret.encode() not in everything, secret
