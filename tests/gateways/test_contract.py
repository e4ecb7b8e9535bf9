"""The contract over the wallet and the provider in memory; Stripe's is in test_stripe.py."""

from typing import Any

import pytest

from refunds.gateways import Order
from refunds.gateways.wallet import Wallet
from refunds.models import WalletEntry

from ..factories import make_refund, order
from .contract import Contract, SlowWorld, TracksContract, World
from .provider import InMemory


class InTheDatabase:
    """The wallet, which keeps its ledger in the database of the refunds."""

    def __init__(self) -> None:
        self.gateway = Wallet()

    def order(self, paid: int = 1250, **columns: Any) -> Order:
        """Of a refund that is there; the wallet asks for no payment."""
        return order(make_refund(), **columns)

    def books(self) -> list[tuple[str, int, str]]:
        """The ledger."""
        entries = WalletEntry.objects.values_list("pk", "amount_minor", "currency")
        return [(f"wallet:{pk}", amount, currency) for pk, amount, currency in entries]

    def forget_keys(self) -> None:
        """The wallet knows refunds, not keys."""


class OfAProvider:
    """The provider in memory."""

    def __init__(self) -> None:
        self.gateway = InMemory()

    def order(self, paid: int = 1250, **columns: Any) -> Order:
        """Over a payment that was made."""
        payment = self.gateway.provider.pay(paid)
        return Order(**{**plain_order(payment), **columns})

    def books(self) -> list[tuple[str, int, str]]:
        """The provider's refunds."""
        return [(entry.id, entry.amount, entry.currency) for entry in self.gateway.provider.refunds]

    def forget_keys(self) -> None:
        """All of them."""
        self.gateway.provider.answers.clear()

    def begin(self, status: str) -> None:
        """The status of new refunds."""
        self.gateway.provider.begins = status

    def turn(self, receipt: str, status: str) -> None:
        """The bank decides."""
        self.gateway.provider.turn(receipt, status)


def plain_order(payment: str) -> dict[str, Any]:
    """The columns of an order over 12.50 GBP of the payment, by the payment's name."""
    return {
        "refund_id": 7,
        "amount_minor": 1250,
        "currency": "GBP",
        "customer": "c-1",
        "payment": payment,
        "reference": f"return of {payment}",
        "asked_before": False,
    }


@pytest.mark.django_db
class TestWallet(Contract):
    """The embedded wallet."""

    @pytest.fixture
    def world(self) -> World:
        """A ledger without entries."""
        return InTheDatabase()


class TestInMemory(TracksContract):
    """The tests' provider in memory keeps the contract too."""

    @pytest.fixture
    def world(self) -> SlowWorld:
        """A provider without refunds."""
        return OfAProvider()
