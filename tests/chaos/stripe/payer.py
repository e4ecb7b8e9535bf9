"""A trivial payer, and one call to it as a client makes it."""

import http.client
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .proxy import Proxy

# Seconds that a client waits for an answer that comes within milliseconds, and for one that never does.
LONG, SHORT = 30.0, 0.3
PAID = {"id": "re_1", "object": "refund", "amount": 1250}
# What the payer has been told when it was asked.
Told = tuple[str, str, str]
TOLD: list[Told] = [("POST", "/v1/refunds", "amount=1250")]


class Payer(ThreadingHTTPServer):
    """Answers every call with the same refund, and remembers what it was told."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Paying)
        self.told: list[Told] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Paying(BaseHTTPRequestHandler):
    server: Payer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.told.append((self.command, self.path, body.decode()))
        answer = json.dumps(PAID).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.send_header("Request-Id", self.headers.get("Idempotency-Key", ""))
        self.end_headers()
        self.wfile.write(answer)

    def do_GET(self) -> None:
        self.do_POST()

    def log_request(self, *_arguments: object) -> None:
        """No line for each call."""


def call(
    via: Proxy, method: str = "POST", path: str = "/v1/refunds", key: str = "k", patience: float = LONG
) -> tuple[int, dict[str, str], bytes]:
    """One call as a client makes it: status, headers in lower case, body."""
    connection = http.client.HTTPConnection(via.url.removeprefix("http://"), timeout=patience)
    try:
        connection.request(method, path, b"amount=1250", {"Idempotency-Key": key})
        with connection.getresponse() as answer:
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()
