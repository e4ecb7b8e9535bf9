"""Refunds under way, and refunds that have succeeded, with their look-ups."""

from datetime import datetime, timedelta
from typing import Any

from refunds.models import Refund
from refunds.tracking.models import LookUp

from ..factories import NOON, make_processing, make_refund, refund_rows


def under_way(
    look_at: datetime | None = NOON + timedelta(minutes=1), sent_at: datetime | None = None, **columns: Any
) -> Refund:
    """A refund that the provider accepted at noon as re_1, to be looked up a minute later, or as the columns say."""
    refund = make_processing(**columns)
    LookUp.objects.create(refund=refund, look_at=look_at, sent_at=sent_at)
    return refund


def make_paid(look_at: datetime | None = None, sent_at: datetime | None = None, **columns: Any) -> Refund:
    """A refund that succeeded at noon as re_1, with a hint where `look_at` says so."""
    refund = make_refund(**{"status": "succeeded", "settled_at": NOON, "receipt": "re_1", **columns})
    if look_at is not None:
        LookUp.objects.create(refund=refund, look_at=look_at, sent_at=sent_at)
    return refund


def rows(*ids: int) -> dict[int, dict[str, Any]]:
    """All columns of these refunds, or of all, with those of their look-ups, by id."""
    nothing: dict[str, Any] = {"look_at": None, "sent_at": None, "reversed_at": None}
    found = {row.pk: {name: getattr(row, name) for name in nothing} for row in LookUp.objects.all()}
    return {pk: refund | found.get(pk, nothing) for pk, refund in refund_rows(*ids).items()}


def row(refund: Refund) -> dict[str, object]:
    return rows(refund.pk)[refund.pk]


def has(refund: Refund, **columns: object) -> bool:
    """Whether the row has these values; the assertion shows it."""
    found = row(refund)
    assert found | columns == found
    return True
