"""The proxy before a trivial payer: what it passes on, and what it does not."""

import http.client
import json
import socket
from collections.abc import Callable

import pytest

from . import faults, proxy
from .faults import FAULTS, Exchange, Fault
from .payer import LONG, PAID, SHORT, TOLD, Payer, call
from .proxy import Proxy


def test_without_a_fault_nothing_is_changed(through: Callable[..., Proxy], payer: Payer) -> None:
    """Method, path, body and headers arrive, and the answer comes back with its own."""
    via = through()
    status, headers, body = call(via, path="/v1/refunds?charge=ch_1")
    assert (status, headers["request-id"], json.loads(body)) == (200, "k", PAID)
    assert payer.told == [("POST", "/v1/refunds?charge=ch_1", "amount=1250")]
    assert via.counts == {"passed on": 1}


def test_a_connection_serves_many_calls(through: Callable[..., Proxy], payer: Payer) -> None:
    """As a client that keeps its connection open makes them."""
    connection = http.client.HTTPConnection(through().url.removeprefix("http://"), timeout=LONG)
    for _ in range(3):
        connection.request("GET", "/v1/refunds?charge=ch_1")
        with connection.getresponse() as answer:
            assert json.load(answer) == PAID
    connection.close()
    assert len(payer.told) == 3


def test_settling_passes_on_what_is_still_held(through: Callable[..., Proxy], payer: Payer) -> None:
    """At the end nothing is left that could reach the payer afterwards."""
    via = through(faults.late)
    with pytest.raises(TimeoutError):
        call(via, patience=SHORT)
    assert payer.told == []
    via.settle()
    assert payer.told == TOLD
    via.settle()
    assert payer.told == TOLD


def test_half_a_request_is_not_passed_on(through: Callable[..., Proxy], payer: Payer) -> None:
    """A client that is killed before it has sent all has told the payer nothing."""
    via = through()
    host, port = via.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=LONG) as client:
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
