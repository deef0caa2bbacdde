"""Every way to ask, and what narrows the answer."""

import io
import math
import subprocess

import pytest


def names(answer):
    assert answer.status_code == 200, answer.text
    return [hit["media"]["filename"] for hit in answer.json()["results"]]


def ask(server, **body):
    return server.http.post("/v1/search", json=body)


@pytest.fixture
def library(server, testdata):
    server.add(*[testdata / "people" / name for name in ("obama_1.jpg", "obama_2.jpg", "biden_1.jpg")])
    return server


def face_of(server, filename):
    [media] = server.http.get("/v1/media", params={"q": filename}).json()["items"]
    return server.http.get(f"/v1/media/{media['id']}/faces").json()["items"][0]


def test_by_face_by_vector_and_by_photo_is_the_same_question(library, testdata):
    face = face_of(library, "obama_1.jpg")
    by_face = ask(library, face_id=face["id"])
    assert names(by_face) == ["obama_2.jpg"]
    stored = library.http.get(f"/v1/faces/{face['id']}/embedding").json()
    assert math.isclose(sum(x * x for x in stored["embedding"]), 1, rel_tol=1e-4)
    by_vector = ask(library, embedding=stored["embedding"])
    assert names(by_vector) == ["obama_1.jpg", "obama_2.jpg"]
    assert by_vector.json()["results"][0]["cosine"] == pytest.approx(1, abs=1e-4)
    longer = ask(library, embedding=[3 * x for x in stored["embedding"]])
    assert [hit["cosine"] for hit in longer.json()["results"]] == pytest.approx(
        [hit["cosine"] for hit in by_vector.json()["results"]], abs=1e-4)
    by_photo = library.search(testdata / "people/obama_1.jpg")
    assert names(by_photo) == names(by_vector)
    assert by_face.json()["results"][0]["cosine"] == pytest.approx(by_photo.json()["results"][1]["cosine"], abs=1e-3)


def test_thresholds_in_words_and_numbers(library):
    face = face_of(library, "obama_1.jpg")["id"]
    counts = {level: len(names(ask(library, face_id=face, match=level))) for level in ("match", "likely", "weak")}
    assert counts["match"] <= counts["likely"] <= counts["weak"]
    answer = ask(library, face_id=face, threshold=-1)
    assert len(names(answer)) == 2 and answer.json()["thresholds"]["used"] == -1
    cosines = {hit["media"]["filename"]: hit["cosine"] for hit in answer.json()["results"]}
    assert names(ask(library, face_id=face, threshold=cosines["obama_2.jpg"] - 1e-5)) == ["obama_2.jpg"]
    assert names(ask(library, face_id=face, threshold=1)) == []
    assert len(names(ask(library, face_id=face, threshold=-1, limit=1))) == 1


def test_a_box_chooses_a_face_of_the_photo(library, testdata):
    both = testdata / "people/obama_and_biden_1.jpg"
    faces = library.search(both).json()["query"]["faces"]
    for face in faces:
        part = face["box"]["normalized"]
        box = ",".join(str(max(0, part[side])) for side in ("left", "top", "width", "height"))
        answer = library.search(both, box=box).json()
        assert [one["searched"] for one in answer["query"]["faces"]] == [one["index"] == face["index"] for one in faces]
    nobody = library.search(both, box="0,0,0.01,0.01")
    assert nobody.status_code == 422 and nobody.json()["error"]["code"] == "face_not_found"
    for bad in ("1,2", "a,b,c,d", "0,0,1,1.5", "0,0,1,1,1", "0,0,1,"):
        assert library.search(both, box=bad).status_code == 400, bad


def test_answers_are_narrowed(library, testdata):
    face = face_of(library, "obama_1.jpg")["id"]
    everything = {"face_id": face, "threshold": -1}
    assert len(names(ask(library, **everything))) == 2
    assert names(ask(library, **everything, media_type="video")) == []
    assert names(ask(library, **everything, taken_to="2000-01-01T00:00:00Z")) == []
    assert len(names(ask(library, **everything, taken_from="2000-01-01T00:00:00Z"))) == 2
    assert names(ask(library, **everything, path="/nowhere")) == []
    assert names(ask(library, **everything, min_quality=1)) == []
    assert len(names(ask(library, **everything, min_quality=0.01))) == 2


@pytest.mark.parametrize("body", [
    {}, {"face_id": "x"}, {"embedding": []}, {"embedding": [0] * 512}, {"embedding": ["a"] * 512},
    {"embedding": [1e300] * 512}, {"embedding": [1] * 511}, {"surprise": 1}, {"face_id": ["a"]}])
def test_wrong_questions_are_refused(server, body):
    assert ask(server, **body).status_code == 400


def test_wrong_fields_are_refused(library):
    face = face_of(library, "obama_1.jpg")["id"]
    for wrong in ({"limit": 0}, {"limit": 1001}, {"limit": "x"}, {"threshold": 2}, {"threshold": "nan"},
                  {"match": "sure"}, {"match": "weak", "threshold": 0}, {"collapse": "all"}, {"min_quality": 2},
                  {"face": "largest", "box": "0,0,1,1"}, {"embedding": [1] * 512}):
        assert ask(library, face_id=face, **wrong).status_code == 400, wrong
    assert ask(library, face_id="0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b").status_code == 404
    assert ask(library, face_id=face, person_id="0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b").status_code == 404


