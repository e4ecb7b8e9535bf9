"""Escape cells of CSV files, because a spreadsheet runs a cell that looks like a formula.

As OWASP's page on CSV injection says, an apostrophe goes before =, +, -, @, tab and line breaks, in full width too: at
the beginning of a cell, and after a character that another spreadsheet can read as a separator. Every export of CSV
passes its cells through `escaped`. An import passes only the cells of such an export through `unescaped`.
"""

import re
from typing import Final

_RUN: Final = r"[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"
_STARTS: Final = r"(?:^|(?<=[,;|\t\r\n]))"
# An apostrophe that was there gets another one, so that removing one restores the cell.
_ESCAPE: Final = re.compile(rf"{_STARTS}(?='*{_RUN})")
_UNESCAPE: Final = re.compile(rf"{_STARTS}'(?='*{_RUN})")
# A negative amount is not a formula, and people correct it as a number.
_NUMBER: Final = re.compile(r"[+-]?\d+(?:[.,]\d+)*", re.ASCII)


def escaped(cell: str) -> str:
    """Return the cell so that no spreadsheet runs it; `unescaped` restores it exactly."""
    return cell if _NUMBER.fullmatch(cell) else _ESCAPE.sub("'", cell)


def unescaped(cell: str) -> str:
    """Return the cell before `escaped`."""
    return _UNESCAPE.sub("", cell)
