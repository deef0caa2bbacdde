"""What the description of the API promises, the tests of tests/functional have seen: run after them, with the
FACET_API_SEEN that they had."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import openapi  # noqa: E402

# A stream, which test_main_job.py and test_distributed.py read line by line.
ELSEWHERE = {("events", 200)}


def test_every_documented_status_was_seen():
    unseen = openapi.documented() - openapi.kept() - ELSEWHERE
    assert not unseen, sorted(unseen)
