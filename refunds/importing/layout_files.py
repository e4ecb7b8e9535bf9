"""Read layout files: TOML with a small, closed set of keys. Each error is one line that names the file and the key."""

import dataclasses
import tomllib
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from .layout import REJECTED, REQUIRED, UNIT_PRICE, Layout, folded
from .layout_columns import BadLayout, checked_column, checked_table, checked_text, checked_texts, known_keys
from .layout_values import checked_dates, checked_encoding, checked_one_of, checked_zone, marks, separator_called
from .rows import OPTIONAL

FIELDS: Final = (*REQUIRED, UNIT_PRICE, *OPTIONAL)
# Fields that can have one value for a whole kind of file. The other fields differ from row to row.
CONSTANT: Final = ("currency", "quantity", "reason")


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
        encoding=found.encoding if encoding is None else checked_encoding(encoding),
        decimal=found.decimal if decimal is None else marks(decimal, found.thousands)[0],
    )


def parse(text: str, name: str) -> Layout:
    """Return the layout in a TOML text. Messages call it `name`. Raises BadLayout."""
    try:
        given = tomllib.loads(text)
    except (RecursionError, ValueError) as error:  # TOMLDecodeError, and Python's error on a number that is too long
        raise BadLayout(f"layout {name} is not TOML: {error}") from error
    try:
        layout = _layout(given, name)
        _check_names(layout)
        return layout
    except BadLayout as error:
        raise BadLayout(f"layout {name}: {error}") from error


def _layout(given: dict[str, Any], name: str) -> Layout:
    known_keys("key", given, _KEYS)
    decimal, thousands = marks(given.get("decimal", "."), given.get("thousands", ""))
    columns = checked_table(given, "columns")
    known_keys("field in [columns]", columns, FIELDS)
    constants = _constants(checked_table(given, "constants"), columns)
    _check_complete(columns, constants)
    return Layout(
        name=name,
        fields={field: checked_column(field, spec) for field, spec in columns.items()},
        constants=constants,
        accept=_accept(checked_table(given, "accept")),
        hints=_hints(checked_table(given, "hints")),
        ignore=checked_texts("ignore", given.get("ignore", [])),
        ignore_unknown=checked_one_of(given, "unknown_columns", ("refuse", "ignore")) == "ignore",
        separator=separator_called(given.get("separator", ",")),
        encoding=checked_encoding(given.get("encoding", "utf-8")),
        decimal=decimal,
        thousands=thousands,
        dates=checked_dates(given.get("dates", ["iso"]), zoned="zone" in given),
        zone=checked_zone(given["zone"]) if "zone" in given else None,
        negative_quantity=checked_one_of(given, "quantity_sign", ("positive", "negative")) == "negative",
        negative_amount=checked_one_of(given, "amount_sign", ("positive", "negative")) == "negative",
    )


def _constants(given: dict[str, Any], columns: Iterable[str]) -> dict[str, str]:
    known_keys("field in [constants]", given, CONSTANT)
    for field, value in given.items():
        checked_text(f"constants.{field}", value)
        if field in columns:
            raise BadLayout(f"{field} is in [columns] and in [constants]; remove it from one of them")
    return given


def _accept(given: dict[str, Any]) -> dict[str, frozenset[str]]:
    return {column: frozenset(checked_texts(f"accept.{column}", values)) for column, values in given.items()}


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
