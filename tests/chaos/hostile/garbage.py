"""What can lie in a broker's Redis besides messages, and messages that kombu itself cannot read."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .wire import QUEUE, Message, pay

# Past the recursion of any JSON parser; and about where Python's reads for the last time, and no longer writes.
ABYSS, BRINK = 100_000, (500, 900, 940, 960, 980)


@dataclass(frozen=True)
class Raw:
    """Bytes in the queue's list that no kombu wrote."""

    item: bytes

    def put(self, channel: Any) -> None:
        """Push them as a message is pushed; the client adds the key prefix."""
        with channel.conn_or_acquire() as client:
            client.lpush(QUEUE, self.item)


def marked(kind: Any, value: Any = 1) -> dict[str, Any]:
    """An object that kombu's JSON takes for a date, a UUID and the like."""
    return {"__type__": kind, "__value__": value}


MARKED: Mapping[str, Any] = {
    "an unknown type": marked("nope"),
    "a type that is a list": marked(["uuid"]),
    "a type that is an object": marked({"a": 1}),
    "a bad UUID": marked("uuid", {"hex": "x"}),
    "a UUID of other keywords": marked("uuid", {"hexagon": 6}),
    "a UUID that is no object": marked("uuid", 5),
    "a bad decimal": marked("decimal", "x"),
    "a decimal that is a list": marked("decimal", [1]),
    "a bad date": marked("datetime", "soon"),
    "a date that is a number": marked("date", 5),
    "bytes that are a number": marked("bytes", 5),
    "bad base64": marked("base64", "x"),
}


def _in_properties(target: int) -> Message:
    return Message(pay(target).body, pay(target).headers, {"correlation_id": MARKED["an unknown type"]})


def _in_header(value: Any) -> Callable[[int], Message]:
    return lambda target: pay(target).with_headers(x=value)


def _in_stamps(value: Any) -> Callable[[int], Message]:
    return lambda target: pay(target).with_headers(stamped_headers=["a"], stamps={"a": [value]})


MARKED_CASES: Mapping[str, Callable[[int], Message]] = {
    **{f"with {name}": _in_header(value) for name, value in MARKED.items()},
    **{f"with {name} inside stamps": _in_stamps(value) for name, value in MARKED.items()},
    "with an unknown type in the properties": _in_properties,
}


def changed(**changes: Any) -> bytes:
    """A message as kombu writes it, with other parts; `None` leaves a part out."""
    whole: dict[str, Any] = {
        "body": "W1tdLCB7fSwgbnVsbF0=",
        "content-type": "application/json",
        "content-encoding": "utf-8",
        "headers": {"task": "refunds.pay_refund", "id": "1"},
        "properties": properties(),
    }
    return json.dumps({name: value for name, value in {**whole, **changes}.items() if value is not None}).encode()


def properties(**changes: Any) -> dict[str, Any]:
    """Properties as kombu writes them, with other values."""
    usual = {
        "delivery_tag": "tag",
        "delivery_info": {"exchange": "", "routing_key": QUEUE},
        "body_encoding": "base64",
        "priority": 0,
    }
    return {**usual, **changes}


def deep(levels: int, **changes: Any) -> bytes:
    """A message with the text `"deep"` replaced by lists in each other, which Python's encoder could not write."""
    return changed(**changes).replace(b'"deep"', b"[" * levels + b"]" * levels)


RAW: Mapping[str, bytes] = {
    **{f"headers nested {levels} deep": deep(levels, headers={"task": "x", "x": "deep"}) for levels in BRINK},
    "empty": b"",
    "text": b"hello",
    "not UTF-8": b"\xff\xfe\x00",
    "nested deep": b"[" * ABYSS,
    "an object nested deep": b'{"a":' * ABYSS,
    "10 MB of small objects": b"[" + b"{}," * 3_333_333 + b"1]",
    "10 MB of text": b"x" * 10_000_000,
    "10 MB of an unknown type": json.dumps(marked("nope", "x" * 10_000_000)).encode(),
    "a number": b"1",
    "a number of 5,000 digits": b"9" * 5_000,
    "null": b"null",
    "a list": b"[]",
    "an empty object": b"{}",
    "without headers": changed(headers=None),
    "headers a list": changed(headers=[1]),
    "headers a text": changed(headers="task"),
    "without properties": changed(properties=None),
    "properties a list": changed(properties=[]),
    "without a delivery tag": changed(properties={"delivery_info": {"exchange": "", "routing_key": QUEUE}}),
    "delivery tag a list": changed(properties=properties(delivery_tag=[1])),
    "delivery tag a number": changed(properties=properties(delivery_tag=1)),
    "delivery tag a surrogate": changed(properties=properties(delivery_tag="\ud800")),
    "delivery tag of 100,000 characters": changed(properties=properties(delivery_tag="x" * 100_000)),
    "delivery info a text": changed(properties=properties(delivery_info="x")),
    "delivery info empty": changed(properties=properties(delivery_info={})),
    "exchange a list": changed(properties=properties(delivery_info={"exchange": [1], "routing_key": QUEUE})),
    "routing key a number": changed(properties=properties(delivery_info={"exchange": "", "routing_key": 5})),
    "priority a decimal of a billion digits": changed(
        properties=properties(priority=marked("decimal", "1E+999999999"))
    ),
    "priority infinite": changed(properties=properties(priority=float("inf"))),
    "body a number": changed(body=5),
    "body an object": changed(body={"a": 1}, properties=properties(body_encoding=None)),
    "body not base64": changed(body="x"),
    "an unknown body encoding": changed(properties=properties(body_encoding="rot13")),
    "body encoding a number": changed(properties=properties(body_encoding=5)),
}
# What kombu can read, and the consumer refuses.
REFUSED_RAW: Mapping[str, bytes] = {
    "without a body": changed(body=None),
    "priority a text": changed(properties=properties(priority="high"), headers={}),
    "properties nested 50 deep": deep(50, properties=properties(reply_to="deep")),
    "properties of 100,000 characters": changed(properties=properties(reply_to="x" * 100_000)),
}
