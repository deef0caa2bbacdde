"""The web page, in a real browser, served by the real program."""

import json
import os
import pathlib
import shutil
import subprocess

import pytest
from conftest import ROOT, WEB

CHROMIUM = os.environ.get("FACET_CHROMIUM", "/usr/bin/chromium")


@pytest.mark.skipif(not WEB.is_dir(), reason="web/dist is not built: ./dev build")
@pytest.mark.skipif(not pathlib.Path(CHROMIUM).exists(), reason="no Chromium: set FACET_CHROMIUM")
@pytest.mark.skipif(not shutil.which("node"), reason="no node")
def test_photos_are_added_searched_and_deleted_in_the_browser(server, testdata, tmp_path):
    people = testdata / "people"
    pictures = [people / name for name in (
        "obama_1.jpg", "biden_1.jpg", "obama_2.jpg", "obama_and_biden_1.jpg")]
    shots = os.environ.get("FACET_SCREENSHOTS", "")
    if shots:
        pathlib.Path(shots).mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["node", "web/e2e/run.mjs"], cwd=ROOT, capture_output=True, text=True, timeout=240,
        env={**os.environ, "FACET_URL": server.url, "FACET_SCREENSHOTS": shots,
             "FACET_CHROMIUM": CHROMIUM, "HOME": str(tmp_path),
             "FACET_PICTURES": json.dumps([str(picture) for picture in pictures])})
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert server.http.get("/v1/stats").json()["media"]["total"] == 1
