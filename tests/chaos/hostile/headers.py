"""Headers and properties, bad and merely odd; each made for the id of a refund that waits to be paid."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from .wire import Message, pay


def _with(**headers: Any) -> Callable[[int], Message]:
    return lambda target: pay(target).with_headers(**headers)


def _without(*names: str) -> Callable[[int], Message]:
    return lambda target: pay(target).without(*names)


def _nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def _in_two_hours(target: int) -> Message:
    return pay(target).with_headers(eta=(datetime.now(UTC) + timedelta(hours=2)).isoformat())


REFUSED: Mapping[str, Callable[[int], Message]] = {
    "none": lambda target: replace(pay(target), headers={}),
    "task null": _with(task=None),
    "task a list": _with(task=["refunds.pay_refund"]),
    "task a number": _with(task=5),
    "task of Celery's chords": _with(task="celery.chord_unlock"),
    "task of Celery's maps": _with(task="celery.map"),
    "id missing": _without("id"),
    "id null": _with(id=None),
    "id a number": _with(id=5),
    "id a list": _with(id=[1]),
    "id long": _with(id="x" * 100_000),
    "id of two lines": _with(id="x\n[2026-01-01 00:00:00,000: CRITICAL/MainProcess] a line of somebody else's"),
    "shadow of two lines": _with(shadow="x\ny"),
    "root_id a list": _with(root_id=[5]),
    "group an object": _with(group={"a": 1}),
    "eta garbage": _with(eta="soon"),
    "eta negative": _with(eta=-1),
    "eta huge": _with(eta="9999-12-31T23:59:59+00:00"),
    "eta beyond all": _with(eta="9999-12-31T23:59:59-14:00"),
    "eta before all": _with(eta="0001-01-01T00:00:00+14:00"),
    "eta without an offset": _with(eta="2026-07-15T12:00:00"),
    "eta in two hours": _in_two_hours,
    "expires garbage": _with(expires="never"),
    "expires a number": _with(expires=5),
    "expires an empty list": _with(expires=[]),
    "retries a text": _with(retries="many"),
    "retries negative": _with(retries=-(10**9)),
    "retries a list": _with(retries=[1]),
    "timelimit a text": _with(timelimit="xy"),
    "timelimit texts": _with(timelimit=["a", "b"]),
    "timelimit a number": _with(timelimit=5),
    "timelimit of three": _with(timelimit=[1, 2, 3]),
    "timelimit negative": _with(timelimit=[-1, -1]),
    "timelimit an object": _with(timelimit={"a": 1, "b": 2}),
    "stamped_headers a number": _with(stamped_headers=5, stamps="x"),
    "stamps a list": _with(stamped_headers=["a"], stamps=["x"]),
    "callbacks": _with(callbacks=[{"task": "refunds.send_digest"}]),
    "chord": _with(chord=5),
    "rather deep": _with(more=_nested(50)),
    "of 70,000 characters": _with(more="x" * 70_000),
    "of 70,000 characters in all": _with(**{f"x{n}": "x" * 1_000 for n in range(70)}),
}
NOT_IN_AMQP: Mapping[str, Callable[[int], Message]] = {
    "eta nan": _with(eta=float("nan")),
    "timelimit beyond every float": _with(timelimit=[10**400, 10**400]),
    "soft timelimit beyond every float": _with(timelimit=[None, 10**400]),
    "timelimit nan": _with(timelimit=[float("nan"), float("nan")]),
    "content type a number": lambda target: replace(pay(target), content_type=5),
    "content encoding a number": lambda target: replace(pay(target), content_encoding=5),
}
LONG: Mapping[str, Callable[[int], Message]] = {"of 10 MB": _with(more="x" * 10_000_000)}
# What a newer release or another client can send: it is ignored, and the work is done.
HARMLESS: Mapping[str, Callable[[int], Message]] = {
    "missing where Celery has a default": lambda target: replace(
        pay(target), headers={name: pay(target).headers[name] for name in ("task", "id")}
    ),
    "unknown": _with(tenant="eu", traceparent="00-1-2-01", nested={"a": [1]}),
    "reply_to": lambda target: replace(pay(target), properties={"reply_to": "decisions", "correlation_id": "x"}),
    "priority and other properties": lambda target: replace(
        pay(target), properties={"priority": 9, "type": "x", "app_id": "a", "message_id": "5"}
    ),
    "argsrepr an object": _with(argsrepr={"a": 1}, kwargsrepr=5, origin=[1], lang=5),
    "is_eager and called_directly": _with(is_eager=True, called_directly=True, hostname="x", loglevel="x"),
    "ignore_result a text": _with(ignore_result="yes"),
    "nothing follows": lambda target: pay(target, embed=None),
    "eta past": _with(eta="2001-01-01T00:00:00+00:00"),
}
