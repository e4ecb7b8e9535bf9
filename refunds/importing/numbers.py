"""Convert numbers with a layout's decimal and thousands marks to plain digits."""

import re
from functools import cache

from .errors import BadRow, shown
from .fields import Cells, required


@cache
def _written(decimal: str, thousands: str) -> re.Pattern[str]:
    grouped = rf"|\d{{1,3}}(?:{re.escape(thousands)}\d{{3}})+" if thousands else ""
    return re.compile(rf"[+-]?(?:\d+{grouped})(?:{re.escape(decimal)}\d+)?", re.ASCII)


def plain(cells: Cells, name: str, decimal: str, thousands: str) -> Cells:
    """Return cells in which the number under `name` has a dot before its decimals and no other mark.

    Raises BadRow for a mark at a place that the layout does not allow; a group has three digits.
    """
    if decimal == "." and not thousands:
        if "," in cells.get(name, ""):
            raise BadRow(
                f"{name} {shown(cells[name].strip())} is not a number with a dot before its decimals; if a comma is "
                'there, import it with --decimal , and if commas group its digits, use a layout with thousands = ","'
            )
        return cells
    value = required(cells, name)
    if not _written(decimal, thousands).fullmatch(value):
        groups = f"{thousands!r} between groups of three digits" if thousands else "nothing between groups of digits"
        raise BadRow(f"{name} {shown(value)} is not a number with {decimal!r} before its decimals and {groups}")
    if thousands:
        value = value.replace(thousands, "")
    return {name: value.replace(decimal, ".")}


def negated(cells: Cells, name: str) -> Cells:
    """Return cells in which the number under `name`, which must be negative, has lost its minus."""
    value = required(cells, name)
    if not value.startswith("-"):
        raise BadRow(f"{name} {shown(value)} is not negative: not a return")
    return {name: value.removeprefix("-")}
