"""facet export and facet import with the real binary: nothing is lost, and what is damaged changes nothing."""

import json
import subprocess
import threading

import archives
import pytest
from archives import everything, members, settled
from conftest import FACET, Server


@pytest.fixture(scope="module")
def library(tmp_path_factory, models, testdata):
    """An instance with a bit of everything; what it holds, and its archive."""
    folder = tmp_path_factory.mktemp("library")
    server = Server(folder / "data", models)
    server.data.mkdir()
    server.start()
    http = server.http
    people = testdata / "people"
    server.add(people / "obama_1.jpg", people / "obama_and_biden_1.jpg", people / "biden_1.jpg",
               testdata / "formats/einstein.png", sorted((testdata / "noface").glob("*.*"))[0])
    http.post("/v1/collections", json={"name": "family", "title": "Ünsere Familie", "retention_days": 30_000})
    for photo in (people / "rose_1.jpg", people / "obama_1.jpg"):  # the second is in both collections
        http.post("/v1/media", params={"collection": "family"}, files=[("file", (photo.name, photo.read_bytes()))])
    server.upload(testdata / "corrupt/png_bomb_40000x40000.png")
    server.wait_idle()
    faces = list(archives.pages(http, "/v1/faces"))
    for collection in ("default", "family"):
        ours = [face for face in faces if face["collection"] == collection]
        for name, face in zip(("Анна", "Анна", "Bob"), ours):  # two people of one name
            person = http.post("/v1/people", json={"name": name, "collection": collection})
            http.patch(f"/v1/faces/{face['id']}", json={"person_id": person.json()["id"]})
    server.search(people / "obama_2.jpg", save_as="him", threshold=0.3)
    server.search(people / "rose_2.jpg", save_as="her")
    held = everything(server)
    assert len(held["people"]) >= 4 and len(held["searches"]) == 2
    archive = folder / "library.tar"
    subprocess.run([FACET, "--data", server.data, "--models", models, "export", archive], check=True, timeout=120)
    yield type("Library", (), {"server": server, "held": held, "archive": archive, "data": server.data})
    server.stop()


def test_a_library_comes_back_whole(library, facet, make_server, tmp_path):
    report = json.loads(facet("import", library.archive, "--json", check=0).stdout)
    assert report["media"] == len(library.held["media"]) and report["known"] == 0
    assert report["faces"] == len(library.held["faces"])
    assert report["people"] == len(library.held["people"]) and report["searches"] == 2
    assert report["queued"] == 1, "what had failed is tried again"
    server = make_server()
    server.wait_idle()
    before, failed = settled(library.held)
    after, failed_again = settled(everything(server))
    assert failed == failed_again
    for what in before:
        assert after[what] == before[what], what
    face = before["faces"][0]
    found = server.http.post("/v1/search", json={"embedding": face["vector"], "limit": 2}).json()["results"]
    assert face["id"] in {hit["face"]["id"] for hit in found}, "one photo is there twice"
    for search in before["searches"]:
        theirs, ours = (one.http.get(f"/v1/searches/{search['id']}").json()["results"] for one in (library.server, server))
        assert [hit["face"] for hit in ours] == [hit["face"] for hit in theirs]

    again = json.loads(facet("import", library.archive, "--json", check=0).stdout)
    assert (again["media"], again["people"], again["searches"]) == (0, 0, 0)
    assert again["known"] == len(library.held["media"])
    assert settled(everything(server))[0] == after


def test_any_tool_opens_it(library, tmp_path):
    subprocess.run(["tar", "-xf", library.archive, "-C", tmp_path], check=True)
    checked = subprocess.run(["sha256sum", "--strict", "-c", "checksums.sha256"], cwd=tmp_path, capture_output=True)
    assert checked.returncode == 0, checked.stdout
    listed = [name for name, _ in members(library.archive)]
    assert listed[:5] == ["facet.json", "collections.jsonl", "people.jsonl", "searches.jsonl", "settings.json"]
    assert listed[-1] == "checksums.sha256" and len(set(listed)) == len(listed)
    head = json.loads((tmp_path / "facet.json").read_text())
    assert head["counts"] == {"media": len(library.held["media"]), "faces": len(library.held["faces"])}
    originals = {one["sha256"] for one in library.held["media"]}
    assert {path.stem for path in (tmp_path / "originals").iterdir()} == originals
    assert (tmp_path / "vectors/000001.f32").stat().st_size == 2048 * len(library.held["faces"])


