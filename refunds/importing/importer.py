"""Import return requests in batches, each in one transaction, and no return twice."""

import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from operator import attrgetter
from typing import Final

from django.db import transaction

from ..domain.money import to_major
from ..models import ReturnRequest
from . import statements
from .errors import shown
from .files import Format, Layout, Rejection, Return, Row, Source, key, rows

# Rows per statement. They are all in memory, a kill loses at most these, and on SQLite other processes cannot write for
# a tenth of a second. With 1,000 rows, SQLite takes twice the time per row.
BATCH: Final = 5_000
COLUMNS: Final = ("key", *(field.name for field in fields(Return)))


@dataclass
class Summary:
    """Counts the rows, where read = imported + known + rejected, and sums the imported minor units by currency."""

    imported: int = 0
    known: int = 0
    rejected: int = 0
    totals: dict[str, int] = field(default_factory=dict)

    @property
    def read(self) -> int:
        """All rows of the file so far."""
        return self.imported + self.known + self.rejected


OnRejected = Callable[[Rejection], None]
OnBatch = Callable[[Summary], None]


def import_file(
    source: Source,
    *,
    layout: Layout,
    form: Format,
    now: datetime,
    on_rejected: OnRejected,
    on_batch: OnBatch = lambda _: None,
) -> Summary:
    """Import a file while reading it; see `import_rows`. Raises BadFile; the batches stored before it stay."""
    found = rows(source, layout=layout, form=form, now=now)
    return import_rows(found, now=now, on_rejected=on_rejected, on_batch=on_batch)


def import_rows(
    found: Iterable[Row | Rejection], *, now: datetime, on_rejected: OnRejected, on_batch: OnBatch = lambda _: None
) -> Summary:
    """Store the rows that no import has stored yet, as pending requests received at `now` (aware).

    `now` must not be earlier than at parsing: a request is received after it was made. Commit each batch of 5,000 rows:
    after a kill, importing the same rows again has the result of one import. Call `on_rejected` for each rejection: in
    the order of the file for an unreadable row, and after its batch for a row whose return_id is known with other
    facts. Call `on_batch` with the counts so far after each 5,000 rows.
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
            _store(batch, now, summary, on_rejected)
            batch.clear()
            on_batch(summary)
    _store(batch, now, summary, on_rejected)
    on_batch(summary)
    return summary


def _store(batch: list[Row], now: datetime, summary: Summary, on_rejected: OnRejected) -> None:
    identified = [row for row in batch if row.content.return_id]
    others = [row for row in batch if not row.content.return_id]
    with transaction.atomic(savepoint=False):  # a batch is stored as a whole, or not at all
        if others:
            summary.known += len(others) - len(_add({row.key: row for row in others}, now, summary))
        if identified:
            _store_identified(identified, now, summary, on_rejected)


def _add(rows: Mapping[str, Row], now: datetime, summary: Summary) -> list[Row]:
    """Add the rows whose keys are not stored yet; count and return them."""
    # Insert in the order of keys, so that two importers never deadlock.
    values = [(key, *vars(row.content).values()) for key, row in sorted(rows.items())]
    added = statements.add_requests(COLUMNS, values, now) if values else []
    summary.imported += len(added)
    for _, currency, minor in added:
        summary.totals[currency] = summary.totals.get(currency, 0) + minor
    return [rows[key] for key, _, _ in added]


def _store_identified(waiting: list[Row], now: datetime, summary: Summary, on_rejected: OnRejected) -> None:
    """Store rows that have a return_id. Reject a row whose return_id is stored with other facts.

    Each new row takes the first free number among the returns with its facts. A return that was imported without a
    return_id gets the return_id of the first row with its facts. Each round settles at least one row, or tries the next
    numbers, until each row is settled.
    """
    numbers = dict.fromkeys((row.content.return_id for row in waiting), 1)
    while waiting := _not_stored(waiting, summary, on_rejected):
        tried = _numbered(waiting, numbers)
        # When the round ends, all numbers of these facts up to these are in use.
        last = {row.key: numbers[row.content.return_id] for row in tried.values()}
        # Update in the order of ids, in which sweeps lock rows, so that the two never deadlock. Sort here: with ORDER
        # BY, PostgreSQL would read a table without statistics in that order and not by the keys.
        for found in sorted(ReturnRequest.objects.filter(key__in=list(tried)), key=attrgetter("pk")):
            row = tried.pop(found.key)
            if found.return_id or not statements.give_return_id(found.key, row.content.return_id):
                numbers[row.content.return_id] = last[row.key] + 1
        added = {row.line for row in _add(tried, now, summary)}
        waiting = [row for row in waiting if row.line not in added]


def _not_stored(rows: list[Row], summary: Summary, on_rejected: OnRejected) -> list[Row]:
    """Return the rows whose return_id is not stored. Count the others as known, or reject them for other facts."""
    stored = statements.with_return_ids({row.content.return_id for row in rows})
    for row in (row for row in rows if row.content.return_id in stored):
        if differences := _differences(stored[row.content.return_id], row.content):
            summary.rejected += 1
            on_rejected(Rejection(row.line, differences, row.written))
        else:
            summary.known += 1
    return [row for row in rows if row.content.return_id not in stored]


def _numbered(waiting: list[Row], numbers: dict[str, int]) -> dict[str, Row]:
    """Return the first row of each return_id by the key to try. Rows with equal facts try different numbers."""
    first: dict[str, Row] = {}
    for row in waiting:
        first.setdefault(row.content.return_id, row)
    tried: dict[str, Row] = {}
    highest: dict[str, int] = {}
    for return_id, row in first.items():
        numbers[return_id] = highest[row.key] = max(numbers[return_id], highest.get(row.key, 0) + 1)
        tried[key(row.content, numbers[return_id])] = row
    return tried


def _differences(stored: ReturnRequest, row: Return) -> str:
    """Return which facts of two returns with one return_id differ, with both values; empty if all agree."""
    pairs = zip(_facts(stored), _facts(row), strict=True)
    differing = [f"{name} was {before}, is now {after}" for (name, before), (_, after) in pairs if before != after]
    if not differing:
        return ""
    return (
        f"return_id {shown(row.return_id)} is known with other facts: {'; '.join(differing)}; "
        "correct the row, or give it a return_id of its own"
    )


def _facts(row: ReturnRequest | Return) -> list[tuple[str, str]]:
    return [
        ("order_line", ascii(unicodedata.normalize("NFC", row.order_line))),
        ("quantity", f"{row.quantity:,}"),
        ("amount", str(to_major(row.amount_minor, row.currency))),
        ("currency", row.currency),
        ("requested_at", row.requested_at.astimezone(UTC).isoformat()),
    ]
