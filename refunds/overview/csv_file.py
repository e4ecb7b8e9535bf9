"""Write the outcome of each request of a sweep as CSV."""

import csv
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from django.utils import timezone

from ..admin.words import recorded
from ..domain import cutoff
from ..domain.money import to_major
from ..models import Sweep
from .outcomes import Outcome, of
from .pieces import pieces

HEADER: Final = (
    *("id", "order_line", "customer", "amount", "currency", "outcome", "reason", "receipt"),
    *("decided_at", "decided_by"),
)
# What a spreadsheet takes for a formula at the start of a cell: https://owasp.org/www-community/attacks/CSV_Injection
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


class _Line:
    """A file for csv.writer that hands back each line."""

    def write(self, line: str) -> str:
        return line


def lines(sweep: Sweep, now: datetime, *, with_payments: bool) -> Iterator[str]:
    """Yield the header, and a line for each request of the sweep's set at `now` (aware), by id.

    Reads one piece at a time. Without `with_payments` it leaves out receipts, and why refunds failed.
    """
    writer = csv.writer(_Line())
    yield writer.writerow(HEADER)
    for ids in pieces(sweep, now):
        rows = of(sweep, ids).select_related("sweep", "decided_by", "paid_by").order_by("pk")
        with recorded():  # programs read it, in one language
            found = [writer.writerow(map(_cell, _columns(sweep, row, with_payments))) for row in rows]
        yield from found


def _columns(sweep: Sweep, row: Any, with_payments: bool) -> tuple[object, ...]:
    refund = row.paid_by if with_payments and row.sweep_id == sweep.pk and hasattr(row, "paid_by") else None
    decided_at = timezone.localtime(row.decided_at, cutoff.ZONE).isoformat() if row.decided_at else ""
    return (
        *(row.pk, row.order_line, row.customer, to_major(row.amount_minor, row.currency), row.currency, row.outcome),
        *(_reason(row, refund), refund.receipt if refund else "", decided_at, row.decided_by or row.sweep or ""),
    )


def _reason(row: Any, refund: Any) -> str:
    """Return the provider's words; or which other sweep decided, and the code and the note of the decision."""
    if refund and refund.failure:
        return str(refund.failure)
    by = f"{row.status} by {row.sweep or 'hand'}" if row.decided_at else ""
    others = {Outcome.DECIDED_BEFORE, Outcome.LEFT}
    return ": ".join(filter(None, (by if row.outcome in others else "", row.decision_code, row.decision_note)))


def _cell(value: object) -> str:
    text = str(value)
    return f"'{text}" if text.startswith(FORMULA) else text
