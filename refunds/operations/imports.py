"""Importing return requests: batch by batch, each in one transaction, nothing twice."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from django.db import IntegrityError, transaction

from ..domain.returns import Status
from ..importing import Format, Layout, Rejection, Row, Source, rows
from ..models import ReturnRequest

# Rows of one transaction: what a kill loses at most, and what is held in memory.
BATCH: Final = 1_000


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

    Batches of 1,000 rows commit by themselves: after a kill the same rows again end as if imported once. `on_rejected`
    is called for each rejection in its turn, `on_batch` after each 1,000 rows with the counts so far.
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
    new = _insert(batch, now) if batch else []
    summary.imported += len(new)
    summary.known += len(batch) - len(new)
    for request in new:
        summary.totals[request.currency] = summary.totals.get(request.currency, 0) + request.amount_minor


def _insert(batch: list[Row], now: datetime) -> list[ReturnRequest]:
    """Insert what is not there yet, and return exactly that, whoever else imports at the same time."""
    # In the order of keys, so that two importers that wait for each other's rows wait in the same order. A batch holds
    # no key twice: equal rows differ in their number.
    batch = sorted(batch, key=lambda row: row.key)
    with transaction.atomic():
        known = _known(batch)
        while True:
            try:
                # Not ignore_conflicts, which does not say what it left out.
                with transaction.atomic():
                    return ReturnRequest.objects.bulk_create(
                        _request(row, now) for row in batch if row.key not in known
                    )
            except IntegrityError:
                # Another importer has committed some of them since they were looked up. Where none has come, it is
                # another constraint that failed.
                before, known = known, _known(batch)
                if known == before:
                    raise


def _known(batch: list[Row]) -> set[str]:
    keys = [row.key for row in batch]
    return set(ReturnRequest.objects.filter(key__in=keys).values_list("key", flat=True))


def _request(row: Row, now: datetime) -> ReturnRequest:
    # Not dataclasses.asdict, which copies every value.
    return ReturnRequest(key=row.key, received_at=now, status=Status.REQUESTED, **vars(row.content))
