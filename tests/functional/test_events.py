"""The stream of events can be left and taken up again: what was missed comes once and in order, or it is said that some is lost."""

import contextlib
import json

import httpx
import pytest
from test_security import png

ELSEWHERE = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b.1"  # of another process


@contextlib.contextmanager
def listen(server, last=None):
    """The events as (id, type, data), from the moment that this returns."""
    headers = {} if last is None else {"Last-Event-ID": last}
    with httpx.stream("GET", server.url + "/v1/events", headers=headers, timeout=60) as stream:
        assert stream.status_code == 200 and stream.headers["content-type"].startswith("text/event-stream")
        lines = stream.iter_lines()
        assert next(lines).startswith("retry:")
        yield events(lines)


def events(lines):
    fields = {}
    for line in lines:
        if line and not line.startswith(":"):
            name, _, value = line.partition(":")
            assert name not in fields, "our events have one line of data"
            fields[name] = value.removeprefix(" ")
        elif not line and fields:
            if "data" in fields:  # else it is no event, but the number of one that was forgotten
                yield fields.get("id"), fields["event"], fields["data"]
            fields = {}


def remembered(heard):
    """Of events those that are told later too: what was deleted is forgotten, but for that it was."""
    gone = [json.loads(data)["id"] for _, kind, data in heard if kind == "media.deleted"]
    return [one for one in heard if one[1] == "media.deleted" or not any(media in one[2] for media in gone)]


def until_deleted(stream, media_id):
    """What comes up to the deletion of this one."""
    heard = []
    for event in stream:
        heard.append(event)
        if event[1] == "media.deleted" and json.loads(event[2])["id"] == media_id:
            return heard
    raise AssertionError(f"the stream ended: {heard[-3:]}")


def take_in(server, *files):
    """Returns the ids when all has been told of them."""
    with listen(server) as stream:
        answer = server.http.post("/v1/media", files=[("file", one) for one in files])
        assert answer.status_code == 202, answer.text
        ids = [one["media"]["id"] for one in answer.json()["accepted"]]
        waiting = set(ids)
        while waiting:
            _, kind, data = next(stream)
            if kind == "media.completed":
                waiting.discard(json.loads(data)["media"]["id"])
    return ids


def fleeting(server, number):
    """Takes in a small picture and deletes it; its id. The deletion is the last that is told."""
    [media_id] = take_in(server, (f"{number}.png", png(64, 64 + number, 64 + number)))
    assert server.http.delete(f"/v1/media/{media_id}").status_code == 204
    return media_id


def test_what_was_missed_comes_in_order_and_once(anywhere, testdata):
    photos = [(name, (testdata / "people" / name).read_bytes()) for name in ("obama_1.jpg", "biden_1.jpg")]
    with listen(anywhere) as witness:
        with listen(anywhere) as first:
            before = until_deleted(first, fleeting(anywhere, 1))
        take_in(anywhere, *photos)
        last = fleeting(anywhere, 2)
        heard = until_deleted(witness, last)
        everything = remembered(heard)
        assert everything[0] == before[-1] and len({one[0] for one in heard}) == len(heard)
        kinds = sorted(kind for _, kind, _ in everything)
        assert kinds == [kind for kind in ("media.completed", "media.created", "media.deleted", "media.processing") for _ in range(2)]
        for position in (0, 3, len(everything) - 2):
            with listen(anywhere, everything[position][0]) as again:
                assert until_deleted(again, last) == everything[position + 1:]
        with listen(anywhere, heard[0][0]) as again:
            assert heard[0] not in everything and until_deleted(again, last) == everything, "its number is known still"
        with listen(anywhere, everything[-1][0]) as again, listen(anywhere) as new:
            later = fleeting(anywhere, 3)
            # Who has seen all, and who has seen nothing, hear what is new and no more.
            news = [remembered(until_deleted(one, later)) for one in (again, new, witness)]
            assert news[0] == news[1] == news[2] and len(news[0]) == 1


@pytest.mark.parametrize("last", [ELSEWHERE, "1", "nonsense", "a" * 5000])
def test_an_unknown_id_is_told_to_read_the_lists_again(server, last):
    with listen(server) as stream:
        take_in(server, ("stays.png", png(64, 64, 64)))
        kept = remembered(until_deleted(stream, fleeting(server, 1)))
    assert len(kept) == 4
    with listen(server, last) as stream:
        assert next(stream) == (None, "reset", "")
        assert until_deleted(stream, json.loads(kept[-1][2])["id"]) == kept


def test_ids_of_the_future_and_of_the_time_before_a_restart_are_unknown(server):
    with listen(server) as stream:
        seen = until_deleted(stream, fleeting(server, 1))
    run, _, number = seen[-1][0].rpartition(".")
    with listen(server, f"{run}.{int(number) + 1}") as stream:
        assert next(stream) == (None, "reset", "")
    server.stop()
    server.start()
    with listen(server, seen[-1][0]) as stream:
        assert next(stream) == (None, "reset", "")
        later = fleeting(server, 2)
        assert not {one[0] for one in until_deleted(stream, later)} & {one[0] for one in seen}


def test_an_id_that_is_too_old_is_told_that_some_are_lost(server):
    with listen(server) as stream:
        old = until_deleted(stream, fleeting(server, 1))[-1][0]
    broken = [("file", (f"{i}.png", png(8, 8) + bytes([i % 256, i // 256]))) for i in range(500)]
    assert server.http.post("/v1/media", files=broken).status_code == 202
    server.wait_idle()  # three events of each file: more than are kept
    last = fleeting(server, 2)
    with listen(server, old) as stream:
        assert next(stream) == (None, "reset", "")
        kept = until_deleted(stream, last)
    assert len(kept) < 1500 and len({one[0] for one in kept}) == len(kept)
    with listen(server, kept[0][0]) as stream:
        assert until_deleted(stream, last) == kept[1:]
