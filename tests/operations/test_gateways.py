"""Which gateway pays is a setting, and a wrong one is named."""

import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from refunds.gateways import Order, Settled, gateway
from refunds.gateways.wallet import Wallet


class ByPost:
    """A gateway of somebody's own."""

    def refund(self, order: Order, idempotency_key: str) -> Settled:
        return Settled(f"posted {order.refund_id}")


class NotOne:
    """No gateway at all."""


def test_the_wallet_is_the_default() -> None:
    """Without a setting the embedded wallet pays."""
    assert isinstance(gateway(), Wallet)


def test_a_gateway_of_ones_own_is_named_by_its_path(settings: Settings) -> None:
    """Any class with the method will do."""
    settings.REFUNDS_GATEWAY = f"{__name__}.ByPost"
    assert gateway().refund(Order(7, 1250, "GBP", "c-1", "", "key", asked_before=False), "key") == Settled("posted 7")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("bank", "REFUNDS_GATEWAY is 'bank': name one of stripe, wallet, or the dotted path"),
        ("no.such.module", "REFUNDS_GATEWAY is 'no.such.module': name one of stripe, wallet"),
        (f"{__name__}.NotOne", r"which has no method refund\(order, idempotency_key\)"),
    ],
)
def test_what_is_no_gateway_is_refused(settings: Settings, name: str, says: str) -> None:
    """The setting is repeated, and what it may be is said."""
    settings.REFUNDS_GATEWAY = name
    with pytest.raises(ImproperlyConfigured, match=says):
        gateway()
