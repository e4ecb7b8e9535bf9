"""Read layout files: TOML with a small, closed set of keys. Each error is one line that names the file and the key."""

import dataclasses
import tomllib
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from zoneinfo import ZoneInfo

from .dates import check_format
from .encodings import encoding_called
from .layout import REJECTED, REQUIRED, UNIT_PRICE, Layout, folded
from .layout_columns import BadLayout, checked_column, checked_table, checked_text, checked_texts, known_keys
from .rows import OPTIONAL

FIELDS: Final = (*REQUIRED, UNIT_PRICE, *OPTIONAL)
# Fields that can have one value for a whole kind of file. The other fields differ from row to row.
CONSTANT: Final = ("currency", "quantity", "reason")
SEPARATORS: Final[Mapping[str, str]] = MappingProxyType({"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"})
_DECIMALS: Final = (".", ",")
# U+00A0 and U+202F are the spaces with which French and other files group digits.
_THOUSANDS: Final = ("", ",", ".", " ", "'", "\u2019", "\u00a0", "\u202f")


def load(layout: str) -> Layout:
    """Return the shipped layout of that name, or the layout in a file. Raises BadLayout.

    A name that ends with .toml or has a path separator is the path of a file.
    """
    if not layout.endswith(".toml") and not {"/", "\\"} & set(layout):
        if layout not in LAYOUTS:
            raise BadLayout(
                f"there is no layout {layout!r}; there are {', '.join(LAYOUTS)}, or give the path of a layout file"
            )
        return LAYOUTS[layout]
    try:
        text = Path(layout).read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise BadLayout(f"cannot read layout {layout}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadLayout(f"layout {layout} is not UTF-8, as TOML is: save it as UTF-8") from error
    return parse(text, layout)


def overridden(layout: str, *, separator: str | None, encoding: str | None, decimal: str | None) -> Layout:
    """Load a layout, and change it by a command's options. Raises BadLayout."""
    found = load(layout)
    return dataclasses.replace(
        found,
        separator=found.separator if separator is None else separator_called(separator),
        encoding=found.encoding if encoding is None else _encoding(encoding),
        decimal=found.decimal if decimal is None else marks(decimal, found.thousands)[0],
    )


def parse(text: str, name: str) -> Layout:
    """Return the layout in a TOML text. Messages call it `name`. Raises BadLayout."""
    try:
        given = tomllib.loads(text)
    except (RecursionError, ValueError) as error:  # TOMLDecodeError, and Python's error on a number that is too long
        raise BadLayout(f"layout {name} is not TOML: {error}") from error
    try:
        return _layout(given, name)
    except BadLayout as error:
        raise BadLayout(f"layout {name}: {error}") from error


def separator_called(value: Any) -> str:
    """Return the separator's character. `value` is the character or its name. Raises BadLayout."""
    found = SEPARATORS.get(value, value) if isinstance(value, str) else value
    if found not in SEPARATORS.values():
        raise BadLayout(f"separator is {value!r}; write one of {', '.join(SEPARATORS)}, or the character itself")
    return str(found)


def marks(decimal: Any, thousands: Any) -> tuple[str, str]:
    """Return the two marks of numbers, which must differ. Raises BadLayout."""
    if decimal not in _DECIMALS:
        raise BadLayout(f'decimal is {decimal!r}; write "." or ","')
    if thousands not in _THOUSANDS:
        raise BadLayout(f'thousands is {thousands!r}; write one of , . \' or a space, or "" where numbers have none')
    if decimal == thousands:
        raise BadLayout(f"decimal and thousands are both {decimal!r}; a mark can be one of them only")
    return decimal, thousands


def _layout(given: dict[str, Any], name: str) -> Layout:
    known_keys("key", given, _KEYS)
    decimal, thousands = marks(given.get("decimal", "."), given.get("thousands", ""))
    columns = checked_table(given, "columns")
    known_keys("field in [columns]", columns, FIELDS)
    constants = _constants(checked_table(given, "constants"), columns)
    _check_complete(columns, constants)
    layout = Layout(
        name=name,
        fields={field: checked_column(field, spec) for field, spec in columns.items()},
        constants=constants,
        accept={
            column: frozenset(checked_texts(f"accept.{column}", v))
            for column, v in checked_table(given, "accept").items()
        },
        hints=_hints(checked_table(given, "hints")),
        ignore=checked_texts("ignore", given.get("ignore", [])),
        ignore_unknown=_one_of(given, "unknown_columns", ("refuse", "ignore")) == "ignore",
        separator=separator_called(given.get("separator", ",")),
        encoding=_encoding(given.get("encoding", "utf-8")),
        decimal=decimal,
        thousands=thousands,
        dates=_dates(given.get("dates", ["iso"]), zoned="zone" in given),
        zone=_zone(given["zone"]) if "zone" in given else None,
        negative_quantity=_one_of(given, "quantity_sign", ("positive", "negative")) == "negative",
        negative_amount=_one_of(given, "amount_sign", ("positive", "negative")) == "negative",
    )
    _check_names(layout)
    return layout


def _one_of(given: dict[str, Any], key: str, values: tuple[str, str]) -> str:
    value = given.get(key, values[0])
    if value not in values:
        raise BadLayout(f'{key} is {value!r}; write "{values[0]}" or "{values[1]}"')
    return str(value)


def _encoding(value: Any) -> str:
    try:
        return encoding_called(checked_text("encoding", value))
    except LookupError as error:
        raise BadLayout(str(error.args[0])) from error


def _zone(value: Any) -> ZoneInfo:
    try:
        return ZoneInfo(checked_text("zone", value))
    except (OSError, ValueError) as error:  # ZoneInfoNotFoundError is a KeyError; a directory is an OSError
        raise BadLayout(_no_zone(value)) from error
    except KeyError as error:
        raise BadLayout(_no_zone(value)) from error


def _no_zone(value: Any) -> str:
    return f"zone {value!r} is not a time zone; write one such as Europe/Paris or UTC"


def _dates(value: Any, *, zoned: bool) -> tuple[str, ...]:
    formats = checked_texts("dates", value)
    if not formats:
        raise BadLayout('dates must be a list of formats, such as ["iso"] or ["%d.%m.%Y %H:%M"]')
    for each in formats:
        try:
            check_format(each, zoned=zoned)
        except ValueError as error:
            raise BadLayout(f"dates: {error}") from error
    return formats


def _constants(given: dict[str, Any], columns: Iterable[str]) -> dict[str, str]:
    known_keys("field in [constants]", given, CONSTANT)
    for field, value in given.items():
        checked_text(f"constants.{field}", value)
        if field in columns:
            raise BadLayout(f"{field} is in [columns] and in [constants]; remove it from one of them")
    return given


def _hints(given: dict[str, Any]) -> dict[str, str]:
    known_keys("field in [hints]", given, FIELDS)
    return {field: checked_text(f"hints.{field}", value) for field, value in given.items()}


def _check_complete(columns: Iterable[str], constants: Iterable[str]) -> None:
    there = {*columns, *constants}
    if {"amount", UNIT_PRICE} <= there:
        raise BadLayout(f"amount and {UNIT_PRICE} are both in [columns]; an amount is read, or a price is multiplied")
    there |= {"amount"} & {"amount" for _ in there & {UNIT_PRICE}}
    missing = [field for field in REQUIRED if field not in there]
    if missing:
        raise BadLayout(
            f'[columns] has no {", ".join(missing)}; say which column it is, such as {missing[0]} = "Column"'
            + (f', or {missing[0]} = "…" in [constants]' if missing[0] in CONSTANT else "")
        )


def _check_names(layout: Layout) -> None:
    """Raise BadLayout if a name belongs to two columns. Two fields can read one column, with the same names."""
    owners: dict[str, tuple[str, ...]] = {}
    for part in (part for column in layout.fields.values() for part in column.parts):
        for name in part:
            if owners.setdefault(folded(name), part) != part:
                raise BadLayout(f"column {name!r} is among the names of two columns; remove it from one of them")
    for name in layout.ignore:
        if folded(name) in owners:
            raise BadLayout(f"column {name!r} is read and in ignore; remove it from one of them")
    for name in (*owners, *map(folded, layout.accept)):
        if name in REJECTED:
            raise BadLayout(f"column {name!r} is kept for files of rejected rows; name another")


_KEYS: Final = (
    "separator", "encoding", "decimal", "thousands", "dates", "zone", "quantity_sign", "amount_sign",
    "unknown_columns", "ignore", "columns", "constants", "accept", "hints",
)  # fmt: skip


def _shipped() -> dict[str, Layout]:
    folder = files(__package__) / "layouts"
    texts = {each.name.removesuffix(".toml"): each.read_text("utf-8") for each in folder.iterdir()}
    # The default comes first, in messages too.
    return {name: parse(texts[name], name) for name in sorted(texts, key=lambda name: (name != "own", name))}


LAYOUTS: Final[Mapping[str, Layout]] = MappingProxyType(_shipped())
OWN: Final = LAYOUTS["own"]
ONLINE_RETAIL: Final = LAYOUTS["online-retail"]
