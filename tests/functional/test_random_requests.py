"""Requests made from the description of the API, right ones and wrong ones: the server never fails."""

import json
import os
import tempfile
import urllib.parse

import openapi
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import seed as with_seed
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir

set_hypothesis_home_dir(tempfile.gettempdir())

# What would end the test itself, or is a stream.
LEFT_OUT = {"events", "setup", "logout", "logoutEverywhere", "createUser"}
ANYTHING = st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
                        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
                        max_leaves=6)


def values(schema, known):
    """A strategy for values that the schema allows."""
    schema = openapi.resolve(schema)
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return st.one_of([values(one, known) for one in schema[word]])
    if "allOf" in schema:
        merged = {"type": "object", "properties": {}, "required": list(schema.get("required", []))}
        for part in [*schema["allOf"], schema]:
            part = openapi.resolve(part)
            merged["properties"] |= part.get("properties", {})
            merged["required"] += part.get("required", [])
        return values(merged, known)
    kind = schema.get("type", "string")
    if isinstance(kind, list):
        return st.one_of([values({**schema, "type": one}, known) for one in kind])
    if kind == "null":
        return st.none()
    if kind == "boolean":
        return st.booleans()
    if kind == "integer":
        return st.integers(schema.get("minimum", -5), schema.get("maximum", 1000))
    if kind == "number":
        return st.floats(schema.get("minimum", -2), schema.get("maximum", 2), allow_nan=False)
    if kind == "array":
        least = schema.get("minItems", 0)
        return st.lists(values(schema.get("items", {}), known), min_size=least, max_size=max(least, 3))
    if kind == "object":
        properties, required = schema.get("properties", {}), set(schema.get("required", []))
        return st.fixed_dictionaries({name: values(properties[name], known) for name in properties if name in required},
                                     optional={name: values(one, known) for name, one in properties.items()
                                               if name not in required})
    pattern = schema.get("pattern", "")
    if pattern.startswith("^[0-9a-f]{8}-"):
        return st.sampled_from(known)
    if pattern:
        return st.from_regex(pattern, fullmatch=True)
    return st.text(max_size=min(schema.get("maxLength", 30), 30))


@st.composite
def requests(draw, known, pictures):
    operation = draw(st.sampled_from([one for one in openapi.OPERATIONS if one.id not in LEFT_OUT]))
    sloppy = draw(st.integers(0, 3)) == 0
    path, query, headers = operation.path, {}, {}
    for parameter in operation.parameters:
        if parameter["in"] != "path" and draw(st.booleans()):
            continue
        value = draw(st.text(max_size=40) if sloppy else values(parameter["schema"], known))
        if parameter["in"] == "path":
            path = path.replace("{" + parameter["name"] + "}", urllib.parse.quote(str(value) or "x", safe=""))
        elif parameter["in"] == "query":
            query[parameter["name"]] = str(value).lower() if isinstance(value, bool) else value
        else:
            headers[parameter["name"]] = "".join(c for c in str(value) if " " < c < "\x7f") or "k"
    request = {"method": operation.method, "url": path, "params": query, "headers": headers}
    if operation.body is None:
        return request
    kind, media = draw(st.sampled_from(sorted(operation.body["content"].items())))
    if kind == "application/json":
        request["content"] = json.dumps(draw(ANYTHING if sloppy else values(media["schema"], known)))
        request["headers"]["content-type"] = draw(st.sampled_from([kind] * 9 + ["text/plain"]))
    else:
        names = ["file", "image", "source", "target"]
        request["files"] = [(draw(st.sampled_from(names)), ("a.jpg", draw(st.sampled_from(pictures) | st.binary(max_size=99))))
                            for _ in range(draw(st.integers(0, 3)))]
        request["data"] = {draw(st.text("abcdefg_", min_size=1, max_size=9)): draw(st.text(max_size=9))
                           for _ in range(draw(st.integers(0, 2)))}
    return request


