"""Answers against src/api/openapi.yaml: what is not as described there fails the test that asked."""

import collections
import json
import os
import pathlib
import re

import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

DOCUMENT = yaml.safe_load((pathlib.Path(__file__).resolve().parents[1] / "src/api/openapi.yaml").read_text())
REGISTRY = Registry().with_resource("urn:facet", Resource(contents=DOCUMENT, specification=DRAFT202012))
METHODS = ("get", "post", "put", "patch", "delete")

Operation = collections.namedtuple("Operation", "id method path parameters body responses pointer")


def resolve(node):
    while "$ref" in node:
        target = DOCUMENT
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        node = target
    return node


def fill(path, value):
    """A path with this for each of its parameters."""
    return re.sub(r"\{\w+\}", value, path)


def read_operations():
    for path, item in DOCUMENT["paths"].items():
        for method in METHODS:
            if method in item:
                one = item[method]
                parameters = [resolve(each) for each in item.get("parameters", []) + one.get("parameters", [])]
                yield Operation(one["operationId"], method.upper(), path, parameters,
                                resolve(one["requestBody"]) if "requestBody" in one else None, one["responses"],
                                f"#/paths/{path.replace('~', '~0').replace('/', '~1')}/{method}/responses")


OPERATIONS = list(read_operations())
PATTERNS = [(one, re.compile(fill(one.path, "[^/]+") + "$")) for one in OPERATIONS]
SEEN = set()  # (id of an operation, status)


def operation_of(method, path):
    fitting = [one for one, pattern in PATTERNS
               if one.method == ("GET" if method == "HEAD" else method) and pattern.match(path)]
    return min(fitting, key=lambda one: one.path.count("{"), default=None)


def validator(reference):
    return Draft202012Validator({"$ref": f"urn:facet{reference}"}, registry=REGISTRY)


def explain(errors):
    return "\n".join(f"{error.json_path}: {error.message[:300]}" for error in errors[:5])


def check(method, path, status, content_type, body, headers):
    """Raises AssertionError when the description does not allow this answer. `body` is bytes."""
    assert "access-control-allow-origin" not in headers, "no other origin may read this"
    if not path.startswith("/v1/") or method == "OPTIONS":
        return
    assert headers.get("x-request-id"), f"{method} {path}: no x-request-id"
    operation = operation_of(method, path)
    if operation is None:
        assert status >= 400, f"{method} {path}: {status}, but it is not described"
        return
    SEEN.add((operation.id, status))
    if method == "HEAD" or status == 304:
        return
    which = str(status) if str(status) in operation.responses else "default"
    if which == "default":
        assert status >= 400, f"{operation.id}: {status} is not described"
    response = operation.responses[which]
    pointer = f"{operation.pointer}/{which}"
    if "$ref" in response:
        pointer = response["$ref"]
        response = resolve(response)
    content = response.get("content", {})
    kind = content_type.split(";")[0].strip()
    if not content:
        assert body == b"", f"{operation.id} {status}: a body where none is described"
        return
    if "*/*" in content:
        return
    assert kind in content, f"{operation.id} {status}: {kind} is not described"
    if kind != "application/json":
        return
    value = json.loads(body)
    errors = list(validator(f"{pointer}/content/application~1json/schema").iter_errors(value))
    assert not errors, f"{operation.id} {status}: not as described\n{explain(errors)}\n{body[:2000]!r}"
    if method == "GET" and status == 200:
        assert headers.get("etag", "").startswith('"') or operation.id in NO_ETAG, f"{operation.id}: no strong ETag"


NO_ETAG = {"getSavedSearch"}  # searches anew


def check_httpx(response):
    """An event hook of httpx.Client."""
    request = response.request
    if response.headers.get("content-type", "").startswith("text/event-stream"):
        return
    streams = "range" in request.headers or response.status_code in (206, 416)
    if not streams:
        response.read()
        check(request.method, request.url.path, response.status_code, response.headers.get("content-type", ""),
              response.content, response.headers)


def documented():
    """Every (operation, status) that is described by number."""
    return {(one.id, int(status)) for one in OPERATIONS for status in one.responses if status != "default"}


def keep_seen():
    """For tests/documented, what this process has seen, in the folder that FACET_API_SEEN names."""
    if folder := os.environ.get("FACET_API_SEEN"):
        pathlib.Path(folder, f"{os.getpid()}.json").write_text(json.dumps(list(SEEN)))


def kept():
    return {tuple(one) for path in pathlib.Path(os.environ["FACET_API_SEEN"]).glob("*.json")
            for one in json.loads(path.read_text())}
