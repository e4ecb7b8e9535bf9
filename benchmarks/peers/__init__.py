"""The same returns approved as this project does it, as tutorials of Celery do it, and as other task queues do it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..report import Table
    from ..run import Options


def measure(options: "Options") -> Iterator["Table"]:
    """Yield this project beside each of the others: with `options.rows` or 10,000 rows, and with ten times as many.

    Raises Skipped, and RuntimeError where one of them left a row undecided.
    """
    # Inside, because the workers of all these import this package, and are to hold nothing but what is theirs.
    from .compare import compare

    yield from compare(options.rows or 10_000, options.rounds)
