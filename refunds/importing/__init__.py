"""Files of return requests in, each row accounted for: parsed, or rejected with its line and the reason."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

from .errors import BadFile, BadRow, Rejection
from .formats import Format, cells, guess
from .identity import Occurrences, key
from .reading import Source
from .rows import LAYOUTS, ONLINE_RETAIL, OWN, Layout, Return, parse

__all__ = [
    "LAYOUTS",
    "ONLINE_RETAIL",
    "OWN",
    "BadFile",
    "Format",
    "Layout",
    "Rejection",
    "Return",
    "Row",
    "Source",
    "guess",
    "key",
    "rows",
]


@dataclass(frozen=True)
class Row:
    """A row that was taken: the physical line (from 1) on which it starts, its key, and what it asks for.

    The key of a row with a return_id is that of the first return with its facts.
    """

    line: int
    key: str
    content: Return


def rows(source: Source, *, layout: Layout, form: Format, now: datetime) -> Iterator[Row | Rejection]:
    """Every row of the file in its order, as one or the other, in bounded memory.

    `now` (aware): what is requested later is rejected. Raises BadFile.
    """
    with closing(Occurrences()) as occurrences:
        for found in cells(source, layout, form):
            if isinstance(found, Rejection):
                yield found
                continue
            line, values = found
            try:
                content = parse(layout, values, now)
                number = occurrences.number(content)
            except BadRow as error:
                yield Rejection(line, str(error))
            else:
                yield Row(line, key(content, number), content)
