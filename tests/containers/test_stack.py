"""The main job through the door, and what an operator does with the stack. The tests run in this order: the
later ones find what the earlier ones left."""

import json
import os
import re
import signal
import threading

import httpx
import pytest
from conftest import PASSWORD, SERVICES, UPLOAD_MAX_BYTES, run, until


def found(stack, testdata):
    return stack.search(testdata / "formats/obama.heic")


# --- the door -------------------------------------------------------------------------------------


def test_nobody_gets_in_without_the_password(stack):
    closed = {"Bearer": ("/v1/stats", "/v1/media", "/v1/events", "/health", "/metrics"),
              "Basic": ("/flower/", "/flower/api/workers")}
    for scheme, paths in closed.items():
        for path in paths:
            answer = stack.anybody.get(path)
            assert answer.status_code == 401, path
            assert answer.headers["www-authenticate"].startswith(scheme), path
            assert stack.anybody.get(path, auth=("facet", "facet")).status_code == 401, path
    # What opens Flower opens nothing else, and the other way round.
    password = (stack.secrets / "password").read_text().strip()
    assert stack.anybody.get("/v1/stats", auth=("facet", password)).status_code == 401
    assert stack.anybody.get("/v1/stats", headers={"Authorization": f"Bearer {password}"}).status_code == 401
    session = {"cookie": f"facet_session={stack.http.cookies['facet_session']}"}
    assert stack.anybody.get("/v1/stats", headers=session).status_code == 200
    assert stack.anybody.get("/flower/", headers=session).status_code == 401
    assert stack.http.get("/v1/stats").status_code == 200


def test_the_door_tells_who_comes_and_how(stack):
    [session] = stack.http.get("/v1/sessions").json()["items"]
    assert session["remote_address"] and session["remote_address"] != "127.0.0.1"
    answer = stack.anybody.post("/v1/session", json={"name": "facet", "password": PASSWORD})
    assert answer.status_code == 200 and "; Secure" in answer.headers["set-cookie"]
    stack.anybody.cookies.clear()


def test_plain_http_leads_to_https_and_asks_for_no_password(stack):
    answer = httpx.get("http://localhost:8080/v1/stats?a=b")
    assert answer.status_code == 301
    assert answer.headers["location"] == "https://localhost:8443/v1/stats?a=b"
    assert "www-authenticate" not in answer.headers


def test_the_page_and_its_headers_come_once(stack):
    answer = stack.http.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    for name in ("content-security-policy", "x-content-type-options"):
        assert len(answer.headers.get_list(name)) == 1, name
    script = re.search(r'src="(/assets/[^"]+\.js)"', answer.text)[1]
    assert stack.http.get(script).status_code == 200


def test_one_request_id_from_the_door_to_the_answer(stack):
    answer = stack.http.get("/v1/media/nothing", headers={"X-Request-Id": "from-the-test"})
    assert answer.json()["request_id"] == "from-the-test"
    until(lambda: '"trace.id":"from-the-test"' in
          stack.compose("logs", "--no-log-prefix", "nginx").stdout)


def test_the_limit_of_uploads_is_one_number(stack, scratch):
    config = stack.compose("exec", "-T", "web", "facet", "config").stdout
    assert re.search(rf"^upload\.max_bytes +{UPLOAD_MAX_BYTES} ", config, re.MULTILINE), config
    big = scratch / "big.jpg"
    big.write_bytes(bytes(UPLOAD_MAX_BYTES + 1))
    answer = stack.http.post("/v1/media", files={"file": ("big.jpg", big.read_bytes())})
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "too_large"


def test_pages_of_other_origins_cannot_post(stack):
    headers = {"Origin": "https://elsewhere.example"}
    assert stack.http.post("/cache/clear", headers=headers).status_code == 403
    headers = {"Origin": stack.address}
    assert stack.http.post("/cache/clear", headers=headers).status_code == 200


# --- the main job ---------------------------------------------------------------------------------


