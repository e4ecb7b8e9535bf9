"""Check the settings of this room."""

from importlib.util import find_spec
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004  # Django's name

from ..apps import LABEL
from ..gateways import gateway_names
from .settings import RATE


@register(Tags.compatibility, deploy=True)
def late_failures_heard(**_: Any) -> list[CheckMessage]:
    """Report a missing webhook: nothing else notices a refund that fails after it succeeded."""
    if not _stripe_pays() or getattr(settings, "STRIPE_WEBHOOK_SECRET", "").strip():
        return []
    return [
        Warning(
            "REFUNDS_GATEWAY is 'stripe', and STRIPE_WEBHOOK_SECRET is empty: nobody would notice a refund that fails "
            "after it has succeeded.",
            hint="Add an endpoint for https://<this project>/payments/stripe/ at Stripe, with the events "
            "refund.created, refund.updated, refund.failed and charge.refund.updated. Put its signing secret into the "
            "environment of the web process.",
            id=f"{LABEL}.W010",
        )
    ]


@register(Tags.compatibility, deploy=True)
def calls_limited(**_: Any) -> list[CheckMessage]:
    """Report that nothing limits the calls: Stripe answers 429 to those above its own limit, and they are retried."""
    rate: str = getattr(settings, "REFUNDS_GATEWAY_RATE", "")
    if not _stripe_pays() or rate:
        return []
    return [
        Warning(
            "REFUNDS_GATEWAY is 'stripe', and REFUNDS_GATEWAY_RATE is empty: nothing limits the calls to Stripe.",
            hint=f"Add {LABEL}.rate to INSTALLED_APPS, and set REFUNDS_GATEWAY_RATE, such as to {RATE!r}, and "
            "REFUNDS_LIMITER_URL.",
            id=f"{LABEL}.W011",
        )
    ]


def _stripe_pays() -> bool:
    names = gateway_names()
    named: str = getattr(settings, "REFUNDS_GATEWAY", "")
    return names.get(named, named) == names["stripe"]


@register(Tags.compatibility)
def webhook_can_verify(**_: Any) -> list[CheckMessage]:
    """Report a webhook that cannot verify events, because Stripe's client is not installed."""
    if not getattr(settings, "STRIPE_WEBHOOK_SECRET", "").strip() or find_spec("stripe"):
        return []
    return [
        Error(
            "STRIPE_WEBHOOK_SECRET is set, and the package stripe is missing: the webhook would answer each event with "
            "500.",
            hint="Install it for the web process, by pip install '.[stripe]' in the clone of refunds.",
            id=f"{LABEL}.E011",
        )
    ]
