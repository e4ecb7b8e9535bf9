"""Which gateway pays: the settings REFUNDS_GATEWAY and REFUNDS_LIMITER."""

from functools import cache
from inspect import signature
from typing import Any, Final, TypeGuard, get_args

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.dispatch import receiver
from django.utils.module_loading import import_string

from .. import signals
from .base import Answer, BulkGateway, Gateway, Limiter, Order, Refused, Settled, TracksRefunds, TryAgain, UnderWay

__all__ = ["Answer", "BulkGateway", "Gateway", "Limiter", "Order", "Refused", "Settled"]
__all__ += ["TracksRefunds", "TryAgain", "UnderWay"]

MASKED: Final = "(a secret, not shown)"  # instead of a secret that an operator has pasted in place of an id


def gateway_names() -> dict[str, str]:
    """Return each short name for REFUNDS_GATEWAY with its class's path; an AppConfig adds its own `gateway_names`."""
    found = {"wallet": f"{__name__}.wallet.Wallet"}
    for app in apps.get_app_configs():
        found |= getattr(app, "gateway_names", {})
    return found


def gateway() -> Gateway:
    """Return the gateway that REFUNDS_GATEWAY names: a short name, or a class's path. Raises ImproperlyConfigured."""
    return _load(_configured())


def limiter() -> Limiter | None:
    """Return what the function in REFUNDS_LIMITER makes; None: nothing is limited. Raises ImproperlyConfigured."""
    name = getattr(settings, "REFUNDS_LIMITER", "")
    if not name or in_bulk(gateway()):
        return None
    try:
        made: Limiter | None = import_string(name)()
    except ImportError as error:
        said = f"REFUNDS_LIMITER is {name!r}: name a function that returns a limiter ({error})"
        raise ImproperlyConfigured(said) from error
    return made


def in_bulk(made: Gateway) -> TypeGuard[BulkGateway]:
    """Return whether the gateway pays a range of refunds at once."""
    return isinstance(made, BulkGateway)


def check_payment(payment: str) -> None:
    """Raise BadInput where the configured gateway has no payment with such an id. Raises ImproperlyConfigured."""
    if check := getattr(_class(_configured()), "check_payment", None):
        check(payment)


def secret_in(text: str) -> str | None:
    """Return what kind of secret of the configured gateway the text has in it, or None. Raises ImproperlyConfigured."""
    named = getattr(_class(_configured()), "secret_in", None)
    return named(text) if named else None


def masked(text: str) -> str:
    """Return the text; in place of a secret of the configured gateway, a note that it is one."""
    try:
        return MASKED if secret_in(text) else text
    except ImproperlyConfigured:  # a page is shown all the same
        return "(not shown: REFUNDS_GATEWAY names no gateway)" if text else text


def tracker(made: Gateway) -> TracksRefunds:
    """Return the gateway, where refunds that are under way are looked up. Raises ImproperlyConfigured elsewhere."""
    name = f"{type(made).__module__}.{type(made).__qualname__}"
    if not isinstance(made, TracksRefunds):
        raise ImproperlyConfigured(
            f"The gateway {name} cannot look up a refund that is under way: give it a method look_up(order, receipt), "
            "or have refund() answer Settled alone. If another gateway requested the refund, name that one in "
            "REFUNDS_GATEWAY until nothing is under way"
        )
    if not signals.refund_accepted.has_listeners():
        raise ImproperlyConfigured(
            f"The gateway {name} answers that a refund is under way, and no installed app looks up how it ends: add "
            "one that receives signals.refund_accepted to INSTALLED_APPS, or have refund() answer Settled alone"
        )
    return made


def _configured() -> str:
    name: str = getattr(settings, "REFUNDS_GATEWAY", "wallet")
    return name


@cache
def _load(name: str) -> Gateway:
    made = _class(name)()
    if not isinstance(made, Gateway):
        raise ImproperlyConfigured(f"REFUNDS_GATEWAY is {name!r}, which has no method refund(order, idempotency_key)")
    if UnderWay in _answers(made):
        tracker(made)
    return made


def _class(name: str) -> Any:
    known = gateway_names()
    try:
        return import_string(known.get(name, name))
    except ImportError as error:
        said = (
            f"and a package that it needs is missing ({error}): install it, by pip install '.[{name}]' in the clone of "
            "refunds"
            if name in known
            else f"which is neither one of {', '.join(sorted(known))} nor the path of a gateway class ({error})"
        )
        raise ImproperlyConfigured(f"REFUNDS_GATEWAY is {name!r}, {said}") from error


def _answers(made: Gateway) -> tuple[object, ...]:
    """Return the types that the gateway says its answers have. Where it does not say, tracker() refuses it later."""
    try:
        said = signature(made.refund, eval_str=True).return_annotation
    except NameError:  # an annotation that only a type checker can resolve
        return ()
    return (said, *get_args(said))


@receiver(setting_changed)
def _forget(**_: object) -> None:
    """A test that overrides settings gets a gateway of its own."""
    _load.cache_clear()
