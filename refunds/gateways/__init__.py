"""Which gateway pays: the setting REFUNDS_GATEWAY."""

from functools import cache
from inspect import signature
from typing import Any, get_args

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from .. import signals
from .base import Answer, BulkGateway, Gateway, Order, Refused, Settled, TryAgain, UnderWay

__all__ = ["Answer", "BulkGateway", "Gateway", "Order", "Refused", "Settled", "TryAgain", "UnderWay"]


def gateway_names() -> dict[str, str]:
    """Return each short name for REFUNDS_GATEWAY with its class's path; an AppConfig adds its own `gateway_names`."""
    found = {"wallet": f"{__name__}.wallet.Wallet"}
    for app in apps.get_app_configs():
        found |= getattr(app, "gateway_names", {})
    return found


def gateway_class() -> Any:
    """Return the class that REFUNDS_GATEWAY names: by a short name, or by its path. Raises ImproperlyConfigured."""
    name = getattr(settings, "REFUNDS_GATEWAY", "wallet")
    known = gateway_names()
    try:
        return import_string(known.get(name, name))
    except ImportError as error:
        said = f"which is neither one of {', '.join(sorted(known))} nor the path of a gateway class"
        if name in known:
            said = f"whose package is missing: install it, by pip install '.[{name}]' in the clone of refunds"
        raise ImproperlyConfigured(f"REFUNDS_GATEWAY is {name!r}, {said} ({error})") from error


def gateway() -> Gateway:
    """Return the gateway that REFUNDS_GATEWAY names. Raises ImproperlyConfigured."""
    return _made(gateway_class())


@cache  # a gateway keeps its connections
def _made(named: Any) -> Gateway:
    made = named()
    if not isinstance(made, Gateway):
        raise ImproperlyConfigured(f"REFUNDS_GATEWAY: {path_of(made)} has no method refund(order, idempotency_key)")
    try:
        answers = signature(made.refund, eval_str=True).return_annotation
    except NameError:  # an annotation that only a type checker can resolve: payments.pay_refund refuses it later
        return made
    if UnderWay in (answers, *get_args(answers)):
        check_tracked(made)
    return made


def check_tracked(made: Gateway) -> None:
    """Raise ImproperlyConfigured where nothing looks up how a refund ends that the gateway has accepted."""
    if not (hasattr(made, "look_up") and signals.refund_accepted.has_listeners()):
        raise ImproperlyConfigured(
            f"The gateway {path_of(made)} answers that a refund is under way, and nothing looks up how it ends: give "
            "it a method look_up(order, receipt) and add an app that receives signals.refund_accepted to "
            "INSTALLED_APPS, or have refund() answer Settled alone"
        )


def path_of(made: Gateway) -> str:
    """Return the dotted path of the gateway's class."""
    return f"{type(made).__module__}.{type(made).__qualname__}"
