"""Importing return requests: batch by batch, each in one transaction, nothing twice."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Final

from .. import store
from ..importing import Format, Layout, Rejection, Return, Row, Source, rows

# Rows of one statement: what a kill loses at most, what is held in memory, and for how long (SQLite: a tenth of a
# second) nobody else writes. Of 1,000, SQLite takes twice the time for each.
BATCH: Final = 5_000
COLUMNS: Final = ("key", *(field.name for field in fields(Return)))


@dataclass
class Summary:
    """Counts of rows, where read = imported + known + rejected, and minor units imported by currency."""

    imported: int = 0
    known: int = 0
    rejected: int = 0
    totals: dict[str, int] = field(default_factory=dict)

    @property
    def read(self) -> int:
        """Every row that was accounted for."""
        return self.imported + self.known + self.rejected


def import_file(
    source: Source,
    *,
    layout: Layout,
    form: Format,
    now: datetime,
    on_rejected: Callable[[Rejection], None],
    on_batch: Callable[[Summary], None] = lambda _: None,
) -> Summary:
    """Import a file as it is read; see `import_rows`. Raises BadFile; whole batches before it stay."""
    found = rows(source, layout=layout, form=form, now=now)
    return import_rows(found, now=now, on_rejected=on_rejected, on_batch=on_batch)


def import_rows(
    found: Iterable[Row | Rejection],
    *,
    now: datetime,
    on_rejected: Callable[[Rejection], None],
    on_batch: Callable[[Summary], None] = lambda _: None,
) -> Summary:
    """Store the rows that no import has brought yet, as requested and received at `now` (aware).

    `now` is not before the one that they were parsed with: nothing is received before it was requested.

    Batches of 5,000 rows commit by themselves: after a kill the same rows again end as if imported once. `on_rejected`
    is called for each rejection in its turn, `on_batch` after each 5,000 rows with the counts so far.
    """
    summary = Summary()
    batch: list[Row] = []
    for taken, row in enumerate(found, start=1):
        if isinstance(row, Rejection):
            summary.rejected += 1
            on_rejected(row)
        else:
            batch.append(row)
        if taken % BATCH == 0:
            _store(batch, now, summary)
            batch = []
            on_batch(summary)
    _store(batch, now, summary)
    on_batch(summary)
    return summary


def _store(batch: list[Row], now: datetime, summary: Summary) -> None:
    # In the order of keys, so that two importers that wait for each other's rows wait in the same order.
    batch.sort(key=lambda row: row.key)
    rows = [(row.key, *vars(row.content).values()) for row in batch]
    new = store.add_requests(COLUMNS, rows, now) if rows else []
    summary.imported += len(new)
    summary.known += len(batch) - len(new)
    for currency, minor in new:
        summary.totals[currency] = summary.totals.get(currency, 0) + minor
