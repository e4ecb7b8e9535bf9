"""The proxy's faults, each seen from both sides: what the client meets, and what the payer was told."""

import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from . import faults, proxy
from .faults import FAULTS, Exchange, Fault
from .proxy import Proxy

# Seconds that the client waits for an answer; the payer and the proxy take milliseconds.
PATIENCE = 0.5
PAID = {"id": "re_1", "object": "refund", "amount": 1250}
# What the payer has been told when it was asked.
Told = tuple[str, str, str]
TOLD: list[Told] = [("POST", "/v1/refunds", "amount=1250")]
# What the client meets, and whether the payer was asked.
ANSWERED: list[tuple[Fault, int, list[Told]]] = [
    (faults.too_many_calls, 429, []),
    (faults.error_before, 500, []),
    (faults.error_after, 500, TOLD),
    (faults.error_kept, 500, TOLD),
    (faults.key_in_use, 409, []),
    (faults.html, 200, []),
    (faults.bad_gateway, 502, []),
    (faults.something_else, 200, []),
    (faults.no_object, 200, []),
    (faults.half_a_json, 200, TOLD),
]
SILENT: list[tuple[Fault, type[Exception], list[Told]]] = [
    (faults.hang_before, TimeoutError, []),
    (faults.hang_after, TimeoutError, TOLD),
    (faults.late, TimeoutError, []),
    (faults.reply_lost, http.client.RemoteDisconnected, TOLD),
    (faults.reset_before, ConnectionResetError, []),
    (faults.reset_after, ConnectionResetError, TOLD),
    (faults.cut_short, http.client.IncompleteRead, TOLD),
]


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


@pytest.fixture
def payer() -> Iterator[Payer]:
    with Payer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def through(payer: Payer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Proxy]]:
    """Makes a proxy before the payer, which does one thing to every call, or nothing."""
    running: list[Proxy] = []

    def make(fault: Fault | None = None, share: float | None = None) -> Proxy:
        if fault is not None:
            monkeypatch.setattr(proxy, "FAULTS", {"GET": (fault,), "POST": (fault,)})
        made = Proxy(payer.url, share=(fault is not None) if share is None else share, seed=1)
        running.append(made.__enter__())
        return made

    yield make
    for made in running:
        made.__exit__()
        assert made.broken == []


def call(
    via: Proxy, method: str = "POST", path: str = "/v1/refunds", key: str = "k"
) -> tuple[int, dict[str, str], bytes]:
    """One call as a client makes it: status, headers in lower case, body."""
    connection = http.client.HTTPConnection(via.url.removeprefix("http://"), timeout=PATIENCE)
    try:
        connection.request(method, path, b"amount=1250", {"Idempotency-Key": key})
        with connection.getresponse() as answer:
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def test_without_a_fault_nothing_is_changed(through: Callable[..., Proxy], payer: Payer) -> None:
    """Method, path, body and headers arrive, and the answer comes back with its own."""
    via = through()
    status, headers, body = call(via, path="/v1/refunds?charge=ch_1")
    assert (status, headers["request-id"], json.loads(body)) == (200, "k", PAID)
    assert payer.told == [("POST", "/v1/refunds?charge=ch_1", "amount=1250")]
    assert via.counts == {"passed on": 1}


def test_a_connection_serves_many_calls(through: Callable[..., Proxy], payer: Payer) -> None:
    """As a client that keeps its connection open makes them."""
    connection = http.client.HTTPConnection(through().url.removeprefix("http://"), timeout=PATIENCE)
    for _ in range(3):
        connection.request("GET", "/v1/refunds?charge=ch_1")
        with connection.getresponse() as answer:
            assert json.load(answer) == PAID
    connection.close()
    assert len(payer.told) == 3


@pytest.mark.parametrize(("fault", "status", "told"), ANSWERED)
def test_another_answer(
    through: Callable[..., Proxy], payer: Payer, fault: Fault, status: int, told: list[Told]
) -> None:
    """The client is told something else than the payer said, which was asked or not."""
    via = through(fault)
    got, _, body = call(via)
    assert (got, payer.told) == (status, told)
    assert json.dumps(PAID).encode() != body
    assert via.counts == {fault.__name__: 1}


