"""Statuses, errors and limits of the HTTP API."""

import pytest
from conftest import WEB
from facet_server import client


def error(answer):
    body = answer.json()
    assert body["request_id"] == answer.headers["x-request-id"]
    assert body["error"]["message"]
    return body["error"]["code"]


@pytest.mark.parametrize("path, status, code", [
    ("/v1/media/not-a-uuid", 400, "invalid_argument"),
    ("/v1/media/0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b", 404, "not_found"),
    ("/v1/faces/0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b", 404, "not_found"),
    ("/v1/tasks/0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b", 404, "not_found"),
    ("/v1/media?limit=0", 400, "invalid_argument"),
    ("/v1/media?limit=x", 400, "invalid_argument"),
    ("/v1/media?cursor=%00forged", 400, "invalid_argument"),
    ("/v1/media?status=lost", 400, "invalid_argument"),
    ("/v1/nothing", 404, "not_found"),
])
def test_wrong_questions_get_the_right_error(server, path, status, code):
    answer = server.http.get(path)
    assert answer.status_code == status, answer.text
    assert error(answer) == code


def test_a_wrong_method_names_the_right_ones(server):
    answer = server.http.put("/v1/media")
    assert answer.status_code == 405 and error(answer) == "method_not_allowed"
    assert "GET" in answer.headers["allow"] and "POST" in answer.headers["allow"]


def test_uploads_that_are_no_pictures_are_refused_one_by_one(server, testdata):
    photo = testdata / "people/obama_1.jpg"
    answer = server.http.post("/v1/media", files=[
        ("file", ("a.jpg", b"just text")),
        ("file", ("b.jpg", b"")),
        ("file", ("../../c<script>.jpg", photo.read_bytes())),
        ("file", ("d.jpg", b"%PDF-1.7 is no picture"))])
    assert answer.status_code == 202
    body = answer.json()
    assert [(one["index"], one["error"]["code"]) for one in body["rejected"]] == [
        (0, "unsupported_media"), (1, "invalid_argument"), (3, "unsupported_media")]
    assert [one["index"] for one in body["accepted"]] == [2]
    alone = server.http.post("/v1/media", files=[("file", ("a.jpg", b"just text"))])
    assert alone.status_code == 415 and error(alone) == "unsupported_media"
    assert server.http.post("/v1/media", files=[("image", ("a.jpg", b"x"))]).status_code == 400
    assert server.http.post("/v1/media", json={}).status_code == 415


def test_files_over_the_limit_are_refused_and_leave_nothing(make_server):
    server = make_server("-s", "upload.max_bytes=1048576")
    answer = server.http.post("/v1/media", files=[("file", ("a.jpg", b"\xff\xd8" + b"x" * 3_000_000))])
    assert answer.status_code == 413
    assert server.http.get("/v1/stats").json()["media"]["total"] == 0
    assert not [p for p in (server.data / "raw").rglob("*") if p.is_file()]


def test_every_corrupt_and_odd_file_ends_in_a_result(server, testdata):
    paths = sorted(p for folder in ("corrupt", "odd_sizes") for p in (testdata / folder).iterdir())
    accepted = 0
    for path in paths:
        answer = server.upload(path)
        assert answer.status_code in (200, 202, 400, 413, 415, 422), (path, answer.text)
        accepted += answer.status_code == 202
    stats = server.wait_idle(count=accepted)
    assert stats["media"]["completed"] + stats["media"]["failed"] == accepted
    for media in server.http.get("/v1/media", params={"status": "failed"}).json()["items"]:
        assert media["error"]["message"] and media["error"]["code"] != "internal", media
    assert server.http.get("/v1/health").status_code == 200


def test_searches_that_cannot_work_say_why(server, testdata):
    no_face = server.search(testdata / "noface/grass.jpg")
    assert no_face.status_code == 422 and error(no_face) == "face_not_found"
    assert server.http.post("/v1/search", files={"limit": (None, "5")}).status_code == 400
    photo = testdata / "people/obama_1.jpg"
    for fields in ({"threshold": "nan"}, {"threshold": "2"}, {"limit": "0"}, {"limit": "5000"},
                   {"face": "-1"}, {"face": "first"}):
        assert server.search(photo, **fields).status_code == 400, fields
    broken = server.http.post("/v1/search", files={"image": ("a.jpg", b"no picture")})
    assert broken.status_code == 415
    assert server.search(photo).json()["results"] == []


