"""A server of as much of Stripe's protocol as a refund needs, on a port of its own, over a provider in memory."""

import json
import threading
from collections import deque
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ..gateways.provider import Entry, No, Provider


@dataclass(frozen=True)
class Answer:
    """An answer given instead of the server's own; `after`: once the call has been carried out."""

    status: int
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)
    after: bool = False


@dataclass
class StripeServer:
    """The provider behind it, the answers that come first, and what was asked: method, path, form, headers."""

    address: str
    provider: Provider = field(default_factory=Provider)
    answers: "deque[Answer]" = field(default_factory=deque)
    asked: list[tuple[str, str, dict[str, str], Mapping[str, str]]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, method: str, target: str, body: str, headers: Mapping[str, str]) -> Answer:
        address = urlsplit(target)
        form = dict(parse_qsl(address.query if method == "GET" else body))
        with self.lock:
            self.asked.append((method, address.path, form, headers))
            planned = self.answers.popleft() if self.answers else None
            if planned is not None and not planned.after:
                return planned
            own = self._get(address.path, form) if method == "GET" else self._create(form, headers)
        return planned or own

    def _get(self, path: str, form: Mapping[str, str]) -> Answer:
        receipt = path.removeprefix("/v1/refunds").strip("/")
        if not receipt:
            return self._list(form)
        try:
            return Answer(200, json.dumps(shown(self.provider.get(receipt))))
        except No as no:
            return error(404, no.message, code=no.code)

    def _list(self, form: Mapping[str, str]) -> Answer:
        found = self.provider.of(form.get("charge") or form["payment_intent"])
        return listed([shown(entry) for entry in found])

    def _create(self, form: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        payment = form.get("charge") or form["payment_intent"]
        try:
            entry = self.provider.refund(
                payment, int(form["amount"]), form["metadata[refund]"], headers["Idempotency-Key"]
            )
        except No as no:
            return error(404 if no.code == "resource_missing" else 400, no.message, code=no.code)
        return Answer(200, json.dumps(shown(entry)))


def shown(entry: Entry) -> dict[str, Any]:
    """A refund as Stripe's API shows it."""
    return {
        "object": "refund",
        "id": entry.id,
        "charge": entry.payment,
        "amount": entry.amount,
        "currency": entry.currency.lower(),
        "metadata": {"refund": entry.reference},
        "status": entry.status,
    }


def listed(refunds: list[dict[str, Any]], *, more: bool = False) -> Answer:
    """A page of refunds, with or without another after it."""
    page = {"object": "list", "url": "/v1/refunds", "has_more": more, "data": refunds}
    return Answer(200, json.dumps(page))


def error(status: int, message: str, headers: Mapping[str, str] | None = None, **details: str) -> Answer:
    """An error as Stripe's API tells it."""
    body = {"error": {"type": "invalid_request_error", "message": message, **details}}
    return Answer(status, json.dumps(body), headers or {})


@contextmanager
def stripe_server() -> Generator[StripeServer]:
    """A server on a free port of the loopback interface, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else each answer waits for an acknowledgement

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            answer = world.answer(self.command, self.path, body, dict(self.headers))
            content = answer.body.encode()
            self.send_response(answer.status)
            for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        world = StripeServer(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield world
        finally:
            server.shutdown()
            thread.join()
