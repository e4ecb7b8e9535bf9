"""Find out why a file cannot be read, and which option reads it."""

import codecs
import re
from typing import Final

from .errors import shown
from .layout import Bound, Layout
from .layout_files import LAYOUTS
from .layout_values import SEPARATORS

_NAMES: Final = {mark: name for name, mark in SEPARATORS.items()}
_SAVE_AS: Final = "open it in a spreadsheet and save it as CSV (UTF-8)"
# The first bytes of files that are not text, and what to do with each.
_MAGIC: Final = (
    (b"PK\x03\x04", f"a workbook (.xlsx, .ods) or a ZIP archive: {_SAVE_AS}, or unpack it"),
    (b"\xd0\xcf\x11\xe0", f"an old workbook (.xls): {_SAVE_AS}"),
    (b"\x1f\x8b", "compressed with gzip: gunzip -c FILE | python -m refunds import_returns -"),
    (b"BZh", "compressed with bzip2: bunzip2 -c FILE | python -m refunds import_returns -"),
    (b"\xfd7zXZ", "compressed with xz: unxz -c FILE | python -m refunds import_returns -"),
    (b"(\xb5/\xfd", "compressed with zstd: unzstd -c FILE | python -m refunds import_returns -"),
    (b"%PDF", "a PDF: ask for the file as CSV"),
    (codecs.BOM_UTF32_LE, "UTF-32: save it as UTF-8"),
    (codecs.BOM_UTF32_BE, "UTF-32: save it as UTF-8"),
    (codecs.BOM_UTF16_LE, "UTF-16: import it with --encoding utf-16"),
    (codecs.BOM_UTF16_BE, "UTF-16: import it with --encoding utf-16"),
)
_MARKUP: Final = re.compile(rb"\s*<(?:!doctype|html|\?xml|table|[a-z]+[ >])", re.IGNORECASE)
# Excel can write this first line, which names the separator of the lines below.
_SEP: Final = re.compile(rb'"?sep=(.)"?[\r\n]*', re.IGNORECASE | re.DOTALL)


def other_format(beginning: bytes) -> str | None:
    """Return what the file is, by its first bytes; None for text in an encoding like ASCII."""
    for magic, what in _MAGIC:
        if beginning.startswith(magic):
            return what
    if b"\x00" in beginning[:4]:
        # In English text in UTF-16 without a byte order mark, every second byte is NUL.
        for encoding, nuls in (("utf-16-le", beginning[1:4:2]), ("utf-16-be", beginning[:4:2])):
            if set(nuls) == {0}:
                return f"UTF-16 without a byte order mark: import it with --encoding {encoding}"
    if _MARKUP.match(beginning):
        return f"HTML or XML, whatever its name says: {_SAVE_AS}"
    return None


def line_of_sep(beginning: bytes) -> str | None:
    """Return the separator in Excel's first line, such as `sep=;`; None for any other line."""
    found = _SEP.fullmatch(beginning)
    return found[1].decode("latin-1") if found else None


def has_bare_returns(beginning: bytes) -> bool:
    """Return whether lines end with only CR. Such a file would be read as one long line."""
    before, found, after = beginning.rstrip(b"\r\n").partition(b"\r")
    return bool(found) and b'"' not in before and not after.startswith(b"\n")


def option_for(separator: str) -> str:
    """Return the option `--separator` with the separator's name, or the character if it has none."""
    return f"--separator {_NAMES.get(separator, shown(separator))}"


def other_separator(header: str, layout: Layout) -> str | None:
    """Return the separator by which the header has more of the layout's columns than by the layout's, or None."""

    def missing(separator: str) -> int:
        names = [name.strip().strip('"').strip() for name in header.split(separator)]
        return len(layout.bind(names).missing)

    best = min(SEPARATORS.values(), key=missing)
    return best if missing(best) < missing(layout.separator) else None


def other_layouts(bound: Bound, names: list[str]) -> list[str]:
    """Return the names of the other shipped layouts that have these columns."""
    others = [layout.bind(names) for layout in LAYOUTS.values() if layout.name != bound.layout.name]
    return [other.layout.name for other in others if not other.missing and not other.unknown]
