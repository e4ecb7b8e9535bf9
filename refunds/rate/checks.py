"""Check the settings of this room."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004  # Django's name
from django.core.exceptions import ImproperlyConfigured

from ..apps import LABEL
from .limiter import limiter


@register(Tags.compatibility)
def rate_applied(**_: Any) -> list[CheckMessage]:
    """Report a rate that cannot be read or counted: each payment would fail on its own."""
    try:
        limiter()
    except ImproperlyConfigured as error:
        return [Error(str(error), id=f"{LABEL}.E013")]
    return []


@register(Tags.compatibility, deploy=True)
def limit_shared(**_: Any) -> list[CheckMessage]:
    """Report a limit that is counted in memory: each process of each worker would apply it separately."""
    rate: str = getattr(settings, "REFUNDS_GATEWAY_RATE", "")
    url: str = getattr(settings, "REFUNDS_LIMITER_URL", "memory://")
    if not rate or not url.startswith("memory:"):
        return []
    return [
        Warning(
            f"REFUNDS_GATEWAY_RATE is {rate!r}, and each worker process counts its own calls alone.",
            hint="Name a Redis in REFUNDS_LIMITER_URL, or run one worker process.",
            id=f"{LABEL}.W002",
        )
    ]
