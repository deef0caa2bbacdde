"""The web page, in a real browser, served by the real program. The flows are web/e2e/flows/*.mjs."""

import os
import pathlib
import shutil
import subprocess

import pytest
from access import setup_code
from conftest import ROOT, WEB

CHROMIUM = os.environ.get("FACET_CHROMIUM", "/usr/bin/chromium")
SHOTS = os.environ.get("FACET_SCREENSHOTS", "")

pytestmark = [
    pytest.mark.skipif(not WEB.is_dir(), reason="web/dist is not built: ./dev build"),
    pytest.mark.skipif(not pathlib.Path(CHROMIUM).exists(), reason="no Chromium: set FACET_CHROMIUM"),
    pytest.mark.skipif(not shutil.which("node"), reason="no node"),
]


@pytest.fixture
def play(testdata, tmp_path):
    """Plays one flow before a server."""

    def run(flow, server, seconds=300, **environment):
        done = subprocess.run(
            ["node", "web/e2e/run.mjs", flow], cwd=ROOT, capture_output=True, text=True, timeout=seconds,
            env={**os.environ, "FACET_URL": server.url, "FACET_CHROMIUM": CHROMIUM, "HOME": str(tmp_path),
                 "FACET_TESTDATA": str(testdata), **environment})
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-8000:]
        print(done.stdout)

    return run


def test_two_hundred_files_are_uploaded_filtered_and_deleted(play, anywhere):
    play("library", anywhere, seconds=600)


def test_a_face_is_searched_each_way(play, anywhere):
    play("search", anywhere)


def test_a_picture_shows_its_faces(play, anywhere):
    play("media", anywhere)


def test_a_video_shows_who_is_on_screen_when(play, server):
    play("video", server, seconds=900)


def test_tasks_are_shown_and_run_again(play, anywhere):
    play("tasks", anywhere)


def test_scripts_in_names_and_pictures_are_shown_and_not_run(play, server):
    play("hostile", server)


def test_errors_are_told_and_got_over(play, server):
    play("errors", server)


def test_the_keyboard_is_enough(play, server):
    play("keyboard", server)


def test_every_page_in_both_languages_and_themes(play, server):
    play("looks", server, seconds=600)


def test_an_open_server_is_closed_by_its_first_user(play, server):
    play("setup", server)


def test_first_run_login_keys_rights_erasure_and_audit(play, make_anywhere):
    server = make_anywhere("-s", "server.login=true")
    play("access", server, FACET_SETUP_CODE=setup_code(server))


def test_collections_webhooks_cache_and_docs(play, make_anywhere):
    play("system", make_anywhere("-s", "fetch.private_addresses=true"))


@pytest.mark.skipif(not SHOTS, reason="FACET_SCREENSHOTS names no folder for the pictures of the documentation")
def test_pictures_for_the_documentation(play, server):
    play("shots", server)
    for picture in pathlib.Path(SHOTS).glob("*.png"):
        small = picture.with_suffix(".small.png")
        subprocess.run(["vips", "copy", picture, f"{small}[palette,Q=95,compression=9]"], check=True, timeout=60)
        small.replace(picture)
