"""Read the columns of a layout file, and check its values. Each error is one line that names the key."""

import re
from collections.abc import Iterable
from typing import Any, Final

from .errors import BadFile
from .layout import NUMBERS, REQUIRED, UNIT_PRICE, Column

_COLUMN_KEYS: Final = ("name", "join", "with", "strip_suffix", "uppercase", "number", "required")
# A suffix must have more than digits: a layout could otherwise make a valid number from an invalid one.
_SUFFIX: Final = re.compile(r".*[^\d].*", re.DOTALL)


class BadLayout(BadFile):
    """A layout file, or an option that changes a layout, is wrong; the message is one line that says what to do."""


def known_keys(what: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Raise BadLayout for an unknown key."""
    for key in given:
        if key not in known:
            raise BadLayout(f"unknown {what}: {key!r}; known are {', '.join(known)}")


def checked_table(given: dict[str, Any], key: str) -> dict[str, Any]:
    """Return the table of that key, or an empty one. Raises BadLayout."""
    found = given.get(key, {})
    if not isinstance(found, dict):
        raise BadLayout(f"{key} must be a table: begin it with a line [{key}]")
    return found


def checked_text(key: str, value: Any) -> str:
    """Return the text, which must not be empty. Raises BadLayout."""
    if not isinstance(value, str) or not value.strip():
        raise BadLayout(f'{key} must be a text that is not empty, such as {key.rpartition(".")[2]} = "Order"')
    return value


def checked_texts(key: str, value: Any) -> tuple[str, ...]:
    """Return the list's texts. Raises BadLayout."""
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise BadLayout(f'{key} must be a list of texts, such as ["a", "b"]')
    return tuple(value)


def checked_column(field: str, spec: Any) -> Column:
    """Return a field's column from its name, its names or its table in [columns]. Raises BadLayout."""
    key = f"columns.{field}"
    number = field in NUMBERS
    needed = field in (*REQUIRED, UNIT_PRICE)
    if not isinstance(spec, dict):
        return Column((_names(key, spec),), number=number, required=needed)
    known_keys(f"key in {key}", spec, _COLUMN_KEYS)
    suffix = spec.get("strip_suffix", "")
    if suffix and (not isinstance(suffix, str) or number or not _SUFFIX.fullmatch(suffix)):
        raise BadLayout(f'{key}.strip_suffix takes a text with more than digits off a text, such as ".0" off an id')
    return Column(
        _parts(key, spec, number=number),
        joined_by=spec.get("with", ""),
        strip_suffix=suffix,
        uppercase=_yes(key, spec, "uppercase"),
        number=_yes(key, spec, "number") or number,
        required=_yes(key, spec, "required") or needed,
    )


def _parts(key: str, spec: dict[str, Any], *, number: bool) -> tuple[tuple[str, ...], ...]:
    if ("name" in spec) == ("join" in spec):
        raise BadLayout(f'{key} needs either name = "Column" or join = ["Column", "Column"]')
    if ("with" in spec) != ("join" in spec):
        raise BadLayout(f'{key}: join and with go together, such as join = ["Order", "SKU"], with = "/"')
    if "name" in spec:
        return (_names(key, spec["name"]),)
    if number:
        raise BadLayout(f"{key}: a number is one column; use name instead of join")
    if not isinstance(spec["join"], list) or len(spec["join"]) < 2:  # noqa: PLR2004  # joining needs two
        raise BadLayout(f"{key}.join must be a list of two or more columns")
    if not isinstance(spec["with"], str) or not spec["with"]:
        raise BadLayout(f'{key}.with must be a text that keeps the columns apart, such as "/"')
    return tuple(_names(key, each) for each in spec["join"])


def _yes(key: str, spec: dict[str, Any], flag: str) -> bool:
    value = spec.get(flag, False)
    if not isinstance(value, bool):
        raise BadLayout(f"{key}.{flag} must be true or false")
    return value


def _names(key: str, value: Any) -> tuple[str, ...]:
    names = value if isinstance(value, list) else [value]
    if not names or not all(isinstance(each, str) and each.strip() for each in names):
        raise BadLayout(f'{key} must be a column\'s name, or a list of the names it can have: ["Order", "Order no."]')
    return tuple(each.strip() for each in names)
