"""Check that a scheduler that reads the database has its package and its tables."""

from importlib.util import find_spec
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from ..apps import LABEL
from . import drift

# What the name of a scheduler that reads the database begins with: django-celery-beat's short name or its module, or
# this room's module.
IN_DATABASE = ("django", drift.PACKAGE, f"{__package__}.")


@register(Tags.compatibility)
def package_installed(**_: Any) -> list[CheckMessage]:
    """Report that the database scheduler lacks its package or its tables: beat would end at its start."""
    if not _is_in_database() or apps.is_installed(drift.PACKAGE):
        return []
    missing = find_spec(drift.PACKAGE) is None
    hint = f"Add '{drift.PACKAGE}' to INSTALLED_APPS, and migrate."
    return [
        Error(
            f"CELERY_BEAT_SCHEDULER is {settings.CELERY_BEAT_SCHEDULER!r}, and django-celery-beat is not "
            f"{'installed' if missing else 'in INSTALLED_APPS'}: beat could not start.",
            hint=f"Install the package django-celery-beat. {hint}" if missing else hint,
            id=f"{LABEL}.E040",
        )
    ]


def _is_in_database() -> bool:
    return str(getattr(settings, "CELERY_BEAT_SCHEDULER", "")).startswith(IN_DATABASE)
