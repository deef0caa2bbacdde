"""Videos, end to end: who appears in which file, from when to when."""

import collections
import csv
import json
import subprocess
import threading
import time

import httpx
import pytest
from archives import everything, settled

RATE = 29.97
# Frames `first` to `last` of the labelled one. `starts_at`: seconds from the beginning of the file, where the sound begins, to its
# first picture.
Film = collections.namedtuple("Film", "name size seconds starts_at first last")
HAMILTON = Film("hamilton.mp4", (640, 360), 10.01, 0.844, 0, 274)
FILMS = (HAMILTON, Film("hamilton_vp8.webm", (480, 270), 3.0, 0, 71, 160), Film("hamilton_mjpeg.avi", (480, 270), 3.0, 0, 71, 160))


def upload(server, path, name=None):
    answer = server.http.post("/v1/media", files={"file": (name or path.name, path.read_bytes())})
    assert answer.status_code == 202, answer.text
    return answer.json()["accepted"][0]["media"]


def appearances(server, media):
    return server.http.get(f"/v1/media/{media['id']}/appearances").json()["items"]


def wait_for(what, seconds=120):
    deadline = time.monotonic() + seconds
    while not (got := what()):
        assert time.monotonic() < deadline, what
        time.sleep(0.05)
    return got


def truth(testdata, film):
    """(who, from second, to second), of the faces that are large and turned enough to be known."""
    with open(testdata / "video/hamilton_truth.csv") as file:
        shots = [(row["who"], max(int(row["first_frame"]), film.first), min(int(row["last_frame"]), film.last))
                 for row in csv.DictReader(file)]
    return [(who, film.starts_at + (first - film.first) / RATE, film.starts_at + (last + 1 - film.first) / RATE)
            for who, first, last in shots if first <= last]


def jpeg_size(jpeg):
    """Width and height, from the start-of-frame segment."""
    at = 2
    while jpeg[at + 1] not in (0xC0, 0xC1, 0xC2):
        at += 2 + int.from_bytes(jpeg[at + 2:at + 4], "big")
    return int.from_bytes(jpeg[at + 7:at + 9], "big"), int.from_bytes(jpeg[at + 5:at + 7], "big")


def make_video(path, *pictures, seconds=1, rate=10, size="320x240"):
    """A video of still pictures, `seconds` each."""
    inputs, filters = [], []
    for number, picture in enumerate(pictures):
        inputs += ["-loop", "1", "-t", str(seconds), "-i", str(picture)]
        filters.append(f"[{number}:v]scale={size}:force_original_aspect_ratio=decrease,pad={size.replace('x', ':')}:-1:-1,"
                       f"setsar=1,fps={rate}[v{number}]")
    joined = "".join(f"[v{number}]" for number in range(len(pictures)))
    subprocess.run(["ffmpeg", "-v", "error", "-y", *inputs, "-filter_complex",
                    f"{';'.join(filters)};{joined}concat=n={len(pictures)}:v=1", "-pix_fmt", "yuv420p", "-c:v", "libx264",
                    "-preset", "ultrafast", str(path)], check=True)
    return path