def test_health_runs_the_models_and_metrics_have_the_old_names(server, testdata):
    health = server.http.get("/v1/health")
    assert health.status_code == 200 and health.json()["status"] == "healthy"
    assert health.json()["checks"]["model"]["ms"] > 0
    server.add(testdata / "people/obama_1.jpg")
    server.search(testdata / "people/obama_1.jpg")
    text = server.http.get("/metrics").text
    for line in ('face_recognition_files_uploaded_total{file_type="image"} 1',
                 'face_recognition_files_processed_total{file_type="image",status="completed"} 1',
                 'face_recognition_faces_detected_total{source_type="image"} 1',
                 'face_recognition_searches_total{cache_status="miss"} 1',
                 'face_recognition_search_duration_seconds_count{cache_status="miss"} 1',
                 'face_recognition_memory_usage_bytes{type="rss"}',
                 'face_recognition_http_requests_total{endpoint="/v1/media",method="POST",status_code="202"} 1'):
        assert line in text, line


def test_other_origins_and_names_are_refused(server):
    cross = server.http.post("/cache/clear", headers={"Origin": "http://evil.example"})
    assert cross.status_code == 403
    rebound = server.http.get("/v1/stats", headers={"Host": "evil.example"})
    assert rebound.status_code in (403, 421)
    headers = server.http.get("/v1/stats").headers
    assert headers["x-content-type-options"] == "nosniff"
    assert "default-src 'self'" in headers["content-security-policy"]


def test_listening_elsewhere_is_refused_without_a_login(facet):
    done = facet("-s", "server.address=0.0.0.0", "serve")
    assert done.returncode == 1 and "server.token" in done.stderr


def test_pages_of_media_and_faces_cover_everything_once(server, testdata):
    photos = sorted((testdata / "people").iterdir())[:7]
    server.add(*photos)
    seen, cursor = [], ""
    while cursor is not None:
        page = server.http.get("/v1/media", params={"limit": 3, "cursor": cursor}).json()
        seen += [media["filename"] for media in page["items"]]
        cursor = page["next_cursor"]
    assert seen == [photo.name for photo in reversed(photos)]
    named = server.http.get("/v1/media", params={"q": photos[0].name[:6]}).json()["items"]
    assert photos[0].name in [media["filename"] for media in named]
    assert server.http.get("/v1/media", params={"q": "%"}).json()["items"] == []


