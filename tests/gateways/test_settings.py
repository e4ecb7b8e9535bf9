"""A setting names the gateway, and an error names a wrong setting."""

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.dispatch import Signal
from pytest_django import Settings

from refunds import signals
from refunds.apps import LABEL
from refunds.gateways import (
    Answer,
    Order,
    Settled,
    TracksRefunds,
    UnderWay,
    gateway,
    limiter,
    masked,
    secret_in,
)
from refunds.gateways.wallet import Wallet

from ..operations.payers import Paced


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
    assert gateway().refund(Order(7, 1250, "GBP", "c-1", "", "key", asked_before=False), "key") == Settled("posted 7")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("bank", "REFUNDS_GATEWAY is 'bank', which is neither one of .*wallet nor the path of a gateway class"),
        ("no.such.module", "REFUNDS_GATEWAY is 'no.such.module', which is neither one of"),
        (f"{__name__}.NotOne", r"which has no method refund\(order, idempotency_key\)"),
    ],
)
def test_setting_that_names_no_gateway_is_refused(settings: Settings, name: str, says: str) -> None:
    """The error has the setting, its value and what to write instead."""
    settings.REFUNDS_GATEWAY = name
    with pytest.raises(ImproperlyConfigured, match=says):
        gateway()


def make_limiter() -> Paced:
    """What REFUNDS_LIMITER names."""
    return Paced(1)


def test_limiter_is_made_by_the_function_that_the_setting_names(settings: Settings) -> None:
    """Without the setting nothing is limited; nor is a gateway that pays in bulk, in the database of the refunds."""
    settings.REFUNDS_GATEWAY = f"{__name__}.ByPost"
    settings.REFUNDS_LIMITER = ""
    assert limiter() is None
    settings.REFUNDS_LIMITER = f"{__name__}.make_limiter"
    assert isinstance(limiter(), Paced)
    settings.REFUNDS_GATEWAY = "wallet"
    assert limiter() is None


def test_function_that_does_not_exist_is_refused(settings: Settings) -> None:
    """The error and the system check have the setting and its value."""
    settings.REFUNDS_GATEWAY, settings.REFUNDS_LIMITER = f"{__name__}.ByPost", f"{__name__}.no_limiter"
    with pytest.raises(ImproperlyConfigured, match=r"REFUNDS_LIMITER is .*: name a function that returns a limiter"):
        limiter()
    (message,) = [each for each in run_checks() if each.id == f"{LABEL}.E004"]
    assert message.msg.startswith("REFUNDS_LIMITER is ")


class KnowsItsSecrets(ByPost):
    """A gateway with API keys."""

    @staticmethod
    def secret_in(text: str) -> str | None:
        return "an API key" if "key_" in text else None


def test_secrets_are_masked_as_the_gateway_says(settings: Settings) -> None:
    """A gateway without secrets masks nothing, and one that cannot be loaded masks everything."""
    settings.REFUNDS_GATEWAY = f"{__name__}.KnowsItsSecrets"
    assert (secret_in("key_1"), secret_in("ch_1")) == ("an API key", None)
    assert (masked("key_1"), masked("ch_1"), masked("")) == ("(a secret, not shown)", "ch_1", "")
    settings.REFUNDS_GATEWAY = "wallet"
    assert (secret_in("key_1"), masked("key_1")) == (None, "key_1")
    settings.REFUNDS_GATEWAY = "bank"
    assert (masked("key_1"), masked("")) == ("(not shown: REFUNDS_GATEWAY names no gateway)", "")
    with pytest.raises(ImproperlyConfigured):
        secret_in("key_1")


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


def start_looking_up(**_: object) -> None:
    """Receive refund_accepted, as an app that looks refunds up does."""


@pytest.mark.parametrize("name", ["Accepts", "AcceptsWithoutAUnion"])
def test_a_gateway_that_cannot_look_up_what_it_accepts_is_an_error(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """By name, before the first refund: in the system check, and wherever the gateway is asked for."""
    settings.REFUNDS_GATEWAY = f"{__name__}.{name}"
    says = f"The gateway {__name__}.{name} cannot look up a refund that is under way: give it a method look_up"
    with pytest.raises(ImproperlyConfigured, match=says):
        gateway()
    (message,) = [each for each in run_checks() if each.id == f"{LABEL}.E004"]
    assert message.msg.startswith(says)
    tracked = Signal()
    tracked.connect(start_looking_up)
    monkeypatch.setattr(signals, "refund_accepted", tracked)
    settings.REFUNDS_GATEWAY = f"{__name__}.Tracks"
    assert isinstance(gateway(), TracksRefunds)


def test_gateway_that_accepts_is_refused_where_no_app_tracks_refunds(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It can look up refunds, but no installed app does: the system check and the loading of the gateway say so."""
    monkeypatch.setattr(signals, "refund_accepted", Signal())
    settings.REFUNDS_GATEWAY = f"{__name__}.Tracks"
    says = f"The gateway {__name__}.Tracks answers that a refund is under way, and no installed app looks up how"
    with pytest.raises(ImproperlyConfigured, match=says):
        gateway()
    (message,) = [each for each in run_checks() if each.id == f"{LABEL}.E004"]
    assert message.msg.startswith(says)
    settings.REFUNDS_GATEWAY = f"{__name__}.ByPost"
    assert isinstance(gateway(), ByPost)


@pytest.mark.parametrize("receipt", ["", "x" * 256])
@pytest.mark.parametrize("answer", [Settled, UnderWay])
def test_answer_without_a_storable_id_is_refused(answer: type[Settled] | type[UnderWay], receipt: str) -> None:
    """A refund without its id at the provider could never be looked up."""
    with pytest.raises(ValueError, match=f"a receipt has 1 to 255 characters, not {len(receipt)}"):
        answer(receipt)
