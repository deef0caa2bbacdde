"""Who logs in and with what, for the tests of access."""

import os
import subprocess

import httpx
import openapi
from facet_server import FACET, client

PASSWORD = "correct horse battery"
UNKNOWN = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"


def error(answer):
    body = answer.json()
    assert body["request_id"] == answer.headers["x-request-id"] and body["error"]["message"]
    return answer.status_code, body["error"]["code"]


class Browser(httpx.Client):
    """Keeps the cookie and sends the token that goes with it, as the page does."""

    def __init__(self, url, **options):
        super().__init__(base_url=url, timeout=60, event_hooks={"response": [openapi.check_httpx]}, **options)

    def _keep(self, answer):
        if answer.status_code in (200, 201):
            self.headers["x-csrf-token"] = answer.json()["csrf_token"]
        return answer

    def set_up(self, code=None, name="anna", password=PASSWORD):
        return self._keep(self.post("/v1/setup", json={"name": name, "password": password, "code": code}))

    def log_in(self, name="anna", password=PASSWORD):
        return self._keep(self.post("/v1/session", json={"name": name, "password": password}))

    def make_key(self, name="a key", scope="read", **more):
        answer = self.post("/v1/keys", json={"name": name, "scope": scope, **more})
        assert answer.status_code == 201, answer.text
        return answer.json()


def with_key(url, key):
    return client(url, headers={"x-api-key": key})


def may_write(asks):
    """Whether a client is let through to something that needs the scope write."""
    answer = asks.post(f"/v1/tasks/{UNKNOWN}/cancel")
    assert answer.status_code in (403, 404), answer.text
    return answer.status_code == 404


def setup_code(server):
    return (server.data / "setup-code").read_text().strip()


def run_facet(data, *arguments, text="", environment=None):
    return subprocess.run([FACET, "--data", data, *arguments], input=text, capture_output=True, text=True,
                          timeout=60, env={**os.environ, **(environment or {})})
