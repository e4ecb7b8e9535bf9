"""A proxy on loopback that stands before a payer and spoils a share of the calls about refunds."""

import http.client
import os
import random
import socket
import struct
import sys
import threading
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import urlsplit

from .faults import FAULTS, Answer, Exchange, Fault

# The calls that faults are drawn for; this proxy ignores charges.
REFUNDS = "/v1/refunds"
# Seconds; the payer behind it is on this machine.
LONG = 30
# What belongs to one connection and is not passed on (RFC 9110, section 7.6.1), and what is counted again.
HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host"}


@dataclass(frozen=True)
class Request:
    """A call as the client made it."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def key(self) -> str:
        """Its idempotency key, empty where it has none."""
        return self.headers.get("idempotency-key", "")


class Proxy:
    """Passes calls on to `upstream` while it is entered; of those about refunds it spoils `share`, drawn by `seed`.

    The draws are the same for the same seed; which call meets which is a matter of who comes first.
    """

    def __init__(self, upstream: str, *, share: float, seed: int) -> None:
        target = urlsplit(upstream)
        self._target = (str(target.hostname), target.port)
        self._share = share
        self._draw = random.Random(seed)
        self._lock = threading.Condition()
        self._open = 0
        self._held: defaultdict[str, list[Request]] = defaultdict(list)
        self._kept: dict[str, Answer] = {}
        # How many calls there were by what was done to them, `passed on` where nothing was.
        self.counts: Counter[str] = Counter()
        # What went wrong and was not a fault of the plan: the payer away, a bug here.
        self.broken: list[str] = []
        self._server = _Server(("127.0.0.1", 0), _Client)
        self._server.proxy = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="proxy", daemon=True)

    @property
    def url(self) -> str:
        """What a client takes for the payer."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def settle(self, timeout: float = LONG) -> None:
        """Wait until no call is under way, then pass on what was held back. Raises TimeoutError."""
        with self._lock:
            if not self._lock.wait_for(lambda: self._open == 0, timeout):
                raise TimeoutError(f"{self._open} calls are still under way after {timeout:g} s")
            held, self._held = self._held, defaultdict(list)
        for request in (request for requests in held.values() for request in requests):
            self._pass_on(request)

    def serve(self, exchange: Exchange, request: Request) -> None:
        """Draw what is done to the call, and do it."""
        with self._lock:
            fault = self._drawn(request)
            kept = self._kept.get(request.key)
            self.counts["answered by a kept error" if kept else fault.__name__ if fault else "passed on"] += 1
            self._open += 1
        try:
            if kept:
                exchange.answer(kept)
            elif fault:
                fault(exchange)
            else:
                exchange.answer(exchange.forward())
        finally:
            with self._lock:
                self._open -= 1
                self._lock.notify_all()

    def _drawn(self, request: Request) -> Fault | None:
        if urlsplit(request.path).path != REFUNDS or self._draw.random() >= self._share:
            return None
        return self._draw.choice(FAULTS[request.method])

    def forward(self, request: Request) -> Answer:
        """The payer's answer; after it the payer gets what was held back under the same key."""
        answer = self._pass_on(request)
        with self._lock:
            held = self._held.pop(request.key, [])
        for late in held:
            self._pass_on(late)
        return answer

    def hold(self, request: Request) -> None:
        """Pass the call on only after another with its key has been passed on, or by settle()."""
        with self._lock:
            self._held[request.key].append(request)

    def keep(self, request: Request, answer: Answer) -> None:
        """Answer like this from now on whatever has the call's key, as Stripe does with its first answer."""
        with self._lock:
            self._kept[request.key] = answer

    def _pass_on(self, request: Request) -> Answer:
        connection = http.client.HTTPConnection(*self._target, timeout=LONG)
        headers = {name: value for name, value in request.headers.items() if name not in HOP}
        try:
            connection.request(request.method, request.path, request.body, headers)
            with connection.getresponse() as got:
                kept = {name: value for name, value in got.getheaders() if name.lower() not in HOP}
                return Answer(got.status, got.read(), kept)
        except (OSError, http.client.HTTPException) as failure:
            self.broken.append(f"the payer does not answer {request.method} {request.path}: {failure!r}")
            raise
        finally:
            connection.close()


class _Server(ThreadingHTTPServer):
    proxy: Proxy
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(error := sys.exception(), ConnectionError):  # the client has been killed
            self.proxy.broken.append(repr(error))


class _Client(BaseHTTPRequestHandler):
    """One connection of a client's; the Exchange of each call on it."""

    server: _Server
    protocol_version = "HTTP/1.1"  # connections are kept, as Stripe keeps them
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        length = int(headers.get("content-length", 0))
        body = self.rfile.read(length)
        if len(body) < length:
            self.close()  # the client has been killed in the middle of it, and no server acts on half a call
            return
        self._request = Request(self.command, self.path, headers, body)
        self.server.proxy.serve(self, self._request)

    def forward(self) -> Answer:
        return self.server.proxy.forward(self._request)

    def hold(self) -> None:
        self.server.proxy.hold(self._request)

    def keep(self, answer: Answer) -> None:
        self.server.proxy.keep(self._request, answer)

    def answer(self, answer: Answer, *, missing: int = 0) -> None:
        self.send_response_only(answer.status)  # the headers are the payer's, or a fault's
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body) + missing))
        self.end_headers()
        self.wfile.write(answer.body)

    def hang(self) -> None:
        # The client says no more on this connection until it has its answer: this returns when it has gone.
        while self.rfile.read(1):
            pass
        self.close()

    def close(self) -> None:
        self.close_connection = True

    def reset(self) -> None:
        # Closed with time 0 to linger a socket is reset instead of ended in good order.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())
        self.close()
