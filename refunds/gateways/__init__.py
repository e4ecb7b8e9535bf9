"""Who pays a refund."""

from functools import cache

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.dispatch import receiver
from django.utils.module_loading import import_string

from .base import BulkGateway, Gateway, Order, Refused, TryAgain
from .limiter import LONGEST_WAIT, Limiter, limiter

__all__ = [
    "LONGEST_WAIT",
    "BulkGateway",
    "Gateway",
    "Limiter",
    "Order",
    "Refused",
    "TryAgain",
    "gateway",
    "limiter",
]

NAMES = {"stripe": "refunds.gateways.stripe.Stripe", "wallet": "refunds.gateways.wallet.Wallet"}


def gateway() -> Gateway:
    """The gateway that the setting REFUNDS_GATEWAY names: a short name or the dotted path of a class without arguments.

    Raises ImproperlyConfigured where it names none.
    """
    return _load(settings.REFUNDS_GATEWAY)


@receiver(setting_changed)
def _forget(**_: object) -> None:
    """A test that overrides settings gets a gateway of its own."""
    _load.cache_clear()


@cache
def _load(name: str) -> Gateway:
    try:
        made = import_string(NAMES.get(name, name))()
    except ImportError as error:
        if name in NAMES:
            raise ImproperlyConfigured(
                f"REFUNDS_GATEWAY is {name!r}, and a package that it needs is missing ({error}): "
                f"pip install 'refunds[{name}]'"
            ) from error
        known = ", ".join(sorted(NAMES))
        raise ImproperlyConfigured(
            f"REFUNDS_GATEWAY is {name!r}: name one of {known}, or the dotted path of a gateway class ({error})"
        ) from error
    if not isinstance(made, Gateway):
        raise ImproperlyConfigured(f"REFUNDS_GATEWAY is {name!r}, which has no method refund(order, idempotency_key)")
    return made
