"""The pages of docs that repeat what the program says."""

import re
import subprocess

from conftest import FACET, ROOT


def help_of(*command):
    return subprocess.run([FACET, *command, "--help"], capture_output=True, text=True, timeout=30,
                          check=True).stdout


def commands_and_options(*command):
    """(commands, options) of this command and all below it."""
    text = help_of(*command)
    options = set(re.findall(r"(?<!\w)--[a-z][a-z-]*", text)) - {"--help"}
    commands = set()
    below = text.split("Subcommands:")[1] if "Subcommands:" in text else ""
    for name in re.findall(r"^  ([a-z]+)", below, re.MULTILINE):
        more_commands, more_options = commands_and_options(*command, name)
        commands |= {name, *more_commands}
        options |= more_options
    return commands, options


def test_the_page_of_the_command_line_names_every_command_and_option_and_no_other():
    commands, options = commands_and_options()
    page = (ROOT / "docs/user/cli.md").read_text()
    assert {"serve", "fetch"} <= commands and "--threshold" in options
    assert set(re.findall(r"(?<!\w)--[a-z][a-z-]*", page)) == options
    assert sorted(name for name in commands if not re.search(rf"\b{name}\b", page)) == []


def test_the_settings_page_is_the_one_the_program_prints():
    printed = subprocess.run([FACET, "config", "--reference"], capture_output=True, text=True,
                             timeout=30, check=True).stdout
    page = (ROOT / "docs/operator/settings.md").read_text()
    assert page == printed, "facet config --reference > docs/operator/settings.md"