@pytest.mark.parametrize("film", FILMS, ids=lambda film: film.name)
def test_a_person_is_found_in_a_video_with_the_times(server, testdata, film):
    media, = server.add(testdata / "video" / film.name)
    assert media["media_type"] == "video" and (media["width"], media["height"]) == film.size
    assert abs(media["duration_ms"] / 1000 - film.seconds) < 0.1 and abs(media["frame_rate"] - RATE) < 0.05

    found = appearances(server, media)
    assert 2 <= len(found) == media["face_count"] <= 30
    starts = [one["face"]["appearance"]["start_ms"] for one in found]
    assert starts == sorted(starts)
    for one in found:
        stay = one["face"]["appearance"]
        assert film.starts_at * 1000 - 1 <= stay["start_ms"] <= stay["best_ms"] <= stay["end_ms"] <= media["duration_ms"] + 50
        assert abs(stay["frame_number"] - (stay["best_ms"] / 1000 - film.starts_at) * RATE) <= 1
        points = [point for stretch in one["path"] for point in stretch]
        assert [p[0] for p in points] == sorted(p[0] for p in points)
        assert all(left < right and top < bottom for _, left, top, right, bottom in points)
        assert 1 <= len(one["exemplars"]) <= 5

    best = server.search(testdata / "video/lin-manuel-miranda.png").json()["results"][0]
    assert best["media"]["id"] == media["id"] and best["match"] in ("likely", "match")
    stay = best["face"]["appearance"]
    assert any(abs(stay["start_ms"] / 1000 - start) < 0.35 and abs(stay["end_ms"] / 1000 - end) < 0.35
               for who, start, end in truth(testdata, film) if who == "lin-manuel-miranda"), stay


@pytest.mark.parametrize("name", ["hamilton_anim.gif", "hamilton_anim.webp"])
def test_an_animated_picture_has_appearances_too(server, testdata, name):
    media, = server.add(testdata / "video" / name)
    assert media["media_type"] == "image" and media["duration_ms"] > 1000
    assert appearances(server, media)
    still, = server.add(testdata / "people/obama_1.jpg")
    assert still["duration_ms"] is None and appearances(server, still) == []
    face = server.http.get(f"/v1/media/{still['id']}/faces").json()["items"][0]
    assert face["appearance"] is None


def test_pictures_of_a_video(server, testdata):
    media, = server.add(testdata / "video/hamilton.mp4")
    url = f"/v1/media/{media['id']}"

    def picture(path):
        answer = server.http.get(path)
        assert answer.status_code == 200 and answer.headers["content-type"] == "image/jpeg", answer.text
        return jpeg_size(answer.content)

    assert max(picture(url + "/thumbnail?size=128")) == 128
    assert picture(url + "/frame?at_ms=4000&size=640") == (640, 360)
    assert server.http.get(url + "/frame?at_ms=4000").content != server.http.get(url + "/frame?at_ms=500").content
    assert picture(url + "/frame?at_ms=86400000") == (640, 360), "beyond the end: the last one"
    assert server.http.get(url + "/frame?at_ms=-1").status_code == 400
    one = appearances(server, media)[0]
    assert picture(f"/v1/faces/{one['face']['id']}/image")[0] > 10
    assert picture(f"/v1/faces/{one['face']['id']}/image?context=1")[0] > 20
    # A player asks for ranges.
    part = server.http.get(url + "/content", headers={"Range": "bytes=100-199"})
    assert part.status_code == 206 and part.content == (testdata / "video/hamilton.mp4").read_bytes()[100:200]
    assert part.headers["content-type"] == "video/mp4"


def test_the_original_routes_name_frame_and_time(server, testdata):
    media, = server.add(testdata / "video/hamilton.mp4")
    faces = server.http.get(f"/faces/{media['legacy_id']}").json()["faces"]
    assert len(faces) == media["face_count"]
    for face in faces:
        assert isinstance(face["frame_number"], int)
        assert abs((face["timestamp"] - HAMILTON.starts_at) * RATE - face["frame_number"]) <= 1
    photo = (testdata / "video/lin-manuel-miranda.png").read_bytes()
    result = server.http.post("/search", files={"file": ("q.png", photo)}).json()["results"][0]
    assert result["file_id"] == media["legacy_id"] and result["timestamp"] > 0 and result["frame_number"] > 0


