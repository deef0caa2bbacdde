"""What strangers try: names that climb, bombs, scripts in names, requests for others, too much and too slow."""

import collections
import contextlib
import gzip
import itertools
import resource
import select
import socket
import struct
import time
import urllib.parse
import zlib

import pytest

HOSTILE_NAMES = ["../../etc/passwd", "..\\..\\windows.jpg", "/etc/shadow", "a\0b.jpg", "<script>alert(1)</script>.jpg",
                 '"><img src=x onerror=alert(1)>.jpg', "%2e%2e%2fx.jpg", "con.jpg", "." * 300 + ".jpg", "‮gpj.exe", "a\r\nX-Evil: 1.jpg"]


def raw(server, request):
    """The first that comes back for these bytes."""
    address = urllib.parse.urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
        connection.sendall(request)
        return connection.recv(1 << 16)


def png(width, height, rows=0):
    """A PNG whose header claims this size, with so many rows of zeros, well compressed."""
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    packer, packed = zlib.compressobj(9), b""
    for _ in range(rows):
        packed += packer.compress(b"\0" * (1 + 3 * width))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", packed + packer.flush()) + chunk(b"IEND", b""))


def resident_mib(server):
    for line in open(f"/proc/{server.process.pid}/status"):
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024


def test_names_of_files_are_only_names(server, testdata):
    photo = (testdata / "people/obama_small.jpg").read_bytes()
    before = {path for path in server.data.parent.rglob("*") if server.data not in path.parents}
    for i, name in enumerate(HOSTILE_NAMES):
        answer = server.http.post("/v1/media", files=[("file", (name, photo + bytes([i])))])
        assert answer.status_code in (202, 400), (name, answer.text)
        assert answer.headers["content-type"].startswith("application/json")
        assert answer.headers["x-content-type-options"] == "nosniff" and "x-evil" not in answer.headers
    server.wait_idle()
    for media in server.http.get("/v1/media").json()["items"]:
        assert len(media["filename"].encode()) <= 255 and not any(ord(c) < 32 for c in media["filename"])
        content = server.http.get(f"/v1/media/{media['id']}/content")
        assert content.headers["content-type"] == "image/jpeg" and "x-evil" not in content.headers
    assert {path for path in server.data.parent.rglob("*") if server.data not in path.parents} == before


@pytest.mark.parametrize("path", ["/../facet.db", "/..%2ffacet.db", "/%2e%2e/%2e%2e/etc/passwd", "/assets/../../facet.db",
                                  "/assets/..%5c..%5cfacet.db", "//etc/passwd", "/v1/media/..%2f..%2ffacet.db/content",
                                  "/%00", "/v1/media/%ff%fe"])
