"""Who pays a refund."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from inspect import signature
from typing import get_args

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.dispatch import receiver
from django.utils.module_loading import import_string

from .base import (
    LONGEST_WAIT,
    Answer,
    BulkGateway,
    ChecksPayments,
    Gateway,
    Limiter,
    Order,
    Refused,
    Settled,
    TracksRefunds,
    TryAgain,
    UnderWay,
)

__all__ = [
    "LONGEST_WAIT",
    "Answer",
    "BulkGateway",
    "ChecksPayments",
    "Gateway",
    "Limiter",
    "Order",
    "Refused",
    "Settled",
    "TracksRefunds",
    "TryAgain",
    "UnderWay",
    "check_payment",
    "gateway",
    "limiter",
    "secret_in",
    "tracker",
]

NAMES = {"stripe": "refunds.stripe.gateway.Stripe", "wallet": "refunds.gateways.wallet.Wallet"}


def gateway() -> Gateway:
    """The gateway that the setting REFUNDS_GATEWAY names: a short name or the dotted path of a class without arguments.

    Raises ImproperlyConfigured where it names none.
    """
    return _load(settings.REFUNDS_GATEWAY)


def limiter() -> Limiter | None:
    """The limiter that the function named by the setting REFUNDS_LIMITER returns; None where there is no such setting.

    Raises ImproperlyConfigured.
    """
    name = getattr(settings, "REFUNDS_LIMITER", "")
    if not name:
        return None
    try:
        made: Limiter | None = import_string(name)()
    except ImportError as error:
        raise ImproperlyConfigured(
            f"REFUNDS_LIMITER is {name!r}: name a function that returns a limiter ({error})"
        ) from error
    return made


def check_payment(payment: str) -> None:
    """Raise BadInput where the gateway that the setting names knows no payment by such an id.

    Makes no gateway, so that the web process needs no API key. Raises ImproperlyConfigured where no class is named.
    """
    name = settings.REFUNDS_GATEWAY
    with _explained(name):
        named = import_string(NAMES.get(name, name))
    if isinstance(named, ChecksPayments):
        named.check_payment(payment)


def secret_in(text: str) -> str | None:
    """Return what kind of secret of the configured gateway the text has in it; None where it has none.

    Raises ImproperlyConfigured.
    """
    name = settings.REFUNDS_GATEWAY
    with _explained(name):
        named = import_string(NAMES.get(name, name))
    found: str | None = named.secret_in(text) if hasattr(named, "secret_in") else None
    return found


@receiver(setting_changed)
def _forget(**_: object) -> None:
    """A test that overrides settings gets a gateway of its own."""
    _load.cache_clear()


@cache
def _load(name: str) -> Gateway:
    with _explained(name):
        made = import_string(NAMES.get(name, name))()
    if not isinstance(made, Gateway):
        raise ImproperlyConfigured(f"REFUNDS_GATEWAY is {name!r}, which has no method refund(order, idempotency_key)")
    if UnderWay in _answers(made):
        tracker(made)
    return made


@contextmanager
def _explained(name: str) -> Iterator[None]:
    """Raise ImproperlyConfigured for an ImportError: what to install, or to name instead."""
    try:
        yield
    except ImportError as error:
        if name in NAMES:
            raise ImproperlyConfigured(
                f"REFUNDS_GATEWAY is {name!r}, and a package that it needs is missing ({error}): "
                f"pip install '.[{name}]' in the clone of refunds"
            ) from error
        known = ", ".join(sorted(NAMES))
        raise ImproperlyConfigured(
            f"REFUNDS_GATEWAY is {name!r}: name one of {known}, or the dotted path of a gateway class ({error})"
        ) from error


def _answers(made: Gateway) -> tuple[object, ...]:
    """The types that the gateway says its answers have; none where it does not say, and tracker() refuses it later."""
    try:
        said = signature(made.refund, eval_str=True).return_annotation
    except NameError:  # an annotation that only a type checker can resolve
        return ()
    return (said, *get_args(said))


def tracker(made: Gateway) -> TracksRefunds:
    """The gateway, where it can look up a refund that is under way.

    Raises ImproperlyConfigured where it cannot: how such a refund ended would never be known.
    """
    if isinstance(made, TracksRefunds):
        return made
    name = f"{type(made).__module__}.{type(made).__qualname__}"
    raise ImproperlyConfigured(
        f"The gateway {name} cannot look up a refund that is under way: give it a method look_up(order, receipt), or "
        "have refund() answer Settled alone. If another gateway requested the refund, name that one in REFUNDS_GATEWAY "
        "until nothing is under way"
    )
