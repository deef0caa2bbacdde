"""Drop photos in, find a person again: through uploads, the watch folder and the command line."""

import os
import time

import pytest
from conftest import json_lines


def people(testdata, *names):
    return [testdata / "people" / name for name in names]


def test_an_uploaded_person_is_found_again_from_another_photo(server, testdata):
    obama, biden = testdata / "people/obama_1.jpg", testdata / "people/biden_1.jpg"
    both = testdata / "people/obama_and_biden_1.jpg"
    added = server.add(obama, biden, both)
    assert [one["status"] for one in added] == ["completed"] * 3
    assert [one["face_count"] for one in added] == [1, 1, 2]

    other = testdata / "formats/obama.heic"
    answer = server.search(other).json()
    assert [hit["media"]["filename"] for hit in answer["results"]][:2] == [
        "obama_1.jpg", "obama_and_biden_1.jpg"] or [
        hit["media"]["filename"] for hit in answer["results"]][:2] == [
        "obama_and_biden_1.jpg", "obama_1.jpg"]
    assert all(hit["match"] == "match" for hit in answer["results"])
    assert len(answer["results"]) == 2
    assert answer["searched_faces"] == 4
    cosines = [hit["cosine"] for hit in answer["results"]]
    assert cosines == sorted(cosines, reverse=True)


def test_a_chosen_face_and_all_faces_of_a_group_photo_can_be_searched(server, testdata):
    server.add(testdata / "people/obama_1.jpg", testdata / "people/biden_1.jpg")
    both = testdata / "people/obama_and_biden_1.jpg"
    found = {}
    for face in (0, 1):
        results = server.search(both, face=face).json()["results"]
        assert len(results) == 1
        found[face] = results[0]["media"]["filename"]
    assert set(found.values()) == {"obama_1.jpg", "biden_1.jpg"}
    everyone = server.search(both, face="all").json()
    assert {hit["media"]["filename"] for hit in everyone["results"]} == set(found.values())
    assert {hit["query_face"] for hit in everyone["results"]} == {0, 1}
    missing = server.search(both, face=7)
    assert missing.status_code == 422
    assert missing.json()["error"]["code"] == "face_not_found"


def test_a_stored_face_can_be_searched_and_does_not_find_itself(server, testdata):
    server.add(testdata / "people/obama_1.jpg", testdata / "people/obama_and_biden_1.jpg")
    first = server.http.get("/v1/faces", params={"limit": 500}).json()["items"]
    alone = [f for f in first if len([g for g in first if g["media_id"] == f["media_id"]]) == 1][0]
    answer = server.http.post("/v1/search", files={"face_id": (None, alone["id"])}).json()
    assert [hit["match"] for hit in answer["results"]] == ["match"]
    assert answer["results"][0]["face"]["id"] != alone["id"]


def test_the_same_bytes_are_stored_once(server, testdata):
    photo = testdata / "people/obama_1.jpg"
    first = server.upload(photo)
    assert first.status_code == 202 and not first.json()["accepted"][0]["duplicate"]
    server.wait_idle()
    second = server.upload(photo)
    assert second.status_code == 200 and second.json()["accepted"][0]["duplicate"]
    assert second.json()["accepted"][0]["media"]["id"] == first.json()["accepted"][0]["media"]["id"]
    assert server.wait_idle()["media"]["total"] == 1


def test_a_photo_dropped_into_the_watch_folder_is_found(server, testdata):
    deep = server.data / "watch/holiday/2024"
    deep.mkdir(parents=True)
    for ignored in (".hidden.jpg", "half.jpg.part", "half.crdownload"):
        (deep / ignored).write_bytes((testdata / "people/biden_1.jpg").read_bytes())
    os.symlink(testdata / "people/biden_1.jpg", deep / "link.jpg")
    (deep / "obama.jpg").write_bytes((testdata / "people/obama_1.jpg").read_bytes())
    (deep / "notes.txt").write_text("not a picture")
    stats = server.wait_idle(count=1)
    assert stats["media"]["total"] == 1
    hit = server.search(testdata / "people/obama_and_biden_1.jpg", face="all").json()["results"][0]
    assert hit["media"]["origin"] == "watch"
    assert (deep / "obama.jpg").exists(), "files stay where the user put them"
    log = (server.data / "server.log").read_text()
    assert log.count("watch.refused") == 1 and "notes.txt" in log


def test_a_bad_file_in_the_watch_folder_is_reported_once_even_after_a_restart(
        make_server, testdata):
    server = make_server("-s", "watch.rescan_seconds=1")
    (server.data / "watch").mkdir(exist_ok=True)
    (server.data / "watch/bad.jpg").write_bytes((testdata / "corrupt/truncated_image.png").read_bytes()[:40])
    (server.data / "watch/notes.txt").write_text("not a picture")
    deadline = time.monotonic() + 20
    while "watch.refused" not in (server.data / "server.log").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    server.wait_idle(count=1)
    assert server.stop() == 0
    server.start()
    server.wait_idle(count=1)
    server.http.get("/v1/stats")
    time.sleep(2.5)  # two rescans
    log = (server.data / "server.log").read_text()
    assert log.count("watch.refused") == 1
    assert log.count('media.finished') == 1
    failed = server.http.get("/v1/media", params={"status": "failed"}).json()["items"]
    assert len(failed) == 1 and failed[0]["error"]["message"]


