"""Look up a file's encoding, and convert UTF-16 to UTF-8."""

import codecs
import re
from collections.abc import Callable
from typing import Final

# Encodings in which the bytes of ASCII's line breaks, quotes and separators mean nothing else. So the file can be cut
# into records as bytes, and a broken character rejects only one record.
_BYTE_PER_CHARACTER: Final = re.compile(r"ascii|cp125\d|iso8859-\d+|koi8-[ru]|mac-roman")
_UTF_16: Final = ("utf-16", "utf-16-le", "utf-16-be")


def encoding_called(name: str) -> str:
    """Return the encoding's usual name. Raises LookupError with one line that names the encodings."""
    try:
        found = codecs.lookup(name).name
    except (LookupError, ValueError):  # ValueError: a NUL in the name
        found = ""
    if found == "utf-8-sig":  # Source removes a byte order mark in any case
        found = "utf-8"
    if found != "utf-8" and found not in _UTF_16 and not _BYTE_PER_CHARACTER.fullmatch(found):
        raise LookupError(
            f"encoding {name!r} is not known; write utf-8, utf-16, or one with a byte for each character such as "
            "cp1252, cp1251 or iso-8859-1"
        )
    return found


def is_wide(encoding: str) -> bool:
    """Return whether the file must be converted to UTF-8 before it can be cut at line breaks."""
    return encoding in _UTF_16


class Utf8Lines:
    """Reads a UTF-16 stream as lines of UTF-8. `read(size)` returns at most `size` of its bytes; empty at the end."""

    def __init__(self, read: Callable[[int], bytes], encoding: str) -> None:
        self._read = read
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._held = b""
        self._ended = False

    def readline(self, size: int, /) -> bytes:
        """Return at most `size` bytes, up to and with the next line break. Raises UnicodeDecodeError."""
        while b"\n" not in self._held and len(self._held) < size and not self._ended:
            raw = self._read(size)
            self._ended = not raw
            self._held += self._decoder.decode(raw, final=self._ended).encode()
        end = self._held.find(b"\n", 0, size) + 1 or size
        line, self._held = self._held[:end], self._held[end:]
        return line
