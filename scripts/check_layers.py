#!/usr/bin/env python3
"""Checks what no compiler checks: who includes whom, #pragma once, file length.

The rules are the tables below; docs/architecture.md gives the reasons. Exit code 1 on any finding.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
MAX_LINES = 500

# module -> modules it may include besides itself. "module/file.hpp" allows just that header.
ALLOWED = {
    "base": set(),
    "media": {"base"},
    "infer": {"base"},
    "index": {"base"},
    "store": {"base"},
    "tasks": {"base"},
    "net": {"base"},
    "face": {"base", "infer", "media"},
    "pipeline": {"base", "media", "infer", "face", "index", "store", "tasks"},
    # Handlers are thin, but they read through the ports that the pipeline is built on.
    "api": {"base", "pipeline", "net", "media", "infer", "face", "index", "store", "tasks"},
    "app": {"base", "media", "infer", "face", "index", "store", "tasks", "pipeline", "net", "api"},
    "testing": {"base", "infer"},
}

# third-party header (regular expression on the include) -> where it may appear, as path prefixes.
THIRD_PARTY = [
    (r"onnxruntime", ["src/infer/"]),
    (r"vips", ["src/media/"]),
    (r"(sqlite3|libpq|hiredis)", ["src/base/db/"]),
    (r"microhttpd", ["src/net/"]),
    (r"archive(_entry)?\.h", ["src/base/archive.cpp", "src/infer/fetch_test.cpp"]),
    (r"curl/", ["src/base/http.cpp"]),
    (r"hwy/", ["src/index/"]),
    (r"(spdlog|prometheus|uuid)/", ["src/base/"]),
    (r"openssl/", ["src/base/", "src/infer/"]),
    (r"sodium", ["src/base/password.cpp"]),
    (r"CLI/", ["src/app/"]),
]
BOOST_JSON = re.compile(r"boost/json(?!/(fwd|parse_options)\.hpp)")  # the parts that cost nothing may pass
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
CODE = {".hpp", ".cpp", ".h", ".py", ".sh", ".ts", ".tsx", ".css", ".mjs"}


def allowed_module_include(module, target, is_test):
    other = target.split("/")[0]
    if other == module or other in ALLOWED[module] or target in ALLOWED[module]:
        return True
    return is_test and other == "testing"


def check_include(path, kind, target):
    """The complaint about one #include of a file under src/, or None."""
    name = path.relative_to(ROOT).as_posix()
    module = path.relative_to(ROOT / "src").parts[0]
    if module not in ALLOWED:
        return f"unknown module {module}"
    is_test = path.stem.endswith("_test") or path.stem.startswith("test_") or module == "testing"
    if target.split("/")[0] in ALLOWED and "/" in target and (ROOT / "src" / target).exists():
        if not allowed_module_include(module, target, is_test):
            return f"{module} must not include {target}"
        return None if kind == '"' else f'write #include "{target}"'
    for pattern, places in THIRD_PARTY:
        if re.match(pattern, target) and not name.startswith(tuple(places)):
            return f"{target} belongs in {', '.join(places)} only"
    if BOOST_JSON.match(target) and path.suffix == ".hpp" and module not in ("api", "app"):
        return "Boost.JSON in a header: only in .cpp files and in the headers of api and app"
    if kind == '"':
        return f'"{target}" is not a header under src/: write "module/file.hpp", or <…> for a library'
    return None


def check_source(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    findings = []
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        complaint = match and check_include(path, *match.groups())
        if complaint:
            findings.append((path, number, complaint))
    if path.suffix == ".hpp" and not any(re.match(r"#pragma once\b", line) for line in lines):
        findings.append((path, 1, "no #pragma once"))
    return findings


def files(*folders):
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in CODE and path.is_file() and "node_modules" not in path.parts:
                yield path


def main():
    findings = []
    for path in files("src"):
        if path.suffix in (".hpp", ".cpp"):
            findings += check_source(path)
    for path in [ROOT / "dev", *files("src", "tests", "bench", "scripts", "web/src")]:
        text = path.read_text(encoding="utf-8")
        if "auto-generated" in text[:200]:
            continue
        length = text.count("\n")
        if length > MAX_LINES:
            findings.append((path, length, f"{length} lines; at most {MAX_LINES}"))
    for path, number, complaint in findings:
        print(f"{path.relative_to(ROOT)}:{number}: {complaint}", file=sys.stderr)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