def test_paths_do_not_climb(server, path):
    head = raw(server, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    assert head.split(b" ")[1] in (b"400", b"404"), head[:200]
    assert b"SQLite format" not in head and b"root:" not in head


def test_bombs_go_off_nowhere(server):
    bombs = [png(60_000, 60_000), png(30_000, 30_000, 2_000), png(1, 2**31 - 1), png(2**31 - 1, 1),
             png(9_000, 9_000, 9_000)]
    idle = resident_mib(server)
    answer = server.http.post("/v1/media", files=[("file", (f"{i}.png", bomb)) for i, bomb in enumerate(bombs)])
    assert answer.status_code == 202
    server.wait_idle()
    media = server.http.get("/v1/media").json()["items"]
    assert {one["status"] for one in media} <= {"failed", "completed"}
    codes = {one["filename"]: one["error"]["code"] for one in media if one["status"] == "failed"}
    assert codes["0.png"] == "too_large" and set(codes) >= {"0.png", "1.png", "2.png", "3.png"}, codes
    assert set(codes.values()) <= {"too_large", "corrupt"}
    for bomb in bombs[:2]:
        refused = server.http.post("/v1/search", files={"image": ("b.png", bomb)})
        assert refused.status_code in (413, 422), refused.text
    assert resident_mib(server) - idle < 700, "81 megapixels at 3 bytes, and what the decoder holds"
    assert server.http.get("/v1/health").status_code == 200


def test_too_much_is_refused_before_it_is_read(server):
    long = raw(server, b"GET /v1/stats HTTP/1.1\r\nHost: localhost\r\nX-A: " + b"a" * 100_000 + b"\r\n\r\n")
    assert long.split(b" ")[1] in (b"431", b"400", b"413"), long[:100]
    large = raw(server, b"POST /v1/collections HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                        b"Content-Length: 99999999999\r\n\r\n{")
    assert large.split(b" ")[1] == b"413"
    wide = server.http.post("/v1/media", files=[("file", (f"{i}", b"x")) for i in range(1100)])
    assert wide.status_code == 413
    assert server.http.get("/v1/media", params={"q": "a" * 30_000}).status_code in (200, 400, 414, 431)


# How a request begins, and what then comes of it, a byte a second for ever.
MULTIPART = (b"POST /v1/media HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999\r\nContent-Type: multipart/form-data; "
             b'boundary=x\r\n\r\n--x\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n\xff\xd8\xff')
JSON = b"POST /v1/collections HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
DRIPS = {
    "request line": (b"GET /v1/stats?", b"a"),
    "header": (b"GET /v1/stats HTTP/1.1\r\nHost: localhost\r\nX-Slow: ", b"a"),
    "headers": (b"GET /v1/stats HTTP/1.1\r\nHost: localhost\r\n", b"A:b\r\n"),
    "body": (JSON + b"Content-Length: 1000\r\n\r\n{", b" "),
    "chunks": (JSON + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "upload": (MULTIPART, b"a"),
    "part": (MULTIPART[:-20], b"a"),
}


def test_who_drips_is_let_go_and_holds_nobody_up(server, testdata):
    address = urllib.parse.urlsplit(server.url)
    dripping, heard = {}, collections.defaultdict(bytes)
    for _ in range(20):
        for name, (begin, drops) in DRIPS.items():
            connection = socket.create_connection((address.hostname, address.port))
            connection.sendall(begin)
            dripping[connection] = (name, itertools.cycle(drops))
    answered = 0
    deadline = time.monotonic() + 120
    while dripping:
        assert time.monotonic() < deadline, collections.Counter(name for name, _ in dripping.values())
        for connection in select.select(list(dripping), [], [], 1)[0]:
            try:
                data = connection.recv(1 << 16)
            except ConnectionResetError:
                data = b""
            heard[connection] += data
            if not data:
                connection.close()
                name, _ = dripping.pop(connection)
                replies = [line.split(b" ")[1] for line in heard[connection].split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
                assert replies in ([], [b"408"]), (name, heard[connection])
        for connection, (_, drops) in dripping.items():
            with contextlib.suppress(ConnectionError):
                connection.sendall(bytes([next(drops)]))
        if len(dripping) == 20 * len(DRIPS):  # nobody is let go yet
            assert server.http.get("/v1/stats").status_code == 200
            assert server.search(testdata / "people/obama_small.jpg").status_code == 200
            answered += 1
    assert answered


def test_pages_of_others_get_nothing(server):
    for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}, {"origin": "null"}):
        answer = server.http.post("/v1/collections", json={"name": "a"}, headers=headers)
        assert answer.status_code == 403 and answer.json()["error"]["code"] == "forbidden", headers
    readable = server.http.get("/v1/stats", headers={"origin": "https://evil.example"})
    assert not [name for name in readable.headers if name.startswith("access-control")]
    preflight = server.http.request("OPTIONS", "/v1/media", headers={
        "origin": "https://evil.example", "access-control-request-method": "POST"})
    assert not [name for name in preflight.headers if name.startswith("access-control")]
    rebound = server.http.get("/v1/stats", headers={"host": "evil.example"})
    assert rebound.status_code == 421


def test_answers_say_how_browsers_shall_treat_them(server):
    for path in ("/v1/stats", "/openapi.json", "/v1/nothing"):
        headers = server.http.get(path).headers
        assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer"
        assert "default-src 'self'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]


def test_compressed_bodies_are_refused(server, testdata):
    photo = (testdata / "people/obama_small.jpg").read_bytes()
    coding = {"Content-Encoding": "gzip"}
    asked = [server.http.post("/v1/people", headers={"Content-Type": "application/json", **coding},
                              content=gzip.compress(b'{"name": "Ada"}')),
             server.http.post("/v1/search", headers={"Content-Type": "application/json", **coding}, content=b"{}"),
             server.http.post("/v1/media", headers=coding, files={"file": ("a.jpg", photo)}),
             server.http.post("/upload", headers=coding, files={"file": ("a.jpg", photo)})]
    for answer in asked:
        assert answer.status_code == 415 and answer.json()["error"]["code"] == "unsupported_media"
        assert answer.headers["accept-encoding"] == "identity"
    assert server.http.get("/v1/media").json()["items"] == []


def test_one_address_may_have_500_listeners_and_leaves_room_for_others(server):
    address = urllib.parse.urlsplit(server.url)
    port, most = address.port, resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, most[1]), most[1]))
    listen = f"GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
    with contextlib.ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, most)

        def connect(source):
            return stack.enter_context(
                socket.create_connection(("127.0.0.1", port), timeout=30, source_address=(source, 0)))

        for _ in range(500):
            listener = connect("127.0.0.1")
            listener.sendall(listen)
            assert b" 200 " in listener.recv(1 << 12)
        assert server.http.get("/v1/stats").status_code == 200
        more = [connect("127.0.0.1") for _ in range(650)]
        more[-1].settimeout(5)
        assert more[-1].recv(1) == b""  # closed at once: the share of this address is used up
        other = connect("127.0.0.2")
        other.sendall(f"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        assert b" 200 " in other.recv(1 << 12)