# Routes of the original system, which are not in openapi.yaml: method, path, query or form, field of files.
ORIGINAL = [
    ("GET", "/files", ["page", "per_page", "collection"], None),
    ("GET", "/faces/{id}", [], None),
    ("GET", "/face-image/{id}", [], None),
    ("GET", "/stats", ["collection"], None),
    ("GET", "/task-status/{id}", [], None),
    ("GET", "/cache/stats", [], None),
    ("POST", "/cache/clear", ["pattern"], None),
    ("GET", "/health", [], None),
    ("POST", "/upload", ["collection"], "file"),
    ("POST", "/upload-batch", ["collection"], "files"),
    ("POST", "/search", ["threshold", "top_k", "collection"], "file"),
]


@st.composite
def original_requests(draw, known, pictures):
    method, path, names, field = draw(st.sampled_from(ORIGINAL))
    text = (st.sampled_from(known) | st.integers().map(str) | st.floats().map(str) | st.text(max_size=40) |
            st.sampled_from(["0", "1", "-1", "0x10", "1e400", str(2**63), str(2**64), "%00", "../..", "default"]))
    path = path.replace("{id}", urllib.parse.quote(draw(text) or "x", safe=""))
    fields = {name: draw(text) for name in names if draw(st.booleans())}
    if field is None:
        body = draw(st.binary(max_size=99)) if method == "POST" else None
        return {"method": method, "url": path, "params": fields, "content": body}
    names = st.sampled_from([field] * 3 + ["file", "files", "image", "\0"])
    files = [(draw(names), (draw(st.text(max_size=20)), draw(st.sampled_from(pictures) | st.binary(max_size=99))))
             for _ in range(draw(st.integers(0, 3)))]
    where = draw(st.sampled_from(["params", "data"]))
    return {"method": method, "url": path, "files": files, where: fields}


@pytest.fixture
def filled(anywhere, testdata):
    """A server with something of each kind; ids of it; what may be sent as a picture."""
    photos = [testdata / "people/obama_small.jpg", testdata / "people/obama_and_biden_1.jpg"]
    media = anywhere.add(*photos)
    known = ["0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b", *[one["id"] for one in media]]
    known += [one["id"] for one in anywhere.http.get("/v1/faces").json()["items"]]
    known += [one["id"] for one in anywhere.http.get("/v1/tasks").json()["items"]]
    known.append(anywhere.http.post("/v1/people", json={"name": "Ada"}).json()["id"])
    legacy = [str(one["legacy_id"]) for one in media]
    return anywhere, known, legacy, [photos[0].read_bytes(), photos[0].read_bytes()[:2000]]


def ask_many(server, made, seed, examples):
    @settings(max_examples=int(os.environ.get("FACET_RANDOM_REQUESTS", examples)), deadline=None, database=None,
              suppress_health_check=list(HealthCheck), print_blob=False)
    @given(made)
    def ask(request):
        answer = server.http.request(**request)  # which checks it against the description
        assert answer.status_code < 500, (request["method"], request["url"], answer.status_code, answer.text[:500])

    seen = openapi.SEEN.copy()
    with_seed(seed)(ask)()
    openapi.SEEN.intersection_update(seen)  # what is seen by luck is not counted
    assert server.process.poll() is None
    assert server.http.get("/v1/health").status_code == 200


@pytest.mark.parametrize("make_anywhere, seed, examples", [("built-in", 1, 250), ("built-in", 2, 250), ("servers", 3, 100)],
                         indirect=["make_anywhere"])
def test_no_request_makes_the_server_fail(filled, seed, examples):
    server, known, _, pictures = filled
    ask_many(server, requests(known, pictures), seed, examples)


@pytest.mark.parametrize("make_anywhere, seed, examples", [("built-in", 4, 150), ("servers", 5, 100)],
                         indirect=["make_anywhere"])
def test_no_request_to_the_routes_of_the_original_makes_the_server_fail(filled, seed, examples):
    server, known, legacy, pictures = filled
    ask_many(server, original_requests(known + legacy, pictures), seed, examples)
