"""Records out of a byte stream, with the number of the line each starts on, in bounded memory.

A record of JSON lines is a line; one of CSV goes on while a quoted field is open. Bytes, not text: one broken character
must cost one record, and a record that is too long is passed over without being held.
"""

import codecs
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from types import MappingProxyType
from typing import Final, Protocol

from .errors import BadFile, Rejection

# Bytes. The longest reason (10,000 characters of up to 4 bytes, or as many doubled quotes or JSON escapes) fits with
# room for the other columns; below csv's own limit on a field (131,072 characters).
LONGEST_RECORD: Final = 128 * 1024 - 1
# Bytes asked for at a time: what a line without end costs in memory.
_PIECE: Final = 64 * 1024


class Lines(Protocol):
    """The one method of a binary file that reading needs."""

    def readline(self, size: int, /) -> bytes:
        """At most `size` bytes, up to and with the next line break; empty at the end."""
        ...


class Source:
    """A binary stream read in pieces: counts its bytes, drops a byte order mark, shows its beginning.

    `name` is what messages call it.
    """

    def __init__(self, stream: Lines, name: str) -> None:
        self.name = name
        self.bytes_read = 0
        self._stream = stream
        self._first: bytes | None = None

    def beginning(self) -> bytes:
        """The first line or its first 64 KiB, which stays to be read. Raises BadFile."""
        if self._first is None:
            self._first = self._read().removeprefix(codecs.BOM_UTF8)
        return self._first

    def pieces(self) -> Iterator[bytes]:
        """Every line in pieces of at most 64 KiB; the last of each line has its line break. Raises BadFile."""
        piece = self.beginning()
        # A file of nothing but a byte order mark has an empty first piece, and ends there.
        while piece:
            yield piece
            piece = self._read()

    def _read(self) -> bytes:
        try:
            piece = self._stream.readline(_PIECE)
        except OSError as error:
            raise BadFile(f"cannot read {self.name}: {error.strerror or error}") from error
        self.bytes_read += len(piece)
        return piece


@dataclass(frozen=True)
class Record:
    """The bytes of a record, the first and last of its lines (from 1), and whether a line break ends it."""

    line: int
    last_line: int
    data: bytes
    terminated: bool


class _At(Enum):
    """Where the quotes of CSV have brought us."""

    START = auto()  # of a field
    PLAIN = auto()
    QUOTED = auto()
    QUOTE = auto()  # one in a quoted field: its end, or the first of two


_TOKENS: Final = re.compile(rb'"|,|[^",]+')
_NEXT: Final[Mapping[_At, Mapping[bytes, _At]]] = MappingProxyType(
    {
        _At.START: {b'"': _At.QUOTED, b",": _At.START},
        _At.PLAIN: {b",": _At.START},
        _At.QUOTED: {b'"': _At.QUOTE},
        _At.QUOTE: {b'"': _At.QUOTED, b",": _At.START},
    }
)


def _scan(piece: bytes, at: _At) -> _At:
    if b'"' not in piece:
        # Most lines: no need to look at each field.
        if at is _At.QUOTED:
            return at
        return _At.START if piece.endswith(b",") else _At.PLAIN
    for token in _TOKENS.findall(piece):
        at = _NEXT[at].get(token, _At.QUOTED if at is _At.QUOTED else _At.PLAIN)
    return at


class _Gathering:
    """One record while its pieces come in."""

    def __init__(self, line: int) -> None:
        self.line = self.last_line = line
        self.at = _At.START
        self._kept: list[bytes] = []
        self._size = 0
        self._terminated = False

    def add(self, piece: bytes, *, quoted: bool) -> bool:
        """Take the next piece; return whether the record ends with it."""
        if self._terminated:
            self.last_line += 1
        self._terminated = piece.endswith(b"\n")
        self._size += len(piece)
        self._kept.append(piece)
        if self._size > LONGEST_RECORD:
            self._kept.clear()
        if quoted:
            self.at = _scan(piece, self.at)
        return self._terminated and self.at is not _At.QUOTED

    def finish(self) -> Record | Rejection:
        """What has been gathered, when the record or the file has ended."""
        if self.at is _At.QUOTED:
            return Rejection(
                self.line,
                f"a quoted field is never closed: everything up to the end of the file (line {self.last_line}) is "
                "inside it and was not read as rows; close the quote and import the file again",
            )
        if self._size > LONGEST_RECORD:
            where = f", up to line {self.last_line}," if self.last_line > self.line else ""
            return Rejection(self.line, f"the row{where} is longer than {LONGEST_RECORD:,} bytes ({self._size:,})")
        return Record(self.line, self.last_line, b"".join(self._kept), self._terminated)


def records(source: Source, *, quoted: bool) -> Iterator[Record | Rejection]:
    """Each record that is not blank; where `quoted`, one goes on while a CSV quote is open.

    A quote that is never closed takes the rest of the file with it, and the rejection says so. To take the lines
    inside it for rows instead would let whoever writes a long reason write rows. Raises BadFile.
    """
    gathering: _Gathering | None = None
    line = 1
    for piece in source.pieces():
        gathering = gathering or _Gathering(line)
        if gathering.add(piece, quoted=quoted):
            line = gathering.last_line + 1
            yield from _unless_blank(gathering.finish())
            gathering = None
    if gathering is not None:
        yield from _unless_blank(gathering.finish())


def _unless_blank(record: Record | Rejection) -> Iterator[Record | Rejection]:
    if isinstance(record, Rejection) or record.data.strip():
        yield record