def test_people_have_lanes_and_names_outlive_another_analysis(anywhere, testdata, tmp_path):
    server = anywhere
    obama, kit = testdata / "people/obama_1.jpg", testdata / "people/kit_1.jpeg"
    media, = server.add(make_video(tmp_path / "turns.mp4", obama, kit, obama, kit, seconds=2))
    found = appearances(server, media)
    lanes = [one["lane"] for one in found]
    assert lanes == [0, 1, 0, 1], found
    for one, start in zip(found, (0, 2000, 4000, 6000), strict=True):
        stay = one["face"]["appearance"]
        assert abs(stay["start_ms"] - start) <= 150 and abs(stay["end_ms"] - start - 2000) <= 150
    person = server.http.post("/v1/people", json={"name": "Barack"}).json()
    for one in (found[0], found[2]):
        server.http.patch(f"/v1/faces/{one['face']['id']}", json={"person_id": person["id"]})
    assert server.http.post(f"/v1/media/{media['id']}/reprocess").status_code == 202
    server.wait_idle()
    again = appearances(server, media)
    assert {one["face"]["id"] for one in again}.isdisjoint(one["face"]["id"] for one in found)
    assert [one["face"]["person_id"] == person["id"] for one in again] == [True, False, True, False]


def test_a_name_given_during_an_analysis_stays(server, testdata, tmp_path):
    media, = server.add(make_video(tmp_path / "long.mp4", testdata / "people/obama_1.jpg", seconds=120, rate=25, size="1280x720"))
    one, = appearances(server, media)
    person = server.http.post("/v1/people", json={"name": "Barack"}).json()
    server.http.post(f"/v1/media/{media['id']}/reprocess")
    while server.media(media["id"])["status"] == "pending":
        time.sleep(0.01)
    named = server.http.patch(f"/v1/faces/{one['face']['id']}", json={"person_id": person["id"]})
    assert named.status_code == 200 and server.media(media["id"])["status"] == "processing"
    server.wait_idle()
    again, = appearances(server, media)
    assert again["face"]["id"] != one["face"]["id"] and again["face"]["person_id"] == person["id"]


