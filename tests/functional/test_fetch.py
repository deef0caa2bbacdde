"""Files fetched from other servers, and the ways to servers that are not to be reached."""

import pathlib
import socket
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from own_network import PUBLIC, in_own_network  # noqa: E402
from receiver import Receiver  # noqa: E402

MEBI = 1 << 20


def fetch(server, *urls, **members):
    return server.http.post("/v1/media/fetch", json={"urls": list(urls), **members})


def codes(answer):
    """By index: accepted, or the code of the refusal."""
    body = answer.json()
    if "error" in body:
        return {0: body["error"]["code"]}
    return {one["index"]: "accepted" for one in body["accepted"]} | {
        one["index"]: one["error"]["code"] for one in body["rejected"]}


@pytest.fixture
def reaching(make_server):
    """A server that may fetch from this machine."""
    return make_server("-s", "fetch.private_addresses=true", "-s", f"upload.max_bytes={MEBI}")


@pytest.fixture
def receivers():
    made = []

    def make(answer, **options):
        made.append(Receiver(answer, **options))
        return made[-1]

    yield make
    for receiver in made:
        receiver.close()


def test_files_of_other_servers_are_taken_in_like_uploads(reaching, receivers, testdata):
    photo = (testdata / "people/obama_1.jpg").read_bytes()
    other = (testdata / "people/biden_1.jpg").read_bytes()

    def answer(request, number):
        path = request.path.partition("?")[0]
        return {
            "/a/Fr%C3%BChling.jpg": (200, {}, photo),
            "/named": (200, {"content-disposition": "attachment; filename=\"x.jpg\"; filename*=UTF-8''gr%C3%BCn.jpg"},
                       other),
            "/path": (200, {"content-disposition": 'attachment; filename="../../etc/pass<b>wd"'}, photo),
            "/moved": (302, {"location": "/a/Fr%C3%BChling.jpg"}, b""),
            "/text.jpg": (200, {"content-type": "image/jpeg"}, b"just text"),
            "/empty.jpg": (200, {}, b""),
            "/large.jpg": (200, {}, photo[:100] + bytes(MEBI)),
            "/endless.jpg": (200, {"content-length": str(1 << 40)}, photo[:100] + bytes(3 * MEBI)),
            "/partial.jpg": (206, {}, photo[:100]),
            "/away.jpg": (503, {}, b""),
            "/loop": (302, {"location": "/loop"}, b""),
        }.get(path, (404, {}, b""))

    remote = receivers(answer)
    paths = ["/a/Fr%C3%BChling.jpg?size=large", "/named", "/path", "/moved", "/text.jpg", "/empty.jpg", "/large.jpg",
             "/endless.jpg", "/partial.jpg", "/away.jpg", "/loop", "/nothing.jpg"]
    done = fetch(reaching, *[remote.url(path) for path in paths])
    assert done.status_code == 202, done.text
    assert codes(done) == {
        0: "accepted", 1: "accepted", 2: "accepted", 3: "accepted", 4: "unsupported_media", 5: "invalid_argument",
        6: "too_large", 7: "too_large", 8: "fetch_failed", 9: "fetch_failed", 10: "fetch_failed", 11: "fetch_failed"}
    accepted = {one["index"]: one for one in done.json()["accepted"]}
    assert [accepted[i]["filename"] for i in range(4)] == ["Frühling.jpg", "grün.jpg", "pass<b>wd", "moved"]
    assert [accepted[i]["duplicate"] for i in range(4)] == [False, False, True, True]
    assert accepted[0]["media"]["id"] == accepted[2]["media"]["id"] == accepted[3]["media"]["id"]
    reaching.wait_idle()
    media = reaching.media(accepted[0]["media"]["id"])
    assert media["status"] == "completed" and media["face_count"] == 1 and media["filename"] == "Frühling.jpg"
    assert reaching.http.get(f"/v1/media/{media['id']}/content").content == photo
    assert not list((reaching.data / "raw/tmp").iterdir()), "nothing stays of what was refused"
    assert {request.headers.get("authorization") for request in remote.requests} == {None}

    assert fetch(reaching, remote.url("/moved")).status_code == 200, "all was there"
    for path, status, code in (("/text.jpg", 415, "unsupported_media"), ("/away.jpg", 422, "fetch_failed"),
                               ("/large.jpg", 413, "too_large")):
        alone = fetch(reaching, remote.url(path))
        assert (alone.status_code, codes(alone)) == (status, {0: code}), alone.text
    several = fetch(reaching, remote.url("/away.jpg"), remote.url("/text.jpg"))
    assert several.status_code == 422 and codes(several) == {0: "fetch_failed", 1: "unsupported_media"}


