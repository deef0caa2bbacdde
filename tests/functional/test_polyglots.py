"""Pictures that are a page or a program too: no browser gets them, or their names, as anything but pictures and text."""

import json
import struct

import pytest

SCRIPT = "<script>window.hit=1</script>"
PAGE = f"<!doctype html><html><body onload='window.hit=1'>{SCRIPT}</body></html>".encode()
SVG = f'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="window.hit=1">{SCRIPT}</svg>'.encode()
NAMES = ['"><img src=x onerror=window.hit=1>', SCRIPT, "page.html", "drawing.svg", "a.js", "javascript:window.hit=1//.jpg"]


def segment(marker, body):
    return bytes([0xff, marker]) + struct.pack(">H", 2 + len(body)) + body


def with_exif(jpeg, text):
    """The JPEG with this text as image description, make, model, software, time, artist, copyright and comment."""
    tags = [0x010e, 0x010f, 0x0110, 0x0131, 0x0132, 0x013b, 0x8298]
    value = text.encode() + b"\0"
    values = 8 + 2 + 12 * len(tags) + 4
    tiff = b"II*\0" + struct.pack("<IH", 8, len(tags))
    for tag in tags:
        tiff += struct.pack("<HHII", tag, 2, len(value), values)
    tiff += struct.pack("<I", 0) + value
    return jpeg[:2] + segment(0xe1, b"Exif\0\0" + tiff) + segment(0xfe, text.encode()) + jpeg[2:]


@pytest.fixture
def polyglots(testdata):
    """Name: (bytes, type that it may be sent as)."""
    jpeg = (testdata / "people/obama_small.jpg").read_bytes()
    formats = testdata / "formats"
    whole = {"image/jpeg": jpeg, "image/gif": (formats / "hopper.gif").read_bytes(),
             "image/png": (formats / "hopper.png").read_bytes(), "image/bmp": (formats / "hopper.bmp").read_bytes(),
             "image/tiff": (formats / "hopper.tif").read_bytes(), "image/webp": (formats / "hopper.webp").read_bytes()}
    return [(with_exif(jpeg, SCRIPT), "image/jpeg"), (with_exif(jpeg, PAGE.decode()), "image/jpeg"),
            *[(data + more, kind) for kind, data in whole.items() for more in (PAGE, SVG)],
            (b"GIF89a/*" + PAGE + b"*/=1;window.hit=1;", "image/gif"),
            (b"\xff\xd8\xff\xe0" + PAGE, "image/jpeg"), (b"\x89PNG\r\n\x1a\n" + SVG, "image/png"),
            (b"P2\n# " + PAGE + b"\n1 1 255\n0\n", "image/x-portable-anymap")]


def is_kept_from_running(answer, kind):
    policy = answer.headers["content-security-policy"]
    return (answer.headers["content-type"] == kind and answer.headers["x-content-type-options"] == "nosniff" and
            "default-src 'self'" in policy and "object-src 'none'" in policy and "frame-ancestors 'none'" in policy and
            "unsafe" not in policy and "script-src" not in policy and
            answer.headers["cross-origin-resource-policy"] == "same-origin")


def test_what_came_in_goes_out_as_a_picture(server, polyglots):
    files = [("file", (NAMES[i % len(NAMES)], data, "text/html")) for i, (data, _) in enumerate(polyglots)]
    answer = server.http.post("/v1/media", files=files)
    assert answer.status_code == 202 and answer.json()["rejected"] == [], answer.text
    server.wait_idle()
    browser = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    for one, (data, kind) in zip(answer.json()["accepted"], polyglots, strict=True):
        path = f"/v1/media/{one['media']['id']}"
        content = server.http.get(path + "/content", headers=browser)
        assert content.content == data and is_kept_from_running(content, kind), content.headers
        part = server.http.get(path + "/content", headers={**browser, "range": "bytes=8-999"})
        assert part.status_code == 206 and is_kept_from_running(part, kind), part.headers
        for picture in (path + "/thumbnail", *(f"/v1/faces/{face['id']}/image" for face in
                                               server.http.get(path + "/faces").json()["items"])):
            small = server.http.get(picture, headers=browser)
            if small.status_code == 422:  # it begins as a picture only
                assert is_kept_from_running(small, "application/json") and server.media(one["media"]["id"])["status"] == "failed"
            else:
                assert is_kept_from_running(small, "image/jpeg") and b"window.hit" not in small.content, picture


def test_names_are_text_in_json(server, testdata):
    photo = (testdata / "people/obama_small.jpg").read_bytes()
    files = [("file", (name, photo + bytes([i]))) for i, name in enumerate(NAMES)]
    accepted = [one["media"] for one in server.http.post("/v1/media", files=files).json()["accepted"]]
    server.wait_idle()
    browser = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    answers = [server.http.get(path, headers=browser) for path in
               ("/v1/media", "/files", "/v1/tasks", *(f"/v1/media/{one['id']}" for one in accepted))]
    answers.append(server.search(testdata / "people/obama_small.jpg"))
    for answer in answers:
        assert answer.status_code == 200 and is_kept_from_running(answer, "application/json"), answer.headers
        json.loads(answer.text)
    assert {one["filename"] for one in answers[0].json()["items"]} == set(NAMES)


def test_pages_and_drawings_are_refused(server):
    for data in (PAGE, SVG, b" \n" + SVG, SCRIPT.encode(), b"\xef\xbb\xbf" + PAGE, b"%PDF-1.7\n" + PAGE):
        for name in ("a.svg", "a.jpg", SCRIPT):
            answer = server.http.post("/v1/media", files=[("file", (name, data, "image/jpeg"))])
            assert answer.status_code == 415 and is_kept_from_running(answer, "application/json"), (name, answer.text)
    assert server.http.get("/v1/media").json()["items"] == []