def test_copies_of_a_picture_collapse_into_the_best(server, testdata, tmp_path):
    original = testdata / "people/obama_1.jpg"
    copies = [tmp_path / "half.jpg", tmp_path / "poor.jpg"]
    subprocess.run(["vips", "resize", original, f"{copies[0]}[Q=80]", "0.7"], check=True, capture_output=True)
    subprocess.run(["vips", "copy", original, f"{copies[1]}[Q=35]"], check=True, capture_output=True)
    server.add(original, *copies, testdata / "people/obama_2.jpg")
    plain = server.search(original).json()["results"]
    assert len(plain) == 4 and {hit["duplicates"] for hit in plain} == {0}
    collapsed = server.search(original, collapse="near_duplicates").json()["results"]
    assert sorted((hit["media"]["filename"], hit["duplicates"]) for hit in collapsed) == [
        ("obama_1.jpg", 2), ("obama_2.jpg", 0)]


def test_a_saved_search_is_done_again_and_again(library, testdata):
    answer = library.search(testdata / "people/obama_1.jpg", save_as="the president", limit=1)
    saved = answer.json()["saved"]
    assert saved["name"] == "the president" and len(names(answer)) == 1
    assert library.http.get("/v1/searches").json()["items"] == [saved]
    again = library.http.get(f"/v1/searches/{saved['id']}")
    assert names(again) == names(answer) and again.json()["saved"] == saved
    [media] = library.http.get("/v1/media", params={"q": names(answer)[0]}).json()["items"]
    assert library.http.delete(f"/v1/media/{media['id']}").status_code == 204
    assert names(library.http.get(f"/v1/searches/{saved['id']}")) != names(answer), "it is asked anew"
    assert library.http.delete(f"/v1/searches/{saved['id']}").status_code == 204
    assert library.http.get(f"/v1/searches/{saved['id']}").status_code == 404
    assert library.http.get("/v1/searches").json()["items"] == []
    assert library.search(testdata / "people/obama_1.jpg", save_as="x" * 201).status_code == 400


def test_nothing_of_a_query_stays(server, testdata):
    server.search(testdata / "people/obama_1.jpg")
    server.stop()
    photo = (testdata / "people/obama_1.jpg").read_bytes()[2000:2064]
    for file in server.data.rglob("*"):
        assert not file.is_file() or photo not in file.read_bytes(), file


def test_two_photos_or_faces_are_compared(library, testdata):
    def verify(source, target):
        return library.http.post("/v1/verify", files={
            "source": (source.name, source.read_bytes()), "target": (target.name, target.read_bytes())})

    people = testdata / "people"
    same = verify(people / "obama_1.jpg", people / "obama_2.jpg").json()
    other = verify(people / "obama_1.jpg", people / "biden_1.jpg").json()
    assert same["same_person"] and same["match"] == "match" and not other["same_person"]
    assert same["cosine"] > other["cosine"]
    assert same["source"]["box"]["pixels"]["width"] > 0
    stored = library.http.post("/v1/verify", json={"source_face_id": face_of(library, "obama_1.jpg")["id"],
                                                   "target_face_id": face_of(library, "obama_2.jpg")["id"]}).json()
    assert stored["cosine"] == pytest.approx(same["cosine"], abs=1e-3) and stored["source"] is None
    nobody = verify(people / "obama_1.jpg", next((testdata / "noface").iterdir()))
    assert nobody.status_code == 422 and nobody.json()["error"]["code"] == "face_not_found"
    assert "target" in nobody.json()["error"]["message"]
    alone = library.http.post("/v1/verify", files={"source": ("a", (people / "obama_1.jpg").read_bytes())})
    assert alone.status_code == 400
    assert library.http.post("/v1/verify", json={"source_face_id": "x", "target_face_id": "y"}).status_code == 400
    gone = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"
    assert library.http.post("/v1/verify", json={"source_face_id": gone, "target_face_id": gone}).status_code == 404


def test_a_picture_is_looked_at_and_forgotten(server, testdata):
    def detect(path, **fields):
        return server.http.post("/v1/detect", files={"image": (path.name, io.BytesIO(path.read_bytes()))}, data=fields)

    both = detect(testdata / "people/obama_and_biden_1.jpg", embeddings="true").json()
    assert len(both["faces"]) == 2
    areas = [one["box"]["pixels"]["width"] * one["box"]["pixels"]["height"] for one in both["faces"]]
    assert areas == sorted(areas, reverse=True) and len(both["faces"][0]["embedding"]) == 512
    assert "embedding" not in detect(testdata / "people/obama_1.jpg").json()["faces"][0]
    assert detect(next((testdata / "noface").iterdir())).json()["faces"] == []
    assert server.http.get("/v1/stats").json()["media"]["total"] == 0
    assert detect(testdata / "people/obama_1.jpg", embeddings="yes").status_code == 400
    assert server.http.post("/v1/detect", files={"image": ("a.jpg", b"text")}).status_code == 415
    assert server.http.post("/v1/detect", data={"embeddings": "true"}).status_code in (400, 415)
    assert server.http.post("/v1/detect", files={"picture": ("a.jpg", b"text")}).status_code == 400


def test_answers_are_not_sent_twice(library):
    first = library.http.get("/v1/media")
    again = library.http.get("/v1/media", headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304 and again.content == b""
    face = face_of(library, "obama_1.jpg")
    library.http.delete(f"/v1/faces/{face['id']}")
    assert library.http.get("/v1/media", headers={"if-none-match": first.headers["etag"]}).status_code == 200
