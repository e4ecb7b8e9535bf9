"""Read files of return requests. Parse each row, or reject it with its line and the reason."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime

from .errors import BadFile, BadRow, Rejection
from .formats import Format, cells, guess
from .identity import Occurrences, key
from .layout import Layout
from .layout_columns import BadLayout
from .layout_files import LAYOUTS, ONLINE_RETAIL, OWN, load
from .reading import Source
from .rejects import Rejects
from .rows import Return, parse

__all__ = [
    "LAYOUTS",
    "ONLINE_RETAIL",
    "OWN",
    "BadFile",
    "BadLayout",
    "Format",
    "Layout",
    "Rejection",
    "Rejects",
    "Return",
    "Row",
    "Source",
    "guess",
    "key",
    "load",
    "rows",
]


@dataclass(frozen=True)
class Row:
    """Hold a parsed row: the physical line (from 1) on which it starts, its key, and its content.

    A row with a return_id has the key of the first return with its facts. A later rejection needs `written`, as in
    `Rejection`.
    """

    line: int
    key: str
    content: Return
    written: tuple[str, ...] | str | None = field(default=None, compare=False, repr=False)


def rows(source: Source, *, layout: Layout, form: Format, now: datetime) -> Iterator[Row | Rejection]:
    """Yield every row of the file in order, parsed or rejected, in bounded memory.

    Reject a row that was requested after `now` (aware). Raises BadFile.
    """
    with closing(Occurrences()) as occurrences:
        for found in cells(source, layout, form):
            if isinstance(found, Rejection):
                yield found
                continue
            line, bound, values, written = found
            try:
                content = parse(bound, values, now)
                number = occurrences.number(content)
            except BadRow as error:
                yield Rejection(line, str(error), written)
            else:
                yield Row(line, key(content, number), content, written)
