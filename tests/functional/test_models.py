"""Model packs by hand, without a network: docs/models.md."""

import os
import shutil
import subprocess

import pytest
from conftest import FACET, starter_pack


@pytest.fixture
def by_hand(tmp_path):
    """Runs facet models on an own folder, where no client of a registry is found."""
    weights = starter_pack()
    if weights is None:
        pytest.skip("no starter pack: set FACET_STARTER_PACK")
    folder = tmp_path / "models"
    (folder / "starter").mkdir(parents=True)
    for file in weights.glob("*.onnx"):
        shutil.copy(file, folder / "starter")

    def run(*arguments):
        return subprocess.run(
            [FACET, "--models", folder, "models", *arguments], capture_output=True, text=True,
            timeout=60, env={**os.environ, "PATH": "/nonexistent"})

    return folder, run


def test_right_files_become_a_pack_without_a_download(by_hand):
    folder, run = by_hand
    done = run("fetch", "starter")
    assert done.returncode == 0, done.stderr
    assert (folder / "starter/pack.toml").exists()
    assert run("verify", "starter").returncode == 0
    assert "active" in [line for line in run("list").stdout.splitlines() if line.startswith("starter")][0]


def test_wrong_files_do_not(by_hand):
    folder, run = by_hand
    with open(folder / "starter/fr_detect.onnx", "r+b") as file:
        file.write(b"x")
    done = run("fetch", "starter")
    assert done.returncode == 1 and "npm" in done.stderr, "it wants to download the right one"
    assert not (folder / "starter/pack.toml").exists()
    assert run("use", "starter").returncode == 1