def test_files_go_where_they_are_told_to(reaching, receivers, testdata):
    photo = (testdata / "people/obama_1.jpg").read_bytes()
    remote = receivers(lambda request, number: (200, {}, photo))
    assert reaching.http.post("/v1/collections", json={"name": "press"}).status_code == 201
    answer = fetch(reaching, remote.url("/a.jpg"), collection="press")
    assert answer.json()["accepted"][0]["media"]["collection"] == "press"
    assert fetch(reaching, remote.url("/a.jpg")).json()["accepted"][0]["media"]["collection"] == "default"


def test_a_server_that_is_not_there_is_not_waited_for_long(reaching):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        answer = fetch(reaching, f"http://127.0.0.1:{unused.getsockname()[1]}/a.jpg")
    assert answer.status_code == 422 and codes(answer) == {0: "fetch_failed"}


@pytest.mark.parametrize("body", [
    {}, {"urls": []}, {"urls": "http://example.org/"}, {"urls": [1]}, {"urls": ["http://example.org/a"] * 21},
    {"urls": ["http://example.org/" + "a" * 2000]}, {"urls": ["http://example.org/a"], "collection": 1},
    {"urls": ["http://example.org/a"], "colour": "red"}, [], "text"])
def test_wrong_bodies_are_refused(server, body):
    assert server.http.post("/v1/media/fetch", json=body).status_code == 400
    assert server.http.post("/v1/media/fetch", json={"urls": ["http://127.0.0.1/a"], "collection": "none"}
                            ).status_code == 404


@pytest.mark.parametrize("url", [
    "file:///etc/passwd", "ftp://example.org/a.jpg", "gopher://example.org/", "example.org/a.jpg", "//example.org/a",
    "http://user@example.org/a.jpg", "http://user:password@example.org/a.jpg", "http://", "javascript:alert(1)"])
def test_addresses_that_are_none_for_pictures_are_refused(server, url):
    answer = fetch(server, url)
    assert answer.status_code == 400 and codes(answer) == {0: "invalid_argument"}


def forms_of_this_machine(port):
    """Ways to write an address that leads here, or to another one that is not public."""
    hosts = ["127.0.0.1", "127.1", "127.0.1", "0x7f000001", "0x7f.0.0.1", "2130706433", "017700000001", "0177.0.0.1",
             "0.0.0.0", "0", "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
             "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "localhost", "LocalHost", "localhost.",
             "a.localhost", "%6c%6f%63%61%6c%68%6f%73%74", "①②⑦.⓪.⓪.①", "169.254.169.254", "10.0.0.1", "172.16.0.1",
             "192.168.0.1", "100.64.0.1", "[fe80::1]", "[fd00:ec2::254]", "224.0.0.1", "255.255.255.255"]
    with open("/etc/hosts") as table:  # names that resolve to such addresses
        hosts += [name for line in table if line.startswith(("127.", "::1")) for name in line.split()[1:]]
    return [f"http://{host}:{port}/a.jpg" for host in hosts]


def test_no_form_of_an_address_leads_to_this_machine_or_network(server, receivers):
    four = receivers(None, host="0.0.0.0")
    everywhere = [four]
    try:
        everywhere.append(receivers(None, host="::1", port=four.port))
    except OSError:
        pass  # no IPv6 here
    for url in forms_of_this_machine(four.port):
        answer = fetch(server, url)
        # Some forms are no addresses to begin with, or names that nobody has.
        assert answer.status_code in (400, 403, 422), (url, answer.text)
        assert codes(answer)[0] in ("invalid_argument", "address_refused", "fetch_failed"), url
        if url.split("//")[1].startswith(("127.", "0x7f0", "2130", "0177000", "[::1]", "localhost")):
            assert answer.status_code == 403 and codes(answer) == {0: "address_refused"}, url
    both = fetch(server, four.url(), "https://127.0.0.1/")
    assert both.status_code == 403 and codes(both) == {0: "address_refused", 1: "address_refused"}
    assert [one.connections for one in everywhere] == [0] * len(everywhere), "not one connection was made"


