"""What a storm refunds: charges at the provider, and return requests for parts of them."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from refunds.frozen import freeze
from refunds.models import Refund, ReturnRequest
from refunds.operations import button

from .provider import Given, Provider
from .reckoning import Owed

CURRENCIES = ("EUR", "GBP", "JPY", "PLN", "USD")


@dataclass(frozen=True)
class Sale:
    """A charge, and what is to be given back of it, in minor units."""

    amount: int
    currency: str
    returns: list[int]


def sales(returns: int, draw: random.Random) -> Iterator[Sale]:
    """Sales with so many returns in all, such that no rule of the provider's hides a second refund.

    Four of five charges are twice what is returned of them, so that a second refund would fit; the others are returned
    whole. One in five has several returns, half of these of equal amounts, so that only our reference tells them apart.
    """
    while returns > 0:
        count = min(returns, draw.choice((1,) * 8 + (2, 3)))
        amounts = [draw.randint(100, 50_000) for _ in range(count)]
        if draw.random() < 1 / 2:
            amounts = amounts[:1] * count
        returns -= count
        room = 1 if draw.random() < 1 / 5 else 2
        yield Sale(sum(amounts) * room, draw.choice(CURRENCIES), amounts)


def receive(provider: Provider, made: list[Sale], now: datetime) -> None:
    """Charge for the sales, and take in their return requests at `now`."""
    charges = provider.charge((sale.amount, sale.currency) for sale in made)
    ReturnRequest.objects.bulk_create(
        ReturnRequest(
            order_line=f"{charge}/{number}",
            quantity=1,
            amount_minor=amount,
            currency=sale.currency,
            payment=charge,
            requested_at=now,
            received_at=now,
        )
        for charge, sale in zip(charges, made, strict=True)
        for number, amount in enumerate(sale.returns, start=1)
    )


def press(now: datetime) -> None:
    """Approve them all, as the button does: what follows goes through the queue."""
    button.start_approve(key="storm", frozen=freeze(), by=None, now=now)


def owed() -> list[Owed]:
    """Our books."""
    rows = Refund.objects.select_related("request").order_by("pk")
    return [
        Owed(
            status=row.status,
            failure=row.failure,
            given=Given(row.receipt, row.request.payment, row.amount_minor, row.currency, row.request.key),
        )
        for row in rows
    ]