def test_damaged_and_odd_videos_end_in_words(server, testdata, tmp_path):
    def ends(path, name=None):
        media = upload(server, path, name)
        server.wait_idle()
        return server.http.get(f"/v1/media/{media['id']}").json()

    cut = ends(testdata / "video/hamilton_truncated.mp4")
    assert cut["status"] == "failed" or "ends early" in cut["note"], cut
    sound = tmp_path / "sound.mp4"
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "sine=duration=1", "-c:a", "aac", str(sound)], check=True)
    told = ends(sound)
    assert told["status"] == "failed" and "sound" in told["error"]["message"], told
    whole = (testdata / "video/hamilton.mp4").read_bytes()
    half = tmp_path / "half.mp4"
    half.write_bytes(whole[:40] + bytes(len(whole) // 2))
    broken = ends(half)
    assert broken["status"] == "failed" and broken["error"]["code"] in ("corrupt", "unsupported_media_type"), broken
    scenery = ends(make_video(tmp_path / "scenery.mp4", testdata / "noface/grass.jpg"))
    assert scenery["status"] == "completed" and scenery["face_count"] == 0 and scenery["duration_ms"] > 0
    for text in ("#EXTM3U\n#EXTINF:1,\n/etc/passwd\n", "ffconcat version 1.0\nfile /etc/passwd\n"):
        listing = server.http.post("/v1/media", files={"file": ("list.mp4", text.encode())})
        assert listing.status_code == 415, listing.text


def long_video(tmp_path, testdata, scenes=120):
    """Two people in turns, three seconds each: made once and joined, so that it takes seconds to make."""
    part = make_video(tmp_path / "part.mp4", testdata / "people/obama_1.jpg", testdata / "people/kit_1.jpeg", seconds=3)
    listing = tmp_path / "list.txt"
    listing.write_text(f"file '{part}'\n" * (scenes // 2))
    whole = tmp_path / "long.mp4"
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "concat", "-safe", "0", "-i", str(listing), "-c", "copy", str(whole)],
                   check=True)
    return whole


def spans(server, media):
    return [(one["face"]["appearance"]["start_ms"], one["face"]["appearance"]["end_ms"], one["lane"])
            for one in appearances(server, media)]


def test_a_killed_worker_goes_on_where_it_was(make_server, testdata, tmp_path):
    film = long_video(tmp_path, testdata)
    calm = make_server(data=tmp_path / "calm")
    whole, = calm.add(film)
    expected = spans(calm, whole)
    assert len(expected) == 120

    server = make_server()
    media = upload(server, film)
    kills = 0
    while kills < 3:
        with httpx.stream("GET", server.url + "/v1/events", timeout=60) as events:
            for line in events.iter_lines():
                if line.startswith("data:") and json.loads(line[5:]).get("done_ms", 0) > (kills + 1) * 60_000:
                    break
                if line.startswith("data:") and '"completed"' in line:
                    pytest.fail("it was over before it could be killed: a longer film is needed")
        server.kill()
        kills += 1
        server.start()
    server.wait_idle(seconds=300)
    done = server.http.get(f"/v1/media/{media['id']}").json()
    assert done["status"] == "completed", done
    assert spans(server, media) == expected
    assert (server.data / "server.log").read_text().count("video.resumed") >= kills - 1
    # What was kept to go on from is gone.
    assert server.stop() == 0
    import sqlite3
    with sqlite3.connect(server.data / "facet.db") as db:
        assert db.execute("SELECT count(*) FROM video_segments").fetchone() == (0,)


def test_progress_is_told_and_a_cancelled_analysis_ends_at_once(server, testdata, tmp_path):
    film = long_video(tmp_path, testdata, scenes=1200)
    told = []

    def listen():
        with httpx.stream("GET", server.url + "/v1/events", timeout=120) as events:
            kind = None
            for line in events.iter_lines():
                if line.startswith("event:"):
                    kind = line[6:].strip()
                if line.startswith("data:") and kind == "media.progress":
                    told.append(json.loads(line[5:]))

    threading.Thread(target=listen, daemon=True).start()
    media = upload(server, film)
    wait_for(lambda: len(told) >= 2)
    assert told[0]["id"] == media["id"] and told[0]["done_ms"] < told[1]["done_ms"] < told[1]["duration_ms"]
    assert abs(told[0]["duration_ms"] - 3_600_000) < 5000
    task = server.http.get(f"/v1/media/{media['id']}").json()["task_id"]
    asked = time.monotonic()
    assert server.http.post(f"/v1/tasks/{task}/cancel").status_code in (200, 202)
    wait_for(lambda: server.http.get(f"/v1/media/{media['id']}").json()["status"] not in ("pending", "processing"), 30)
    assert time.monotonic() - asked < 25, "a lease is renewed every 20 s, the analysis ends within a second of that"
    children = subprocess.run(["pgrep", "-P", str(server.process.pid), "ffmpeg"], capture_output=True, text=True)
    assert children.stdout == ""


def test_export_and_import_keep_appearances(server, make_server, facet, testdata, tmp_path):
    media, = server.add(testdata / "video/hamilton.mp4")
    facet("export", tmp_path / "a.tar", check=0)
    facet("import", tmp_path / "a.tar", data=tmp_path / "other", check=0)
    other = make_server(data=tmp_path / "other")
    assert settled(everything(other)) == settled(everything(server))
    assert appearances(other, media) == appearances(server, media)
    for one in appearances(other, media):
        assert other.http.get(f"/v1/faces/{one['face']['id']}/image").status_code == 200


def test_erasure_of_a_video_leaves_nothing(anywhere, testdata):
    server = anywhere
    media, = server.add(testdata / "video/hamilton.mp4")
    faces = [one["face"]["id"] for one in appearances(server, media)]
    receipt = server.http.post("/v1/erasures", json={"media_ids": [media["id"]]}).json()
    assert receipt["removed"]["faces"] == len(faces) and all(check["passed"] is not False for check in receipt["checks"])
    for path in (f"/v1/media/{media['id']}/appearances", f"/v1/media/{media['id']}/frame", *(f"/v1/faces/{face}/image" for face in faces)):
        assert server.http.get(path).status_code == 404
