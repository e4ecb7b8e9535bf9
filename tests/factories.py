"""Rows for tests, each made by one call that names only what the test is about."""

from datetime import UTC, datetime
from typing import Any

from refunds.models import ReturnRequest

# An ordinary Wednesday of Kyiv's summer time: 12:00 and 17:58 on its clocks.
NOON = datetime(2026, 7, 15, 9, 0, tzinfo=UTC)
PRESSED = datetime(2026, 7, 15, 14, 58, tzinfo=UTC)
CUTOFF = datetime(2026, 7, 15, 15, 0, tzinfo=UTC)


def make_requests(count: int = 1, **columns: Any) -> list[ReturnRequest]:
    """`count` pending return requests of 12.50 GBP each, received at noon, or as the columns say."""
    values: dict[str, Any] = {
        "order_line": "1001/1",
        "quantity": 1,
        "amount_minor": 1250,
        "currency": "GBP",
        "customer": "c-1",
        "received_at": NOON,
        **columns,
    }
    values.setdefault("requested_at", values["received_at"])
    return ReturnRequest.objects.bulk_create([ReturnRequest(**values) for _ in range(count)])
