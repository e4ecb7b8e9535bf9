"""Check the default project's environment."""

import os
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register

from ..apps import LABEL


@register(Tags.security, deploy=True)
def secret_key_given(**_: Any) -> list[CheckMessage]:
    """Report a missing key: each process then makes its own, and sessions end with the process."""
    if not _makes_own_key():
        return []
    return [
        checks.Warning(
            "DJANGO_SECRET_KEY is not set: each process signs with its own key, and sessions end with the process.",
            hint="Put a long random value into the environment of every web process.",
            id=f"{LABEL}.W001",
        )
    ]


@register(Tags.urls)
def links_last(**_: Any) -> list[CheckMessage]:
    """Report that worker and web process have different keys: the worker signs links that the web process reads."""
    if not getattr(settings, "REFUNDS_PUBLIC_URL", "") or not _makes_own_key():
        return []
    return [
        Error(
            "REFUNDS_PUBLIC_URL is set and DJANGO_SECRET_KEY is not: each process signs with its own key, so the web "
            "process would refuse the links in the worker's mails.",
            hint="Put one long random value into the environment of every web process and worker.",
            id=f"{LABEL}.E007",
        )
    ]


def _makes_own_key() -> bool:
    """Return whether this is the default project without a key."""
    return settings.SETTINGS_MODULE == "refunds.project.settings" and not os.environ.get("DJANGO_SECRET_KEY")
