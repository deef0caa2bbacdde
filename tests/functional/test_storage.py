"""Originals and face pictures in object storage instead of the data folder."""

import os
import pathlib
import subprocess

import pytest
from conftest import ROOT

PYTHON = os.environ.get("FACET_TEST_S3_PYTHON", "")
KEY, SECRET, BUCKET = "FUNCTIONALKEY", "a secret/of+the test", "photos"
LIST = """
import boto3, sys
s3 = boto3.client("s3", endpoint_url=sys.argv[1], aws_access_key_id=sys.argv[2],
                  aws_secret_access_key=sys.argv[3], region_name="eu-test-1")
for item in s3.list_objects_v2(Bucket=sys.argv[4]).get("Contents", []):
    print(item["Key"])
"""


class Storage:
    def __init__(self):
        self.process = subprocess.Popen(
            [PYTHON, ROOT / "tests/servers/s3_server.py", KEY, SECRET, BUCKET], stdout=subprocess.PIPE, text=True)
        self.url = f"http://127.0.0.1:{int(self.process.stdout.readline())}"

    def keys(self):
        """As Amazon's own client sees them."""
        listed = subprocess.run([PYTHON, "-c", LIST, self.url, KEY, SECRET, BUCKET],
                                capture_output=True, text=True, check=True)
        return listed.stdout.split()

    def settings(self, **others):
        values = {"url": f"s3://{BUCKET}/facet", "endpoint": self.url, "region": "eu-test-1",
                  "access_key_id": KEY, "secret_access_key": SECRET, **others}
        return [word for name, value in values.items() for word in ("-s", f"storage.{name}={value}")]


@pytest.fixture
def storage():
    if not pathlib.Path(PYTHON).is_file():
        pytest.skip("no S3 server: FACET_TEST_S3_PYTHON is not set (./dev test sets it up)")
    storage = Storage()
    yield storage
    storage.process.kill()
    storage.process.wait()


def test_a_library_lives_in_a_bucket(make_server, storage, testdata):
    picture = testdata / "people/obama_1.jpg"
    server = make_server(*storage.settings())
    [media] = server.add(picture)
    assert media["status"] == "completed" and media["face_count"] == 1
    kinds = sorted(key.split("/")[1] for key in storage.keys())
    assert kinds == ["faces", "raw"]
    assert not (server.data / "raw").exists()

    content = server.http.get(f"/v1/media/{media['id']}/content")
    assert content.content == picture.read_bytes()
    part = server.http.get(f"/v1/media/{media['id']}/content", headers={"Range": "bytes=10-19"})
    assert part.status_code == 206 and part.content == picture.read_bytes()[10:20]
    [face] = server.http.get(f"/v1/media/{media['id']}/faces").json()["items"]
    assert server.http.get(f"/v1/faces/{face['id']}/image").status_code == 200
    assert server.http.get(f"/v1/media/{media['id']}/thumbnail").status_code == 200
    assert server.http.get("/v1/health").json()["checks"]["objects"]["ok"]

    assert server.http.delete(f"/v1/media/{media['id']}").status_code == 204
    assert storage.keys() == []
    server.stop()
    assert SECRET not in (server.data / "server.log").read_text()


def test_a_wrong_key_stops_the_start_and_is_named(facet, storage):
    done = facet("stats", *storage.settings(secret_access_key="another secret"))
    assert done.returncode != 0
    assert "refuses the key: SignatureDoesNotMatch" in done.stderr
    assert "another secret" not in done.stdout + done.stderr
