"""Which gateway pays is a setting, and a wrong one is named."""

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from refunds.gateways import Answer, Order, Settled, TracksRefunds, UnderWay, gateway
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


class Accepts:
    """A gateway whose types say that a refund can be under way, and that cannot look one up."""

    def refund(self, order: Order, idempotency_key: str) -> Answer:
        return UnderWay("re_1")


class AcceptsWithoutAUnion(Accepts):
    """The same, never settled at once."""

    def refund(self, order: Order, idempotency_key: str) -> UnderWay:
        return UnderWay("re_1")


class Tracks(Accepts):
    """One that can."""

    def look_up(self, order: Order, receipt: str) -> Answer:
        return Settled(receipt)


@pytest.mark.parametrize("name", ["Accepts", "AcceptsWithoutAUnion"])
def test_a_gateway_that_cannot_look_up_what_it_accepts_is_an_error(settings: Settings, name: str) -> None:
    """By name, before the first refund: in the system check, and wherever the gateway is asked for."""
    settings.REFUNDS_GATEWAY = f"{__name__}.{name}"
    says = f"The gateway {__name__}.{name} cannot look up a refund that is under way: give it a method look_up"
    with pytest.raises(ImproperlyConfigured, match=says):
        gateway()
    (message,) = [each for each in run_checks() if each.id == "refunds.E004"]
    assert message.msg.startswith(says)
    settings.REFUNDS_GATEWAY = f"{__name__}.Tracks"
    assert isinstance(gateway(), TracksRefunds)


@pytest.mark.parametrize("receipt", ["", "x" * 256])
@pytest.mark.parametrize("answer", [Settled, UnderWay])
def test_an_answer_has_an_id_that_a_row_can_hold(answer: type[Settled] | type[UnderWay], receipt: str) -> None:
    """A refund without its id at the provider could never be looked up."""
    with pytest.raises(ValueError, match=f"a receipt has 1 to 255 characters, not {len(receipt)}"):
        answer(receipt)