def test_deleting_a_media_leaves_nothing_of_it(server, testdata):
    keep, gone = server.add(testdata / "people/biden_1.jpg", testdata / "people/obama_1.jpg")
    face = server.http.get(f"/v1/media/{gone['id']}/faces").json()["items"][0]
    assert server.search(testdata / "formats/obama.heic").json()["results"]
    assert server.http.delete(f"/v1/media/{gone['id']}").status_code == 204
    assert server.search(testdata / "formats/obama.heic").json()["results"] == []
    for path in (f"/v1/media/{gone['id']}", f"/v1/faces/{face['id']}",
                 f"/v1/faces/{face['id']}/image", f"/v1/media/{gone['id']}/content",
                 f"/v1/media/{gone['id']}/thumbnail"):
        assert server.http.get(path).status_code == 404, path
    left = [p for p in server.data.rglob("*") if p.is_file()]
    assert not [p for p in left if face["id"] in p.name or gone["sha256"] in p.name]
    assert server.media(keep["id"])["status"] == "completed"
    assert server.http.get("/v1/stats").json()["faces"] == 1


def test_pictures_come_back_as_pictures(server, testdata):
    (media,) = server.add(testdata / "formats/hopper_orientation_6.jpg")
    original = server.http.get(f"/v1/media/{media['id']}/content")
    assert original.content == (testdata / "formats/hopper_orientation_6.jpg").read_bytes()
    part = server.http.get(f"/v1/media/{media['id']}/content", headers={"Range": "bytes=0-9"})
    assert part.status_code == 206 and part.content == original.content[:10]
    thumbnail = server.http.get(f"/v1/media/{media['id']}/thumbnail", params={"size": 64})
    assert thumbnail.headers["content-type"] == "image/jpeg" and thumbnail.content[:2] == b"\xff\xd8"
    faces = server.http.get(f"/v1/media/{media['id']}/faces").json()["items"]
    assert len(faces) == 1
    for context in (0, 0.25, 1):
        crop = server.http.get(f"/v1/faces/{faces[0]['id']}/image", params={"context": context})
        assert crop.status_code == 200 and crop.content[:2] == b"\xff\xd8"


def test_reprocessing_replaces_the_faces(server, testdata):
    (media,) = server.add(testdata / "people/obama_1.jpg")
    before = server.http.get(f"/v1/media/{media['id']}/faces").json()["items"]
    again = server.http.post(f"/v1/media/{media['id']}/reprocess")
    assert again.status_code == 202
    server.wait_idle()
    after = server.http.get(f"/v1/media/{media['id']}/faces").json()["items"]
    assert len(before) == len(after) == 1 and before[0]["id"] != after[0]["id"]
    task = server.http.get(f"/v1/tasks/{again.json()['task_id']}").json()
    assert task["state"] == "done" and task["result"]["total_faces"] == 1
    assert server.http.get("/v1/stats").json()["index"]["faces"] == 1


def test_progress_is_told_as_server_sent_events(server, testdata):
    with server.http.stream("GET", "/v1/events", timeout=30) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        server.upload(testdata / "people/obama_1.jpg")
        seen = []
        for line in stream.iter_lines():
            if line.startswith("event:"):
                seen.append(line.split(":", 1)[1].strip())
            if seen[-1:] == ["media.completed"]:
                break
    # A quick worker may be heard of before the upload that gave it its task.
    assert sorted(seen[:2]) == ["media.created", "media.processing"]
    assert seen[2:] == ["media.completed"]


def test_the_command_line_does_the_main_job_without_a_server(facet, testdata):
    folder = testdata / "people"
    done = facet("--json", "ingest", folder, check=0)
    total = json_lines(done.stdout)[-1]
    assert total["failed"] == 0 and total["accepted"] == total["files"] > 10
    found = json_lines(facet("--json", "search", testdata / "formats/obama.heic", check=0).stdout)[-1]
    assert found["results"][0]["media"]["filename"].startswith("obama")
    assert found["results"][0]["match"] == "match"
    stats = json_lines(facet("--json", "stats", check=0).stdout)[-1]
    assert stats["completed"] == total["accepted"] and stats["faces"] == total["faces"]
    nobody = facet("search", testdata / "noface/grass.jpg")
    assert nobody.returncode == 3 and "no face" in nobody.stderr
    assert facet("faces", testdata / "people/obama_and_biden_1.jpg", check=0).stdout.count("face ") == 2
    assert facet("search").returncode == 2
    assert facet("doctor", check=0).stdout.count("ok ") >= 4


def test_ingest_beside_a_running_server_uses_its_workers(server, facet, testdata):
    done = facet("--json", "ingest", testdata / "people/obama_1.jpg", data=server.data, check=0)
    assert json_lines(done.stdout)[-1]["faces"] == 1
    results = server.search(testdata / "formats/obama.heic").json()["results"]
    assert [hit["media"]["origin"] for hit in results] == ["ingest"]


def test_a_second_server_on_the_same_data_folder_is_refused(server, make_server):
    with pytest.raises(AssertionError, match="another facet is serving"):
        make_server(data=server.data)


def test_verification_is_measured_on_labelled_pictures(facet, testdata):
    done = facet("--json", "evaluate", "--data-set", testdata, "--sets", "people", check=0)
    (report,) = json_lines(done.stdout)
    assert report["set"] == "people (all)" and report["without_face"] == 0
    assert report["genuine_pairs"] >= 20 and report["impostor_pairs"] >= 16
    assert report["tar_at_far_1e-2"] > 0.95 and report["best_accuracy"] > 0.95
    assert report["mistaken_at_match"] == 0
    assert facet("evaluate", "--data-set", testdata / "corrupt").returncode == 1
