"""The faults, each seen from both sides: what the client meets, and what the payer was told."""

import http.client
import json
from collections.abc import Callable

import pytest

from . import faults, proxy
from .faults import FAULTS, Fault
from .payer import LONG, PAID, SHORT, TOLD, Payer, Told, call
from .proxy import Proxy

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
    """The client gets no answer or loses its connection, after the payer has acted or before."""
    via = through(fault)
    with pytest.raises(error) as met:
        call(via, patience=SHORT if error is TimeoutError else LONG)
    assert met.type is error
    if fault is not faults.late:
        via.settle()
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
        call(via, patience=SHORT)
    monkeypatch.setattr(proxy, "FAULTS", {"POST": (faults.error_before,)})
    assert call(via)[0] == 500
    assert payer.told == []
    monkeypatch.setattr(proxy, "FAULTS", {"POST": (faults.error_after,)})
    assert call(via, key="other")[0] == 500
    assert payer.told == TOLD
    assert call(via)[0] == 500
    assert payer.told == TOLD * 3
