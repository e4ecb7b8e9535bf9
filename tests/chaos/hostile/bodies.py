"""Bodies that are refused before a task sees them; each made for the id of a refund that waits to be paid."""

import json
import pickle
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from .wire import TASK, Message, pay

# Deeper than any parser here goes; and deep enough for Python to read, but not to hand to a child of the pool.
ABYSS, PIT = 100_000, 500
MEGABYTES = 10
# In the worker's folder: written by the process that unpickles the message.
PROOF = "unpickled"


class Evil:
    """Pickled, it is a call of open() in the worker's folder."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path(PROOF),)


def _deep(levels: int) -> str:
    return "[" * levels + "]" * levels


def _body(body: bytes | str, **changed: Any) -> Callable[[int], Message]:
    """The body as it is, whatever the refund."""
    return lambda target: replace(pay(target), body=body if isinstance(body, bytes) else body.encode(), **changed)


def _pickled(target: int) -> Message:
    body = pickle.dumps(((), {"refund_id": target, "evil": Evil()}, None))
    return replace(pay(target), body=body, content_type="application/x-python-serialize", content_encoding="binary")


def _pickled_and_called_json(target: int) -> Message:
    return replace(_pickled(target), content_type="application/json", content_encoding="utf-8")


def _protocol_1(target: int) -> Message:
    body = {"task": TASK, "id": "1", "args": [], "kwargs": {"refund_id": target}}
    return replace(pay(target), body=json.dumps(body).encode(), headers={})


def _compressed(target: int) -> Message:
    good = pay(target)
    return replace(good, body=zlib.compress(good.body)).with_headers(compression="application/x-gzip")


def _following(**embed: Any) -> Callable[[int], Message]:
    """A good message after which others are to be sent."""
    return lambda target: pay(target, embed=embed)


def _signature(task: str) -> dict[str, Any]:
    return {"task": task, "args": [], "kwargs": {}, "options": {}, "subtask_type": None, "immutable": True}


REFUSED: Mapping[str, Callable[[int], Message]] = {
    "pickled": _pickled,
    "pickled and called JSON": _pickled_and_called_json,
    "yaml": _body("!!python/object/apply:os.getcwd []", content_type="application/x-yaml"),
    "plain text": _body("hello", content_type="text/plain"),
    "plain data": _body("hello", content_type="application/data", content_encoding="binary"),
    "plain data of three": _body("abc", content_type="application/data", content_encoding="binary"),
    "without a type": lambda target: replace(pay(target), content_type=None),
    "in another encoding": lambda target: replace(pay(target), content_encoding="utf-16"),
    "in an unknown encoding": lambda target: replace(pay(target), content_encoding="no-such"),
    "compressed": _compressed,
    "compressed in an unknown way": lambda target: pay(target).with_headers(compression="no-such"),
    "rather deep in the arguments": _body(f'[[], {{"refund_id": {_deep(PIT)}}}, null]'),
    "not in UTF-8": _body(b'[[], {"refund_id": "\xff\xfe"}, null]'),
    "not JSON": _body("hello {"),
    "with a number of 5,000 digits": _body(f'[[], {{"refund_id": {"9" * 5000}}}, null]'),
    "with a text for a date": _body('[[], {"refund_id": {"__type__": "datetime", "__value__": "soon"}}, null]'),
    "empty": _body(""),
    "null": _body("null"),
    "zero": _body("0"),
    "true": _body("true"),
    "a text": _body('"abc"'),
    "a text about arguments": _body('"args"'),
    "an object": _body('{"id": "1", "task": "refunds.pay_refund"}'),
    "an empty list": _body("[]"),
    "of two parts": _body("[[], {}]"),
    "of four parts": _body("[[], {}, {}, {}]"),
    "with a list for keywords": _body("[[], [1], null]"),
    "with a text for arguments": _body('["ab", {}, null]'),
    "of protocol 1": _protocol_1,
    "embedding a list": lambda target: pay(target, embed=[1]),
    "embedding a text": lambda target: pay(target, embed="xx"),
    "embedding another id": _following(id="other", retries="x", delivery_info=5),
    "followed by one of our tasks": _following(callbacks=[_signature("refunds.send_digest")]),
    "followed by an unknown task": _following(callbacks=[_signature("no.such")]),
    "followed by a number": _following(callbacks=5),
    "failing to one of our tasks": _following(errbacks=[_signature("refunds.send_digest")]),
    "failing to a number": _following(errbacks=[5]),
    "in a chain": _following(chain=[_signature("refunds.send_digest")]),
    "in a chord": _following(chord=_signature("refunds.send_digest")),
    "in a chord that is a number": _following(chord=5),
}
# Longer than what kombu is given to read on Redis.
LONG: Mapping[str, Callable[[int], Message]] = {
    "of 10 MB": _body('[[], {"refund_id": "' + "x" * MEGABYTES * 1_000_000 + '"}, null]'),
    "deep": _body(_deep(ABYSS)),
    "deep in the arguments": _body(f'[[], {{"refund_id": {_deep(ABYSS)}}}, null]'),
    "deep in what is embedded": _body(f'[[], {{"refund_id": 1}}, {_deep(ABYSS)}]'),
}