def test_the_environments_proxy_is_no_way_round(make_server, receivers):
    proxy = receivers(None)
    server = make_server(environment={name: proxy.url("") for name in (
        "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")} | {"no_proxy": "", "NO_PROXY": ""})
    for url in ("http://127.0.0.1:1/a.jpg", "https://localhost/a.jpg"):
        assert codes(fetch(server, url)) == {0: "address_refused"}
    assert proxy.connections == 0


@in_own_network
def test_a_public_server_leads_nowhere_else(make_server, receivers, testdata, names):
    photo = (testdata / "people/obama_1.jpg").read_bytes()
    secret = receivers(lambda request, number: (200, {}, photo))
    private = [f"http://127.0.0.1:{secret.port}/", f"http://localhost:{secret.port}/",
               f"http://0x7f000001:{secret.port}/", f"http://[::ffff:127.0.0.1]:{secret.port}/",
               f"http://inside.test:{secret.port}/", f"//127.0.0.1:{secret.port}/"]
    elsewhere = ["file:///etc/passwd", f"gopher://127.0.0.1:{secret.port}/", f"ftp://127.0.0.1:{secret.port}/",
                 f"http://user:password@{PUBLIC}/"]

    def answer(request, number):
        kind, _, index = request.path[1:].partition("/")
        if kind == "private":
            return 302, {"location": private[int(index)]}, b""
        if kind == "elsewhere":
            return 307, {"location": elsewhere[int(index)]}, b""
        if kind == "hops":
            left = int(index)
            return (301, {"location": f"/hops/{left - 1}"}, b"") if left else (200, {}, photo)
        return 200, {}, photo

    public = receivers(answer, host=PUBLIC)
    names.answers["inside.test"] = [["10.0.0.1"], ["127.0.0.1"]]
    names.answers["public.test"] = [[PUBLIC]]
    server = make_server()
    good = fetch(server, public.url("/a.jpg", PUBLIC), public.url("/b.jpg", "public.test"))
    assert good.status_code == 202 and codes(good) == {0: "accepted", 1: "accepted"}, good.text
    assert codes(fetch(server, public.url("/hops/3", PUBLIC))) == {0: "accepted"}
    assert codes(fetch(server, public.url("/hops/4", PUBLIC))) == {0: "fetch_failed"}

    for index, target in enumerate(private):
        before = len(public.requests)
        assert codes(fetch(server, public.url(f"/private/{index}", PUBLIC))) == {0: "address_refused"}, target
        assert len(public.requests) == before + 1
    for index, target in enumerate(elsewhere):
        assert codes(fetch(server, public.url(f"/elsewhere/{index}", PUBLIC))) == {0: "fetch_failed"}, target
    assert secret.connections == 0


@in_own_network
def test_a_name_that_changes_its_address_is_no_way_in(make_server, receivers, testdata, names):
    photo = (testdata / "people/obama_1.jpg").read_bytes()
    everywhere = receivers(lambda request, number: (200, {}, photo), host="0.0.0.0")
    names.answers["rebound.test"] = [[PUBLIC], ["127.0.0.1"]]
    names.answers["mixed.test"] = [["127.0.0.1", PUBLIC]]
    server = make_server()
    assert codes(fetch(server, everywhere.url("/a.jpg", "rebound.test"))) == {0: "accepted"}
    assert codes(fetch(server, everywhere.url("/a.jpg", "rebound.test"))) == {0: "address_refused"}
    assert codes(fetch(server, everywhere.url("/a.jpg", "rebound.test"))) == {0: "address_refused"}
    assert names.asked.count("rebound.test") == 3
    mixed = codes(fetch(server, everywhere.url("/a.jpg", "mixed.test")))
    assert mixed in ({0: "accepted"}, {0: "address_refused"})
    assert {request.local for request in everywhere.requests} == {PUBLIC}, "it came to no other address"
    assert everywhere.connections == len(everywhere.requests)
