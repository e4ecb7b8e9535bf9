"""Pending return requests to measure with."""

from datetime import datetime

from refunds.models import ReturnRequest

BATCH = 10_000
CURRENCIES = ("EUR", "GBP", "UAH")


def fill(count: int, received_at: datetime) -> None:
    """`count` pending rows that differ. None has an address: a customer who is told costs a message and a mail more."""
    for start in range(0, count, BATCH):
        ReturnRequest.objects.bulk_create(
            ReturnRequest(
                order_line=f"{number // 2}/{number % 2 + 1}",
                quantity=number % 3 + 1,
                amount_minor=number % 25_000 + 199,
                currency=CURRENCIES[number % len(CURRENCIES)],
                reason="too small",
                customer=f"c-{number}",
                requested_at=received_at,
                received_at=received_at,
            )
            for number in range(start, min(start + BATCH, count))
        )