@pytest.mark.parametrize(("fault", "error", "told"), SILENT)
def test_no_answer(
    through: Callable[..., Proxy], payer: Payer, fault: Fault, error: type[Exception], told: list[Told]
) -> None:
    """The client waits in vain or loses its connection, after the payer has acted or before."""
    via = through(fault)
    with pytest.raises(error) as met:
        call(via)
    assert met.type is error
    assert payer.told == told
    assert via.counts == {fault.__name__: 1}


def test_every_fault_is_tested() -> None:
    """Each of the table is among those above."""
    assert {fault for fault, *_ in (*ANSWERED, *SILENT)} == set(FAULTS["POST"])
    assert set(FAULTS["GET"]) < set(FAULTS["POST"])


def test_a_429_says_when_to_come_back(through: Callable[..., Proxy]) -> None:
    """Its answer has Retry-After, in seconds, and is an error as Stripe writes it."""
    _, headers, body = call(through(faults.too_many_calls))
    assert headers["retry-after"] == "1"
    assert json.loads(body)["error"]["code"] == "rate_limit"


def test_a_kept_error_is_all_that_a_key_gets(through: Callable[..., Proxy], payer: Payer) -> None:
    """The payer acts once; later tries with that key do not reach it, those with another do."""
    via = through(faults.error_kept)
    assert [call(via, key=key)[0] for key in ("k", "k", "other")] == [500, 500, 500]
    assert payer.told == TOLD * 2
    assert via.counts == {"error_kept": 2, "answered by a kept error": 1}


def test_what_is_late_comes_after_the_next_try(
    through: Callable[..., Proxy], payer: Payer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call held back reaches the payer after the next one with its key has, and not before."""
    via = through(faults.late)
    with pytest.raises(TimeoutError):
        call(via)
    monkeypatch.setattr(proxy, "FAULTS", {"POST": (faults.error_before,)})
    assert call(via)[0] == 500
    assert payer.told == []
    monkeypatch.setattr(proxy, "FAULTS", {"POST": (faults.error_after,)})
    assert call(via, key="other")[0] == 500
    assert payer.told == TOLD
    assert call(via)[0] == 500
    assert payer.told == TOLD * 3


def test_settling_passes_on_what_is_still_held(through: Callable[..., Proxy], payer: Payer) -> None:
    """At the end nothing is left that could reach the payer afterwards."""
    via = through(faults.late)
    with pytest.raises(TimeoutError):
        call(via)
    via.settle()
    assert payer.told == TOLD
    via.settle()
    assert payer.told == TOLD


def test_half_a_call_is_none(through: Callable[..., Proxy], payer: Payer) -> None:
    """A client that is killed before it has sent all has told the payer nothing."""
    via = through()
    host, port = via.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as client:
        client.sendall(b"POST /v1/refunds HTTP/1.1\r\nContent-Length: 11\r\n\r\namount")
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""
    assert (payer.told, via.counts) == ([], {})


def test_only_calls_about_refunds_are_spoilt(through: Callable[..., Proxy], payer: Payer) -> None:
    """A charge is passed on, whatever the share."""
    assert call(through(faults.error_before), path="/v1/charges")[0] == 200
    assert payer.told == [("POST", "/v1/charges", "amount=1250")]


def test_the_share_is_kept_and_every_fault_comes_up(
    through: Callable[..., Proxy], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 400 calls some 120 are spoilt, by each fault of the table; the same ones for the same seed."""
    quick = tuple(_quick(fault.__name__) for fault in FAULTS["POST"])
    monkeypatch.setattr(proxy, "FAULTS", {"POST": quick})
    counts = []
    for _ in range(2):
        via = through(share=0.3)
        for _ in range(400):
            call(via)
        counts.append(via.counts)
    assert counts[0] == counts[1]
    assert 90 < 400 - counts[0]["passed on"] < 150
    assert set(counts[0]) == {"passed on", *(fault.__name__ for fault in quick)}


def _quick(name: str) -> Fault:
    """A fault of that name which takes no time."""

    def fault(call: Exchange) -> None:
        call.answer(faults.BROKEN)

    fault.__name__ = name
    return fault


def test_a_payer_that_is_away_is_not_a_fault_of_ours() -> None:
    """It is noted as what must not happen."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        payer = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        with Proxy(payer, share=0, seed=1) as via, pytest.raises(http.client.RemoteDisconnected):
            call(via)
    assert len(via.broken) == 1
    assert via.broken[0].startswith("the payer does not answer POST /v1/refunds: ConnectionRefusedError")
