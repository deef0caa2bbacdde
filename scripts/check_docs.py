#!/usr/bin/env python3
"""Checks that what the documents and comments point at exists: links of Markdown files, and paths of
files of this checkout wherever they are named."""

import pathlib
import re
import subprocess
import sys

LINK = re.compile(r"\]\(([^)#\s]+)(#[^)\s]*)?\)")
NAMED = re.compile(r"(?<![\w./-])((?:bench|cmake|deploy|docs|scripts|src|tests|web)/[\w./-]*\w\.(?:cpp|hpp|json|md|mjs|py|sh|supp|toml|tsx?|txt))\b")
READ = (".md", ".cpp", ".hpp", ".py", ".sh", ".ts", ".tsx", ".mjs", ".txt", ".toml")


def main():
    root = pathlib.Path(__file__).resolve().parents[1]
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=root, check=True,
                            capture_output=True, text=True).stdout.split("\n")
    wrong = []
    for name in filter(None, listed):
        file = root / name
        if file.suffix not in READ or not file.is_file():
            continue
        for number, line in enumerate(file.read_text().split("\n"), 1):
            missing = [path for path in NAMED.findall(line) if not (root / path).exists()]
            if file.suffix == ".md":
                missing += [link for link, _ in LINK.findall(line)
                            if "://" not in link and not (file.parent / link).exists()]
            wrong += [f"{name}:{number}: there is no {path}" for path in missing]
    print("\n".join(wrong), end="\n" if wrong else "")
    return 1 if wrong else 0


sys.exit(main())
