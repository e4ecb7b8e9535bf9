"""Files of return requests in, each row accounted for: parsed, or rejected with its line and the reason."""

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
    """A row that was taken: the physical line (from 1) on which it starts, its key, and what it asks for.

    The key of a row with a return_id is that of the first return with its facts. `written` is for its rejection by
    what comes later; see `Rejection`.
    """

    line: int
    key: str
    content: Return
    written: tuple[str, ...] | str | None = field(default=None, compare=False, repr=False)


def rows(source: Source, *, layout: Layout, form: Format, now: datetime) -> Iterator[Row | Rejection]:
    """Every row of the file in its order, as one or the other, in bounded memory.

    `now` (aware): what is requested later is rejected. Raises BadFile.
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