def test_secrets_stay_out(facet, tmp_path):
    secret = "s3cr3t-of-the-bucket"
    facet("-s", f"storage.secret_access_key={secret}", "export", tmp_path / "a.tar", check=0)
    assert secret not in (tmp_path / "a.tar").read_bytes().decode("latin-1")
    assert dict(members(tmp_path / "a.tar"))["settings.json"]
    assert (tmp_path / "a.tar").stat().st_mode & 0o077 == 0, "nobody else reads it"


def test_into_an_instance_that_has_data(library, facet, make_server, testdata):
    server = make_server()
    people = testdata / "people"
    own, same = server.add(people / "kit_1.jpeg", people / "biden_1.jpg")
    person = server.http.post("/v1/people", json={"name": "Bob"}).json()
    face = server.http.get(f"/v1/media/{same['id']}/faces").json()["items"][0]
    before = everything(server)
    trial = json.loads(facet("import", library.archive, "--dry-run", "--json", check=0).stdout)
    assert everything(server) == before, "a trial changes nothing"
    report = json.loads(facet("import", library.archive, "--json", check=0).stdout)
    assert {**report, "dry_run": True, "without_original": 0} == trial
    assert report["known"] == 1 and report["media"] == len(library.held["media"]) - 1
    server.wait_idle()
    after = everything(server)
    kept = {one["id"]: one for one in after["media"]}
    assert kept[own["id"]]["sha256"] == own["sha256"] and kept[same["id"]]["sha256"] == same["sha256"]
    assert face["id"] in {one["id"] for one in after["faces"]}
    theirs = {one["id"] for one in library.held["media"] if one["sha256"] != same["sha256"]
              or one["collection"] != same["collection"]}
    assert set(kept) == theirs | {own["id"], same["id"]}
    bobs = [one for one in after["people"] if one["name"] == "Bob" and one["collection"] == "default"]
    assert [one["id"] for one in bobs] == [person["id"]], "the one who was there already"
    # The running server finds imported faces at once.
    imported = next(one for one in library.held["faces"] if one["media_id"] in theirs)
    found = server.http.post("/v1/search", json={"embedding": imported["vector"], "limit": 3}).json()["results"]
    assert imported["id"] in {hit["face"]["id"] for hit in found}


def test_into_a_collection_of_its_own(library, facet, make_server):
    facet("import", library.archive, check=0)
    report = json.loads(facet("import", library.archive, "--into", "copy", "--json", check=0).stdout)
    distinct = {one["sha256"] for one in library.held["media"]}
    assert report["media"] == len(distinct)
    assert report["known"] == len(library.held["media"]) - len(distinct)
    server = make_server()
    server.wait_idle()
    copies = list(archives.pages(server.http, "/v1/media", collection="copy"))
    assert {one["sha256"] for one in copies} == distinct
    assert not {one["id"] for one in copies} & {one["id"] for one in library.held["media"]}
    again = json.loads(facet("import", library.archive, "--into", "copy", "--json", check=0).stdout)
    assert (again["media"], again["people"]) == (0, 0)
    facet("import", library.archive, "--into", "No Name", check=2)


def test_some_collections_only(library, facet, tmp_path, models):
    archive = tmp_path / "family.tar"
    facet("export", archive, "--collection", "family", data=library.data, check=0)
    parts = dict(members(archive))
    assert [json.loads(one)["name"] for one in parts["collections.jsonl"].splitlines()] == ["family"]
    assert len(parts["media/000001.jsonl"].splitlines()) == 2
    assert {json.loads(one)["collection"] for one in parts["people.jsonl"].splitlines()} == {"family"}
    assert parts["searches.jsonl"] == b"", "they are of the whole library"
    report = json.loads(facet("import", archive, "--json", check=0).stdout)
    assert report["media"] == 2
    unknown = facet("export", tmp_path / "x.tar", "--collection", "nobody", data=library.data, check=1)
    assert "nobody" in unknown.stderr
    assert not list(tmp_path.glob("x.tar*"))


