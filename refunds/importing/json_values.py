"""Parse JSON, with the digits of its numbers as written, and with the positions of its rows."""

import json
from collections.abc import Iterator
from typing import Any, Final

SPACE: Final = " \t\r\n"


class Number(str):
    """Keeps the digits of a JSON number as written; a float would change them."""

    __slots__ = ()


class Doubled(str):
    """Marks an object that has this key twice."""

    __slots__ = ()


def _object(pairs: list[tuple[str, Any]]) -> Any:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if isinstance(value, Doubled):
            return value
        if name in found:
            return Doubled(name)
        found[name] = value
    return found


DECODER: Final = json.JSONDecoder(
    parse_float=Number, parse_int=Number, parse_constant=Number, object_pairs_hook=_object
)


def values(text: str) -> Iterator[tuple[int, int, Any]]:
    """Yield the begin, the end and the value of each row. Raises JSONDecodeError."""
    at = _skip(text, 0)
    while at < len(text):
        if text[at] != "[":
            parsed, end = DECODER.raw_decode(text, at)
            yield at, end, parsed
            at = _skip(text, end)
            continue
        at = _skip(text, at + 1)
        while text[at : at + 1] != "]":
            parsed, end = DECODER.raw_decode(text, at)
            yield at, end, parsed
            at = _after_element(text, _skip(text, end))
        at = _skip(text, at + 1)


def _after_element(text: str, at: int) -> int:
    """Return the position of the next element, or of the bracket that ends the list."""
    if text[at : at + 1] == "]":
        return at
    if text[at : at + 1] != ",":
        raise json.JSONDecodeError("Expecting ',' or the end of the list", text, at)
    at = _skip(text, at + 1)
    if text[at : at + 1] == "]":
        raise json.JSONDecodeError("A comma before the end of the list", text, at)
    return at


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in SPACE:
        at += 1
    return at


def literal(value: Any) -> str:
    """Return a value of `parsed` as JSON on one line, with its numbers as written."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        pairs = (f"{json.dumps(key)}: {literal(each)}" for key, each in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    return json.dumps(value)
