"""Stripe's gateway against a server of Stripe's protocol."""

from collections.abc import Generator

import pytest
from pytest_django import Settings

from refunds.gateways import Order
from refunds.stripe.gateway import Stripe

from ..gateways.contract import make_order
from .server import StripeServer, stripe_server

SECRET = "sk_test_not_to_be_logged"


@pytest.fixture
def server(settings: Settings) -> Generator[StripeServer]:
    """A server that the settings name."""
    with stripe_server() as running:
        settings.STRIPE_API_BASE = running.address
        settings.STRIPE_API_KEY = SECRET
        settings.STRIPE_TIMEOUT = 5.0
        yield running


@pytest.fixture
def stripe(server: StripeServer) -> Stripe:
    return Stripe()


@pytest.fixture
def order(server: StripeServer) -> Order:
    """12.50 GBP of a charge of as much."""
    return make_order(server.provider.pay(1250))