def test_from_sqlite_to_postgres_and_back(library, servers, facet, make_server, tmp_path, models):
    database, redis = servers
    environment = {"DATABASE_URL": database, "REDIS_URL": redis.url}
    there = ["-s", f"database.url={database}", "-s", f"redis.url={redis.url}"]
    report = json.loads(facet(*there, "import", library.archive, "--json", data=tmp_path / "there", check=0).stdout)
    assert report["media"] == len(library.held["media"])
    server = make_server(data=tmp_path / "there", environment=environment)
    server.wait_idle()
    before, _ = settled(library.held)
    after, _ = settled(everything(server))
    for what in before:
        assert after[what] == before[what], what
    facet(*there, "export", tmp_path / "back.tar", data=tmp_path / "there", check=0)
    facet("import", tmp_path / "back.tar", check=0)
    back = make_server()
    back.wait_idle()
    assert settled(everything(back))[0] == before


def test_without_originals(library, facet, make_server, tmp_path):
    archive = tmp_path / "rows.tar"
    facet("export", archive, "--without-originals", data=library.data, check=0)
    assert not [name for name, _ in members(archive) if name.startswith("originals/")]
    report = json.loads(facet("import", archive, "--json", check=4).stdout)
    assert report["left_out"] == 1, "what is to be analysed needs its original"
    assert report["without_original"] == report["media"] == len(library.held["media"]) - 1
    server = make_server()
    after = everything(server)
    assert [one["vector"] for one in after["faces"]] == [one["vector"] for one in library.held["faces"]]
    assert {one["content"] for one in after["media"]} == {None}


def test_while_serving_and_uploading(make_server, facet, testdata, tmp_path):
    server = make_server()
    photos = sorted((testdata / "lfw").rglob("*.jpg"))[:60]
    server.add(*photos[:5])
    done = threading.Event()

    def upload():
        for photo in photos[5:]:
            server.upload(photo)
            if done.is_set():
                return

    uploader = threading.Thread(target=upload)
    uploader.start()
    reports = []
    for number in range(3):
        archive = tmp_path / f"{number}.tar"
        reports.append(json.loads(facet("export", archive, "--json", check=0).stdout))
        trial = facet("import", archive, "--json", data=tmp_path / f"copy{number}", check=0)
        assert json.loads(trial.stdout)["media"] == reports[-1]["media"]
    done.set()
    uploader.join()
    counts = [one["media"] for one in reports]
    assert counts == sorted(counts) and counts[0] >= 5
    assert all(one["without_original"] == [] for one in reports)


def test_standard_output(library, models, tmp_path):
    piped = subprocess.run([FACET, "--data", library.data, "--models", models, "export", "-"],
                           capture_output=True, timeout=120)
    assert piped.returncode == 0
    (tmp_path / "piped.tar").write_bytes(piped.stdout)
    names = [name for name, _ in members(library.archive)]
    assert [name for name, _ in members(tmp_path / "piped.tar")] == names
    assert b"originals" in piped.stderr


def test_what_is_lost_on_the_disk_is_named(facet, testdata, tmp_path):
    facet("ingest", testdata / "people/obama_1.jpg", testdata / "people/rose_1.jpg", check=0)
    originals = sorted((tmp_path / "data/raw").rglob("*.jpg"))
    originals[0].unlink()
    originals[1].chmod(0o600)
    originals[1].write_bytes(b"x" + originals[1].read_bytes()[1:])
    report = json.loads(facet("export", tmp_path / "a.tar", "--json", check=4).stdout)
    assert len(report["without_original"]) == 2 and report["originals"] == 0
    taken = json.loads(facet("import", tmp_path / "a.tar", "--json", data=tmp_path / "other", check=0).stdout)
    assert taken["media"] == taken["without_original"] == 2
