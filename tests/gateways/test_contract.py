"""The contract over the wallet and the provider in memory."""

from typing import Any

import pytest

from refunds.gateways import Order
from refunds.gateways.wallet import Wallet
from refunds.models import WalletEntry

from ..factories import make_refund, order
from .contract import Contract, ProviderContract, World
from .provider import Account, InMemory


class InTheDatabase:
    """The wallet, which keeps its ledger in the database of the refunds."""

    def __init__(self) -> None:
        self.gateway = Wallet()

    def order(self, paid: int = 1250, **columns: Any) -> Order:
        """Of a refund that is there; the wallet asks for no payment."""
        return order(make_refund(), **columns)

    def books(self) -> list[tuple[str, int, str]]:
        entries = WalletEntry.objects.values_list("pk", "amount_minor", "currency")
        return [(f"wallet:{pk}", amount, currency) for pk, amount, currency in entries]

    def forget_keys(self) -> None:
        """The wallet knows refunds, not keys."""


@pytest.mark.django_db
class TestWallet(Contract):
    """The embedded wallet."""

    @pytest.fixture
    def world(self) -> World:
        return InTheDatabase()


class TestInMemory(ProviderContract):
    """The tests' provider in memory keeps the contract too."""

    @pytest.fixture
    def world(self) -> World:
        gateway = InMemory()
        return Account(gateway, gateway.provider)
