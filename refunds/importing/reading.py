"""Cut a byte stream into records, with the number of each record's first line, in bounded memory.

A record of JSON lines is a line; a record of CSV continues while a quoted field is open. Records are cut as bytes, so
that a broken character rejects only one record. The bytes of a record that is too long are not kept. Only UTF-16 is
converted to UTF-8 first, because its line breaks are not one byte.
"""

import codecs
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from typing import Final, Protocol

from .encodings import Utf8Lines, is_wide
from .errors import BadFile, BadRow, Rejection

# Bytes. The longest reason (10,000 characters of up to 4 bytes, or as many doubled quotes or JSON escapes) leaves room
# for the other columns. The limit is below csv's own limit on a field (131,072 characters).
LONGEST_RECORD: Final = 128 * 1024 - 1
# Bytes per read: an endless line takes no more memory.
_PIECE: Final = 64 * 1024


class Lines(Protocol):
    """Declares the one method that reading needs from a binary file."""

    def readline(self, size: int, /) -> bytes:
        """Return at most `size` bytes, up to and with the next line break; empty at the end."""
        ...


class Source:
    """Reads a binary stream in pieces. It counts the bytes, removes a byte order mark, and returns the beginning.

    Messages call it `name`. Its records are in `encoding`, which is UTF-8 until `decode_from` sets another. `header`
    has the names of a CSV file's columns as written, once they have been read.
    """

    def __init__(self, stream: Lines, name: str) -> None:
        self.name = name
        self.bytes_read = 0
        self.encoding = "utf-8"
        self.header: tuple[str, ...] = ()
        self._stream = stream
        self._lines: Lines | None = None
        self._first: bytes | None = None

    def decode_from(self, encoding: str) -> None:
        """Read the file in `encoding`, a name from `encoding_called`. Call this before anything is read."""
        if self._first is None:
            self._lines = Utf8Lines(self._raw, encoding) if is_wide(encoding) else None
            self.encoding = "utf-8" if is_wide(encoding) else encoding

    def beginning(self) -> bytes:
        """Return the first line, or its first 64 KiB; `pieces` yields it again. Raises BadFile."""
        if self._first is None:
            self._first = self._read().removeprefix(codecs.BOM_UTF8)
        return self._first

    def pieces(self) -> Iterator[bytes]:
        """Yield every line in pieces of at most 64 KiB; the last piece of a line has its line break. Raises BadFile."""
        piece = self.beginning()
        # A file of only a byte order mark has an empty first piece, and ends there.
        while piece:
            yield piece
            piece = self._read()

    def _read(self) -> bytes:
        if self._lines is None:
            return self._raw(_PIECE)
        try:
            return self._lines.readline(_PIECE)
        except UnicodeDecodeError as error:
            raise BadFile(f"{self.name} is not {error.encoding}, in which it is read: {error.reason}") from error

    def _raw(self, size: int) -> bytes:
        try:
            piece = self._stream.readline(size)
        except OSError as error:
            raise BadFile(f"cannot read {self.name}: {error.strerror or error}") from error
        self.bytes_read += len(piece)
        return piece


@dataclass(frozen=True)
class Record:
    """Hold the bytes of a record, its first and last line (from 1), and whether a line break ends it."""

    line: int
    last_line: int
    data: bytes
    terminated: bool


class _At(Enum):
    """Names the states of a scan for the quotes of CSV."""

    START = auto()  # of a field
    PLAIN = auto()
    QUOTED = auto()
    QUOTE = auto()  # a quote in a quoted field: its end, or the first of two


@cache
def _grammar(separator: bytes) -> tuple[re.Pattern[bytes], Mapping[_At, Mapping[bytes, _At]]]:
    mark = re.escape(separator)
    return re.compile(rb'"|%b|[^"%b]+' % (mark, mark)), {
        _At.START: {b'"': _At.QUOTED, separator: _At.START},
        _At.PLAIN: {separator: _At.START},
        _At.QUOTED: {b'"': _At.QUOTE},
        _At.QUOTE: {b'"': _At.QUOTED, separator: _At.START},
    }


def _scan(piece: bytes, at: _At, separator: bytes) -> _At:
    if b'"' not in piece:
        # Most lines have no quote, so their fields need no scan.
        if at is _At.QUOTED:
            return at
        return _At.START if piece.endswith(separator) else _At.PLAIN
    tokens, after = _grammar(separator)
    for token in tokens.findall(piece):
        at = after[at].get(token, _At.QUOTED if at is _At.QUOTED else _At.PLAIN)
    return at


class _Gathering:
    """Collects the pieces of one record."""

    def __init__(self, line: int) -> None:
        self.line = self.last_line = line
        self.at = _At.START
        self._kept: list[bytes] = []
        self._size = 0
        self._terminated = False

    def add(self, piece: bytes, separator: bytes) -> bool:
        """Add the next piece. Return whether it ends the record. Without a separator, quotes have no meaning."""
        if self._terminated:
            self.last_line += 1
        self._terminated = piece.endswith(b"\n")
        self._size += len(piece)
        self._kept.append(piece)
        if self._size > LONGEST_RECORD:
            self._kept.clear()
        if separator:
            self.at = _scan(piece, self.at, separator)
        return self._terminated and self.at is not _At.QUOTED

    def finish(self) -> Record | Rejection:
        """Return the record, after its end or the end of the file."""
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


def records(source: Source, *, separator: str) -> Iterator[Record | Rejection]:
    """Yield each record that is not blank. Without `separator`, each line is a record. Raises BadFile.

    A quote that is never closed makes the rest of the file one record, and its rejection says so. If its lines were
    read as rows, a customer could write rows into a long reason.
    """
    gathering: _Gathering | None = None
    line = 1
    mark = separator.encode()
    for piece in source.pieces():
        gathering = gathering or _Gathering(line)
        if gathering.add(piece, mark):
            line = gathering.last_line + 1
            yield from _unless_blank(gathering.finish(), mark)
            gathering = None
    if gathering is not None:
        yield from _unless_blank(gathering.finish(), mark)


def _unless_blank(record: Record | Rejection, separator: bytes) -> Iterator[Record | Rejection]:
    # Spreadsheets write an empty row as separators, or as empty cells in quotes.
    if isinstance(record, Rejection) or record.data.strip((separator and separator + b'"') + b" \t\r\n\v\f"):
        yield record


def decoded(data: bytes, encoding: str) -> str:
    """Return the text of a record. Raises BadRow with the byte and the option for the likeliest encoding."""
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        name = "UTF-8" if encoding == "utf-8" else encoding
        option = "; if the file is in Windows-1252, import it with --encoding cp1252" if encoding == "utf-8" else ""
        raise BadRow(
            f"not {name}: byte 0x{data[error.start]:02x} at byte {error.start + 1} of the row{option}"
        ) from error
