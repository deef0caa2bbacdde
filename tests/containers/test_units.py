"""The systemd units, installed by the commands of docs/operator/systemd.md into the private root of the test."""

import os
import pathlib
import re

import pytest
from conftest import ROOT, run

UNITS = ["facet.service", "facet-web.service", "facet-watch.service", "facet-worker@8082.service"]


@pytest.fixture(scope="module")
def installed():
    """All but the program itself, for which a stand-in is there: systemd-analyze asks whether it exists."""
    page = (ROOT / "docs/operator/systemd.md").read_text()
    [install, _] = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    lines = [line for line in install.splitlines() if not line.startswith("cmake")]
    assert len(lines) == 6
    program = pathlib.Path("/usr/local/bin/facet")
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    run("sh", "-euc", "\n".join(lines), cwd=ROOT, env={**os.environ, "SYSTEMD_OFFLINE": "1"})


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_understands_the_unit(installed, unit):
    done = run("systemd-analyze", "verify", "--recursive-errors=no", "--man=no",
               f"/etc/systemd/system/{unit}")
    assert "facet" not in done.stderr, done.stderr


@pytest.mark.parametrize("unit", UNITS)
def test_the_unit_is_locked_down(installed, unit):
    run("systemd-analyze", "security", "--offline=true", "--threshold=20", f"/etc/systemd/system/{unit}")


def test_the_user_is_made(installed):
    assert run("id", "-un", "facet").stdout == "facet\n"
