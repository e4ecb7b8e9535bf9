"""Escape cells of CSV files, because a spreadsheet runs a cell that looks like a formula.

Put an apostrophe before =, +, -, @, tab and line breaks, and before their full-width forms, as OWASP's page on CSV
injection says. Do so at the beginning of a cell, and after a character that a spreadsheet can read as a separator.
Every export of CSV calls `escaped` for its cells. An import calls `unescaped` only for the cells of such an export.
"""

import re
from typing import Final

_RUN: Final = r"[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"
_STARTS: Final = r"(?:^|(?<=[,;|\t\r\n]))"
# A cell with such an apostrophe gets another one, so that removing one restores the cell.
_ESCAPE: Final = re.compile(rf"{_STARTS}(?='*{_RUN})")
_UNESCAPE: Final = re.compile(rf"{_STARTS}'(?='*{_RUN})")
# A negative amount is not a formula, and people correct it as a number.
_NUMBER: Final = re.compile(r"[+-]?\d+(?:[.,]\d+)*", re.ASCII)


def escaped(cell: str) -> str:
    """Return the cell in a form that no spreadsheet runs; `unescaped` restores the cell exactly."""
    return cell if _NUMBER.fullmatch(cell) else _ESCAPE.sub("'", cell)


def unescaped(cell: str) -> str:
    """Return the cell before `escaped`."""
    return _UNESCAPE.sub("", cell)
