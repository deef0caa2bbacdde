#!/usr/bin/env python3
"""Runs clang-tidy on the sources under src/ and remembers which were clean.

A source is skipped when a run was clean with the same clang-tidy, .clang-tidy, compile command and
content of the source and of every project header it includes (ninja knows those from the build).
Tests are left out: GoogleTest's macros are most of the cost and all of the noise.
"""

import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def sources(build):
    """(source, object, compile command) of each translation unit to check."""
    commands = build / "compile_commands.json"
    for entry in json.loads(commands.read_text()) if commands.exists() else []:
        path = pathlib.Path(entry["file"])
        if path.is_relative_to(ROOT / "src") and not re.search(r"_(test|bench)$", path.stem):
            yield path, entry["output"], entry["command"]


def project_headers(build):
    """object -> files of the checkout it was compiled from, according to the build."""
    listing = subprocess.run(["ninja", "-C", build, "-t", "deps"], check=True, capture_output=True, text=True).stdout
    deps, current = {}, None
    for line in listing.splitlines():
        if line.startswith("    "):
            path = (build / line.strip()).resolve()
            if path.is_relative_to(ROOT):
                current.append(path)
        elif ": #deps" in line:
            current = deps.setdefault(line.split(": #deps")[0], [])
    return deps


def fingerprint(tool, command, files):
    digest = hashlib.sha256(tool)
    digest.update(command.replace(str(ROOT), "").encode())
    for path in sorted(set(files)):
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def check(binary, build, path, mark):
    run = subprocess.run(
        [binary, "--quiet", "--extra-arg=-Wno-unknown-warning-option", "-p", build, path], capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    if run.returncode == 0:
        mark.touch()
        return None
    return run.stdout + (run.stderr if not run.stdout else "")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, required=True, help="build tree with compile_commands.json")
    parser.add_argument("--cache", type=pathlib.Path, required=True, help="where clean results are remembered")
    parser.add_argument("--binary", default="clang-tidy")
    parser.add_argument("paths", nargs="*", help="only sources whose path contains one of these")
    args = parser.parse_args()
    build = args.build.resolve()
    args.cache.mkdir(parents=True, exist_ok=True)

    version = subprocess.run([args.binary, "--version"], check=True, capture_output=True).stdout
    tool = version + (ROOT / ".clang-tidy").read_bytes()
    headers = project_headers(build)
    todo, clean = [], 0
    for path, output, command in sources(build):
        if args.paths and not any(part in str(path) for part in args.paths):
            continue
        mark = args.cache / fingerprint(tool, command, [path, *headers.get(output, [])])
        if mark.exists():
            mark.touch()
            clean += 1
        else:
            todo.append((path, mark))
    print(f"clang-tidy: {len(todo)} to check, {clean} unchanged", flush=True)

    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for complaint in pool.map(lambda item: check(args.binary, build, *item), todo):
            if complaint:
                failed += 1
                print(complaint, flush=True)
    if failed:
        print(f"clang-tidy: findings in {failed} of {len(todo)} files", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