class TestOriginalRoutes:
    """The shapes of the Python system."""

    def test_upload_status_faces_and_image(self, server, testdata):
        photo = testdata / "people/obama_1.jpg"
        answer = server.http.post("/upload", files={"file": (photo.name, photo.read_bytes())})
        assert answer.status_code == 200
        body = answer.json()
        assert body["success"] is True and body["file_type"] == "image"
        assert body["filename"] == photo.name and isinstance(body["file_id"], int)
        server.wait_idle()
        status = server.http.get(f"/task-status/{body['task_id']}").json()
        assert status["state"] == "SUCCESS" and status["result"]["total_faces"] == 1
        assert server.http.get("/task-status/unknown").json() == {
            "state": "PENDING", "current": 0, "total": 100, "status": "Pending..."}
        faces = server.http.get(f"/faces/{body['file_id']}").json()
        assert faces["total"] == 1
        assert set(faces["faces"][0]) == {
            "face_id", "bbox", "confidence", "quality_score", "face_image_path", "frame_number",
            "timestamp", "age", "gender"}
        image = server.http.get(f"/face-image/{faces['faces'][0]['face_id']}")
        assert image.headers["content-type"] == "image/jpeg"
        assert server.http.get("/face-image/unknown").json() == {"error": "Face image not found"}
        assert server.http.get("/faces/999").json() == {"faces": [], "total": 0}

    def test_search(self, server, testdata):
        server.add(testdata / "people/obama_1.jpg", testdata / "people/biden_1.jpg")
        query = testdata / "formats/obama.heic"
        body = server.http.post("/search", files={"file": (query.name, query.read_bytes())},
                                data={"threshold": "0.65", "top_k": "5"}).json()
        assert body["status"] == "success" and body["total_results"] == 1
        assert set(body["results"][0]) == {
            "face_id", "similarity", "file_id", "file_name", "face_image_path", "bbox",
            "quality_score", "timestamp", "frame_number"}
        assert body["results"][0]["file_name"] == "obama_1.jpg"
        assert len(body["query_face"]["bbox"]) == 4
        grass = testdata / "noface/grass.jpg"
        none = server.http.post("/search", files={"file": (grass.name, grass.read_bytes())})
        assert none.status_code == 200
        assert none.json() == {"status": "error", "message": "No faces found in query image"}
        text = server.http.post("/search", files={"file": ("a.jpg", b"text")})
        assert text.status_code == 400 and text.json() == {"error": "Invalid file type"}

    def test_batch_files_stats_cache_and_health(self, server, testdata):
        photos = sorted((testdata / "people").iterdir())[:3]
        files = [("files", (p.name, p.read_bytes())) for p in photos] + [("files", ("x.txt", b"x"))]
        batch = server.http.post("/upload-batch", files=files).json()
        assert batch["file_count"] == 3 and batch["task_id"]
        server.wait_idle(count=3)
        listing = server.http.get("/files", params={"page": 2, "per_page": 2}).json()
        assert (listing["total"], listing["total_pages"], len(listing["files"])) == (3, 2, 1)
        assert set(listing["files"][0]) == {
            "id", "filename", "file_type", "upload_time", "processing_status", "total_faces"}
        assert server.http.get("/stats").json()["completed_files"] == 3
        assert server.http.get("/cache/stats").json()["status"] == "success"
        assert "deleted_count" in server.http.post("/cache/clear").json()
        page = server.http.get("/cache", headers={"accept": "text/html"})
        assert "text/html" in page.headers["content-type"] or not WEB.is_dir()
        health = server.http.get("/health").json()
        assert health["status"] == "healthy" and health["service"] == "face-recognition-pipeline"


def test_a_token_opens_the_server_to_other_machines_and_is_asked_of_everybody(make_server, tmp_path):
    secret = tmp_path / "token"
    secret.write_text("correct horse battery\n")
    server = make_server("-s", "server.address=0.0.0.0", environment={"FACET_SERVER__TOKEN_FILE": str(secret)})
    anybody = client(server.url.replace("0.0.0.0", "127.0.0.1"))
    token = {"Authorization": "Bearer correct horse battery"}
    for path in ("/v1/stats", "/files", "/metrics", "/health", "/v1/events"):
        refused = anybody.get(path)
        assert refused.status_code == 401 and refused.headers["www-authenticate"].startswith("Bearer"), path
        assert refused.json()["error"]["code"] == "unauthorized"
    assert anybody.get("/v1/stats", headers=token).status_code == 200
    assert anybody.get("/v1/stats", headers={"Host": "photos.example", **token}).status_code == 200
    assert anybody.get("/health/live").json() == {"status": "alive"}
    assert anybody.get("/health/ready").json() == {"status": "healthy"}
    ready = anybody.get("/health/ready", headers=token)
    assert ready.status_code == 200 and set(ready.json()["checks"]) == {"database", "tasks", "watch"}
    log = (server.data / "server.log").read_text()
    assert "horse" not in log


@pytest.mark.skipif(not WEB.is_dir(), reason="web/dist is not built: ./dev build")
def test_a_browser_gets_the_page_wherever_it_goes(server):
    browser = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
    for path in ("/", "/search", "/cache", "/docs", "/search/saved/x"):
        answer = server.http.get(path, headers=browser)
        assert answer.status_code == 200 and '<div id="root">' in answer.text, path
    assert server.http.get("/search").status_code == 405
    assert server.http.get("/cache").status_code == 404
    assert server.http.get("/stats", headers=browser).headers["content-type"] == "application/json"
