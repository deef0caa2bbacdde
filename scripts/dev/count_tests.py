#!/usr/bin/env python3
"""count_tests.py RESULTS [FAILED_STAGE]: adds up the reports in a folder, prints "N passed, N failed".

A stage that failed without a failed test (a build that broke, say) counts as one failure.
"""

import json
import pathlib
import sys
import xml.etree.ElementTree as xml


def junit(path):
    passed = failed = skipped = 0
    for case in xml.parse(path).getroot().iter("testcase"):
        kinds = {child.tag for child in case}
        if kinds & {"failure", "error"} or case.get("status") == "fail":
            failed += 1
            print(f"failed: {path.stem}: {case.get('classname')}.{case.get('name')}")
        elif "skipped" in kinds or case.get("status") in ("disabled", "notrun"):
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped


def vitest(path):
    report = json.loads(path.read_text())
    return report["numPassedTests"], report["numFailedTests"], report["numPendingTests"]


def main():
    folder, stage = pathlib.Path(sys.argv[1]), (sys.argv[2:] or [""])[0]
    counts = [junit(path) for path in sorted(folder.glob("*.xml"))]
    counts += [vitest(path) for path in sorted(folder.glob("*.json"))]
    passed, failed, skipped = (sum(column) for column in zip((0, 0, 0), *counts))
    if stage and not failed:
        failed = 1
    if stage:
        print(f"stage {stage} failed; what came after it was not run")
    if skipped:
        print(f"{skipped} skipped")
    print(f"{passed} passed, {failed} failed")


main()
