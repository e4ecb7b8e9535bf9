"""The contract of every gateway, through Stripe's client against a provider with books of its own."""

from typing import Any

import pytest
from pytest_django import Settings

from refunds.gateways import Answer, Order
from refunds.stripe.gateway import Stripe

from ...gateways.contract import ProviderContract, make_order
from ...tracking.contract import SlowWorld, TracksContract
from .provider import API_KEY, LONG, Provider

pytestmark = pytest.mark.stripe


class Forgetful:
    """Stripe's gateway, whose keys the provider no longer knows once they are forgotten: it cannot be told to."""

    def __init__(self) -> None:
        self.stripe = Stripe()
        self.days = 0

    def refund(self, order: Order, idempotency_key: str) -> Answer:
        """With a key of this day."""
        return self.stripe.refund(order, f"{idempotency_key} of day {self.days}")

    def look_up(self, order: Order, receipt: str) -> Answer:
        """As it is."""
        return self.stripe.look_up(order, receipt)


class Account:
    """An account at the provider."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.gateway = Forgetful()

    def order(self, paid: int = 1250, **columns: Any) -> Order:
        """Over a charge that was made."""
        (charge,) = self.provider.charge([(paid, "GBP")])
        return make_order(charge, **columns)

    def books(self) -> list[tuple[str, int, str]]:
        """The provider's refunds."""
        return [(refund.receipt, refund.amount_minor, refund.currency) for refund in self.provider.given()]

    def forget_keys(self) -> None:
        """A day passes."""
        self.gateway.days += 1

    def begin(self, status: str) -> None:
        """The status of new refunds."""
        self.provider.begin(status)

    def turn(self, receipt: str, status: str) -> None:
        """The bank decides."""
        self.provider.turn(receipt, status)


class TestStripesDouble(ProviderContract, TracksContract):
    """What the gateway promises holds with a provider that nobody here wrote."""

    @pytest.fixture
    def world(self, provider: Provider, settings: Settings) -> SlowWorld:
        """An account without refunds."""
        settings.STRIPE_API_BASE, settings.STRIPE_API_KEY, settings.STRIPE_TIMEOUT = provider.url, API_KEY, LONG
        return Account(provider)
