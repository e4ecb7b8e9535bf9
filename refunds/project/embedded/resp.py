"""Replies as Redis writes them on the wire (RESP 2 and 3), from the values that fakeredis makes."""

from typing import Any

RESP3 = 3
NULL = {2: b"$-1\r\n", RESP3: b"_\r\n"}


def encode(value: Any, protocol: int) -> bytes:
    """The bytes of one reply. `protocol` is 2 or 3, as the client asked for by HELLO; 2 if it did not.

    `value` has the shape that the protocol wants; only the types that RESP 2 lacks are written in another way there.
    Raises TypeError for a type that Redis has no reply for.
    """
    if value is None:
        return NULL[protocol]
    if isinstance(value, bool | int | float):
        return _number(value, protocol)
    if isinstance(value, str | bytes):
        return _bulk(value.encode() if isinstance(value, str) else value)
    if isinstance(value, dict | list | tuple | set | frozenset):
        return _collection(value, protocol)
    return _status(value)


def error(message: str) -> bytes:
    """An error reply; the message begins with its code in capitals. A line break in it would end the reply."""
    return b"-%s\r\n" % " ".join(message.splitlines()).encode()


def _number(value: float, protocol: int) -> bytes:
    if isinstance(value, bool) and protocol == RESP3:
        return b"#t\r\n" if value else b"#f\r\n"
    if isinstance(value, int):  # True and False are 1 and 0 in RESP 2
        return b":%d\r\n" % value
    text = repr(value).encode()
    return b",%s\r\n" % text if protocol == RESP3 else _bulk(text)


def _bulk(data: bytes) -> bytes:
    return b"$%d\r\n%s\r\n" % (len(data), data)


def _collection(value: Any, protocol: int) -> bytes:
    mark, size, items = b"*", len(value), list(value)
    if isinstance(value, dict):
        items = [item for pair in value.items() for item in pair]
        mark, size = (b"%", size) if protocol == RESP3 else (b"*", len(items))
    elif isinstance(value, set | frozenset) and protocol == RESP3:
        mark = b"~"
    return mark + b"%d\r\n" % size + b"".join(encode(item, protocol) for item in items)


def _status(value: Any) -> bytes:
    # fakeredis' SimpleError and SimpleString: known by what they hold, because their module moves between its releases.
    held = getattr(value, "value", None)
    if isinstance(value, Exception) and isinstance(held, str):
        return error(held)
    if isinstance(held, bytes):
        return b"+%s\r\n" % held
    raise TypeError(f"Redis has no reply of type {type(value).__name__}: {value!r}")
