"""A web server of a test: answers as told and remembers what it was asked."""

import http.server
import socket
import threading
import time


class Received:
    """One request. `local` is the address it came to."""

    def __init__(self, handler, body):
        self.method = handler.command
        self.path = handler.path
        self.headers = {name.lower(): value for name, value in handler.headers.items()}
        self.body = body
        self.local = handler.connection.getsockname()[0]


class Receiver:
    """Answers with what `answer(request, number)` returns: (status, headers, body). `number` counts
    from 1."""

    def __init__(self, answer=None, host="127.0.0.1", port=0):
        self.answer = answer or (lambda request, number: (204, {}, b""))
        self.requests = []
        self.connections = 0
        self.lock = threading.Lock()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                request = Received(self, body)
                with receiver.lock:
                    receiver.requests.append(request)
                    number = len(receiver.requests)
                status, headers, body = receiver.answer(request, number)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if "content-length" not in {name.lower() for name in headers}:
                    self.send_header("content-length", str(len(body)))
                self.end_headers()
                try:
                    self.wfile.write(body)
                except OSError:
                    pass  # the client has heard enough

            do_GET = do_POST

            def log_message(self, *arguments):
                pass

        class Server(http.server.ThreadingHTTPServer):
            address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

            def get_request(self):
                accepted = super().get_request()
                with receiver.lock:
                    receiver.connections += 1
                return accepted

            def handle_error(self, request, client_address):
                pass  # a client that went away

        self.server = Server((host, port), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def url(self, path="/hook", host="127.0.0.1"):
        return f"http://{host}:{self.port}{path}"

    def wait(self, count, seconds=60):
        """The requests, once there are so many."""
        deadline = time.monotonic() + seconds
        while True:
            with self.lock:
                if len(self.requests) >= count:
                    return list(self.requests)
            assert time.monotonic() < deadline, [request.path for request in self.requests]
            time.sleep(0.02)

    def close(self):
        self.server.shutdown()
        self.server.server_close()