def listen(stack, seen, ready, stop):
    with stack.http.stream("GET", "/v1/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        ready.set()
        kind = None
        for line in answer.iter_lines():
            if line.startswith("event:"):
                kind = line.removeprefix("event:").strip()
            elif line.startswith("data:") and kind:
                seen.append((kind, json.loads(line.removeprefix("data:"))))
            if stop.is_set():
                return


def test_an_upload_is_analysed_told_of_and_found(stack, testdata):
    seen, ready, stop = [], threading.Event(), threading.Event()
    listener = threading.Thread(target=listen, args=(stack, seen, ready, stop), daemon=True)
    listener.start()
    assert ready.wait(30)
    [media_id] = stack.upload(testdata / "people/obama_1.jpg")

    def told():
        """media.completed has been told over the event stream"""
        return any(kind == "media.completed" and data["media"]["id"] == media_id for kind, data in seen)

    until(told, 90)
    assert stack.completed(media_id)["face_count"] == 1
    [other] = stack.upload(testdata / "people/biden_1.jpg")
    stack.completed(other)
    stop.set()
    assert found(stack, testdata) == [media_id]
    crop = stack.http.get(f"/v1/media/{media_id}/thumbnail")
    assert crop.status_code == 200 and crop.headers["content-type"] == "image/jpeg"


def test_the_original_systems_routes_do_the_same(stack, library, testdata):
    picture = testdata / "people/obama_and_biden_1.jpg"
    answer = stack.http.post("/upload", files={"file": (picture.name, picture.read_bytes())})
    assert answer.status_code in (200, 202), answer.text
    task = answer.json()["task_id"]
    until(lambda: stack.http.get(f"/task-status/{task}").json()["state"] == "SUCCESS", 90)
    assert set(found(stack, testdata)) >= {library["obama_1.jpg"]}
    assert len(found(stack, testdata)) == 2


def test_a_file_in_the_watch_folder_is_taken_in(stack, testdata):
    before = stack.http.get("/v1/stats").json()["media"]["total"]
    [watcher] = stack.containers("watch")
    watched = next(mount["Source"] for mount in watcher["Mounts"] if mount["Destination"] == "/watch")
    with open(os.path.join(watched, "dropped.jpg"), "wb") as target:
        target.write((testdata / "people/biden_2.jpg").read_bytes())

    def taken_in():
        stats = stack.http.get("/v1/stats").json()["media"]
        return stats["total"] == before + 1 and stats["completed"] == stats["total"]

    until(taken_in, 120)


def test_flower_sees_the_worker_and_its_tasks(stack, library):
    [worker] = until(stack.workers, 60)
    # Flower asks a worker it has just come to know while it answers; the page is there the next time.
    until(lambda: stack.http.get(f"/flower/worker/{worker}").status_code == 200, 30)
    tasks = stack.http.get("/flower/api/tasks").json()
    assert any(task["state"] == "SUCCESS" and task["worker"] == worker for task in tasks.values()), tasks


def test_health_and_metrics_behind_the_door(stack):
    health = stack.http.get("/health")
    assert health.status_code == 200, health.text
    assert "face_recognition_http_requests_total" in stack.http.get("/metrics").text
    for service in ("web", "worker", "watch"):
        assert stack.compose("exec", "-T", service, "facet", "health").returncode == 0
        assert stack.compose("exec", "-T", service, "facet", "health", "--live").returncode == 0


# --- what is locked -------------------------------------------------------------------------------


def test_only_the_door_can_be_reached_and_only_from_here(stack):
    published = {container["Config"]["Labels"]["com.docker.compose.service"]: [
        (binding["HostIp"], binding["HostPort"])
        for bindings in container["NetworkSettings"]["Ports"].values() if bindings
        for binding in bindings] for container in stack.containers()}
    assert set(published) == SERVICES
    assert sorted(published.pop("nginx")) == [("127.0.0.1", "8080"), ("127.0.0.1", "8443")]
    assert not any(published.values()), published


def test_every_container_is_locked_down(stack):
    secrets = stack.secret_words()
    for container in stack.containers():
        name = container["Name"]
        host = container["HostConfig"]
        assert container["Config"]["User"].split(":")[0] not in ("", "0", "root"), name
        assert host["ReadonlyRootfs"], name
        assert host["CapDrop"] == ["ALL"] and not host["CapAdd"], name
        assert "no-new-privileges:true" in host["SecurityOpt"], name
        assert host["Memory"] > 0 and host["PidsLimit"] > 0, name
        assert host["LogConfig"]["Config"]["max-size"], name
        assert host["RestartPolicy"]["Name"] == "unless-stopped", name
        assert container["State"]["Health"]["Status"] == "healthy", name
        told = json.dumps(container)
        assert not [word for word in secrets if word in told], name


def test_no_password_is_in_a_log_or_a_command_line(stack):
    logs = stack.compose("logs", "--no-color").stdout
    processes = "".join(run("docker", "top", container["Id"], "-o", "pid,args").stdout
                        for container in stack.containers())
    assert "facet" in processes
    for word in stack.secret_words():
        assert word not in logs
        assert word not in processes


def ask_from_flower(stack, url):
    """Status with which a neighbour on the inner network is answered."""
    script = ("import sys, urllib.request, urllib.error\n"
              "try: print(urllib.request.urlopen(sys.argv[1], timeout=10).status)\n"
              "except urllib.error.HTTPError as error: print(error.code)")
    return int(stack.compose("exec", "-T", "flower", "python3", "-c", script, url).stdout)


def test_neighbours_need_the_token_too(stack):
    assert ask_from_flower(stack, "http://web:8080/v1/stats") == 401
    assert ask_from_flower(stack, "http://web:8080/health/live") == 200
    assert ask_from_flower(stack, "http://worker:8081/metrics") == 401
    assert ask_from_flower(stack, "http://localhost:5555/flower/workers") == 401


def test_the_databases_let_in_only_who_they_must(stack):
    ask = "select rolsuper or rolcreatedb or rolcreaterole from pg_roles where rolname = 'facet'"
    done = stack.compose("exec", "-T", "postgres", "psql", "-U", "postgres", "-Atc", ask)
    assert done.stdout.strip() == "f"
    wrong = stack.compose("exec", "-T", "-e", "PGPASSWORD=facet", "postgres", "psql", "-h", "postgres",
                          "-U", "facet", "-d", "facet", "-c", "select 1", check=False)
    assert wrong.returncode != 0 and "password authentication failed" in wrong.stderr
    nobody = stack.compose("exec", "-T", "redis", "redis-cli", "dbsize")
    assert "NOAUTH" in nobody.stdout
    password = (stack.secrets / "redis_flower_password").read_text().strip()
    flower = stack.compose("exec", "-T", "-e", f"REDISCLI_AUTH={password}", "redis", "redis-cli", "--user",
                           "flower", "get", "facet:anything")
    assert "NOPERM" in flower.stdout


# --- what an operator does ------------------------------------------------------------------------


def test_a_killed_worker_comes_back_and_its_work_is_done(stack, testdata, library):
    [worker] = stack.containers("worker")
    pictures = sorted((testdata / "lfw/Vladimir_Putin").iterdir())[:6]
    ids = stack.upload(*pictures)
    os.kill(worker["State"]["Pid"], signal.SIGKILL)
    for media_id in ids:
        stack.completed(media_id, 150)

    def restarted():
        [again] = stack.containers("worker")
        return again["RestartCount"] >= 1 and again["State"]["Health"]["Status"] == "healthy"

    until(restarted, 60)


def test_workers_are_scaled_and_stay_so(stack, testdata):
    stack.script("scale", "2")
    assert len(stack.containers("worker")) == 2
    until(lambda: len(stack.workers()) == 2, 60)
    status = stack.script("scale", "status").stdout
    assert status.count("OK") >= 2, status
    stack.up()
    assert len(stack.containers("worker")) == 2
    stack.script("scale", "1")
    assert len(stack.containers("worker")) == 1
    assert stack.script("scale", "0", check=False).returncode == 2
    assert len(stack.containers("worker")) == 1


def test_without_workers_files_wait(stack, testdata):
    stack.script("scale", "stop")
    [media_id] = stack.upload(testdata / "people/rose_1.jpg")
    assert stack.media(media_id)["status"] == "pending"
    stack.script("scale", "start")
    stack.completed(media_id, 120)


def test_the_stack_stops_in_order_and_starts_with_its_data(stack, testdata):
    before = found(stack, testdata)
    assert before
    stack.compose("stop", timeout=200)
    for service in SERVICES:
        ids = stack.compose("ps", "--all", "-q", service).stdout.split()
        for state in json.loads(run("docker", "inspect", *ids).stdout):
            assert state["State"]["ExitCode"] == 0, (service, state["State"])
    stack.compose("down")
    stack.up()
    assert found(stack, testdata) == before


def test_a_backup_makes_a_fresh_stack_the_same(stack, library, testdata, scratch):
    before = found(stack, testdata)
    stats = stack.http.get("/v1/stats").json()
    kept = stack.script("backup", scratch).stdout.strip()
    assert sorted(path.name for path in scratch.iterdir()) == [os.path.basename(kept)]
    assert os.stat(kept).st_mode & 0o077 == 0

    stack.save_logs()
    stack.compose("down", "--volumes")
    run("rm", "-r", stack.secrets)
    stack.script("setup")
    stack.come_to_the_door()
    stack.script("restore", kept, timeout=600)
    stack.log_in()  # users come back with the rest
    assert found(stack, testdata) == before
    again = stack.http.get("/v1/stats").json()
    assert again["faces"] == stats["faces"] and again["media"] == stats["media"]
    original = stack.http.get(f"/v1/media/{library['obama_1.jpg']}/content")
    assert original.content == (testdata / "people/obama_1.jpg").read_bytes()

    refused = stack.script("restore", kept, check=False)
    assert refused.returncode == 1 and "--replace" in refused.stderr
    assert found(stack, testdata) == before
    with open(os.path.join(kept, "data.tar"), "ab") as damaged:
        damaged.write(b"x")
    refused = stack.script("restore", kept, "--replace", check=False)
    assert refused.returncode == 1 and "not complete" in refused.stderr
    assert found(stack, testdata) == before


def test_set_up_does_not_overwrite(stack):
    before = stack.secret_words()
    refused = stack.script("setup", check=False)
    assert refused.returncode == 1 and "there already" in refused.stderr
    assert stack.secret_words() == before
    assert (stack.secrets.stat().st_mode & 0o777) == 0o700


def test_without_tls_the_door_is_plain(stack):
    stack.set("TLS", "off")
    stack.up()
    assert httpx.get("http://localhost:8080/v1/stats").status_code == 401
    session = {"cookie": f"facet_session={stack.http.cookies['facet_session']}"}
    assert httpx.get("http://localhost:8080/v1/stats", headers=session).status_code == 200
    with pytest.raises(httpx.TransportError):
        httpx.get("https://localhost:8443/", verify=False)
    stack.set("TLS", "on")
    stack.up()


def test_the_gpu_override_is_well_formed(stack):
    stack.compose("-f", "compose.yml", "-f", "compose.gpu.yml", "config", "-q")
