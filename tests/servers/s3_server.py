#!/usr/bin/env python3
"""An S3 server in memory for tests, on a free loopback port, which it prints.

moto keeps buckets and objects. What it does not insist on is checked here, before it, as Amazon
does: that the signature (version 4) of every request is the one that botocore, Amazon's own client
library, computes for the known key, and that the body has the hash that was signed.
"""

import datetime
import hashlib
import hmac
import io
import os
import sys
from wsgiref.types import WSGIEnvironment

os.environ["MOTO_S3_DEFAULT_KEY_BUFFER_SIZE"] = str(1 << 20)  # larger objects go to disk

from botocore.auth import S3SigV4Auth  # noqa: E402
from botocore.awsrequest import AWSRequest  # noqa: E402
from botocore.credentials import Credentials  # noqa: E402
from moto.server import create_backend_app  # noqa: E402
from werkzeug.serving import WSGIRequestHandler, make_server  # noqa: E402

ACCESS_KEY, SECRET_KEY, BUCKET = sys.argv[1:4]
REGION = "eu-test-1"
MAX_SKEW = datetime.timedelta(minutes=15)


class Refused(Exception):
    pass


def headers_of(environ: WSGIEnvironment) -> dict[str, str]:
    headers = {k[5:].replace("_", "-").lower(): v for k, v in environ.items() if k.startswith("HTTP_")}
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(name):
            headers[name.replace("_", "-").lower()] = environ[name]
    return headers


def check(environ: WSGIEnvironment, body: bytes) -> None:
    headers = headers_of(environ)
    scheme, _, rest = headers.get("authorization", "").partition(" ")
    if scheme != "AWS4-HMAC-SHA256":
        raise Refused("AccessDenied")
    parts = dict(part.strip().split("=", 1) for part in rest.split(","))
    key, _, scope = parts["Credential"].partition("/")
    if key != ACCESS_KEY:
        raise Refused("InvalidAccessKeyId")
    when = headers["x-amz-date"]
    if scope != f"{when[:8]}/{REGION}/s3/aws4_request":
        raise Refused("AuthorizationHeaderMalformed")
    at = datetime.datetime.strptime(when, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
    if abs(datetime.datetime.now(datetime.timezone.utc) - at) > MAX_SKEW:
        raise Refused("RequestTimeTooSkewed")
    signed = parts["SignedHeaders"].split(";")
    if "host" not in signed or any(h.startswith("x-amz-") and h not in signed for h in headers):
        raise Refused("AccessDenied")
    request = AWSRequest(
        method=environ["REQUEST_METHOD"],
        url=f"http://{headers['host']}{environ['REQUEST_URI']}",
        headers={name: headers[name] for name in signed},
    )
    request.context["timestamp"] = when
    auth = S3SigV4Auth(Credentials(ACCESS_KEY, SECRET_KEY), "s3", REGION)
    text = auth.string_to_sign(request, auth.canonical_request(request))
    if not hmac.compare_digest(auth.signature(text, request), parts["Signature"]):
        raise Refused("SignatureDoesNotMatch")
    if headers["x-amz-content-sha256"] != hashlib.sha256(body).hexdigest():
        raise Refused("XAmzContentSHA256Mismatch")


class Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_request(self, *args: object) -> None:
        pass


def main() -> None:
    s3 = create_backend_app("s3")
    s3.test_client().put(f"/{BUCKET}", base_url="http://127.0.0.1")

    def application(environ, start_response):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        try:
            check(environ, body)
        except Refused as refused:
            xml = f"<?xml version='1.0'?><Error><Code>{refused}</Code></Error>".encode()
            start_response("403 Forbidden", [("Content-Type", "application/xml"), ("Content-Length", str(len(xml)))])
            return [xml]
        return s3(environ, start_response)

    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Quiet)
    print(server.server_port, flush=True)
    server.serve_forever()


main()
