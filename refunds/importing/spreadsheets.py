"""Cells for people who open a CSV file in a spreadsheet, which runs what looks like a formula.

As OWASP's page on CSV injection says, an apostrophe goes before =, +, -, @, tab and line breaks, in full width too: at
the beginning of a cell, and after a character that another spreadsheet can take for a separator. Every export of CSV
passes its cells through `escaped`; only a file that is known to be such an export is read back through `unescaped`.
"""

import re
from typing import Final

_RUN: Final = r"[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"
_STARTS: Final = r"(?:^|(?<=[,;|\t\r\n]))"
# An apostrophe that was there gets one more, so that taking one away gives back what was there.
_ESCAPE: Final = re.compile(rf"{_STARTS}(?='*{_RUN})")
_UNESCAPE: Final = re.compile(rf"{_STARTS}'(?='*{_RUN})")
# A negative amount is no formula, and is to be corrected as a number.
_NUMBER: Final = re.compile(r"[+-]?\d+(?:[.,]\d+)*", re.ASCII)


def escaped(cell: str) -> str:
    """The cell as no spreadsheet runs it; `unescaped` gives back exactly what it was."""
    return cell if _NUMBER.fullmatch(cell) else _ESCAPE.sub("'", cell)


def unescaped(cell: str) -> str:
    """What the cell was before `escaped`."""
    return _UNESCAPE.sub("", cell)
