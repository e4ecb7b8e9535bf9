"""A setting names the gateway, and an error names a wrong setting."""

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.dispatch import Signal
from pytest_django import Settings

from refunds import signals
from refunds.apps import LABEL
from refunds.gateways import Answer, Order, Settled, UnderWay, gateway
from refunds.gateways.wallet import Wallet

from .contract import make_order


class ByPost:
    """A gateway of somebody's own."""

    def refund(self, order: Order, idempotency_key: str) -> Settled:
        return Settled(f"posted {order.refund_id}")


class NotOne:
    """No gateway at all."""


def test_wallet_is_the_default_gateway(settings: Settings) -> None:
    """Without a setting the wallet pays."""
    del settings.REFUNDS_GATEWAY
    assert isinstance(gateway(), Wallet)


def test_project_gateway_is_named_by_its_path(settings: Settings) -> None:
    """Any class with the method is a gateway."""
    settings.REFUNDS_GATEWAY = f"{__name__}.ByPost"
    assert gateway().refund(make_order(""), "key") == Settled("posted 7")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("bank", "REFUNDS_GATEWAY is 'bank', which is neither one of .*wallet nor the path of a gateway class"),
        ("no.such.module", "REFUNDS_GATEWAY is 'no.such.module', which is neither one of"),
        (f"{__name__}.NotOne", r"NotOne has no method refund\(order, idempotency_key\)"),
    ],
)
def test_setting_that_names_no_gateway_is_refused(settings: Settings, name: str, says: str) -> None:
    """The error has the setting, its value and what to write instead."""
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


@pytest.fixture
def name(settings: Settings, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """The gateway of the settings, where an app looks up what it accepts, or not."""
    named, looks_up = request.param
    monkeypatch.setattr(signals, "refund_accepted", signal := Signal())
    if looks_up:
        signal.connect(lambda **_: None, weak=False)
    settings.REFUNDS_GATEWAY = f"{__name__}.{named}"
    return str(named)


@pytest.mark.parametrize(
    "name", [("Accepts", True), ("AcceptsWithoutAUnion", True), ("Tracks", False)], indirect=True, ids=str
)
def test_gateway_that_accepts_what_nothing_looks_up_is_an_error(name: str) -> None:
    """By name, before the first refund: in the system check, and wherever the gateway is asked for."""
    says = f"The gateway {__name__}.{name} answers that a refund is under way, and nothing looks up how it ends: give"
    with pytest.raises(ImproperlyConfigured, match=says):
        gateway()
    (message,) = [each for each in run_checks() if each.id == f"{LABEL}.E004"]
    assert message.msg.startswith(says)


@pytest.mark.parametrize("name", [("Tracks", True), ("ByPost", False)], indirect=True, ids=str)
def test_gateway_whose_answers_are_looked_up_or_final_is_accepted(name: str) -> None:
    """One that can look up, where an app does; one that settles at once, anywhere."""
    assert type(gateway()).__name__ == name


@pytest.mark.parametrize("receipt", ["", "x" * 256])
@pytest.mark.parametrize("answer", [Settled, UnderWay])
def test_answer_without_a_storable_id_is_refused(answer: type[Settled] | type[UnderWay], receipt: str) -> None:
    """A refund without its id at the provider could never be looked up."""
    with pytest.raises(ValueError, match=f"a receipt has 1 to 255 characters, not {len(receipt)}"):
        answer(receipt)
