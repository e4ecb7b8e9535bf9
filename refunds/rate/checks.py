"""Check the settings of this room."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004  # Django's name

from ..apps import LABEL


@register(Tags.compatibility)
def rate_applied(**_: Any) -> list[CheckMessage]:
    """Report a rate without a limiter: the core only uses the limiter that REFUNDS_LIMITER names."""
    rate: str = getattr(settings, "REFUNDS_GATEWAY_RATE", "")
    limiter: str = getattr(settings, "REFUNDS_LIMITER", "")
    if not rate or limiter:
        return []
    return [
        Error(
            f"REFUNDS_GATEWAY_RATE is {rate!r}, and REFUNDS_LIMITER is not set: calls would not be limited.",
            hint=f"Set REFUNDS_LIMITER to '{__package__}.limiter.limiter'.",
            id=f"{LABEL}.E013",
        )
    ]


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
