"""Django, where the application uses it. Preflight does not import it for others."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any


def djangos_settings() -> Any:
    """Django's settings, or None where Celery's own fixup for Django would not be used either."""
    if not os.environ.get("DJANGO_SETTINGS_MODULE") or "django.conf" not in sys.modules:
        return None
    settings: Any = sys.modules["django.conf"].settings
    return settings if settings.configured else None


def load_views() -> None:
    """Import what the URLconf names, as Django's checks do when a worker starts."""
    settings = djangos_settings()
    if settings is not None and getattr(settings, "ROOT_URLCONF", None):
        resolvers = importlib.import_module("django.urls")
        resolvers.get_resolver().url_patterns  # noqa: B018 - reading it imports the URLconf


def loaded(module: str, name: str) -> Any:
    """What a module of Django has by this name; an object like no other where the module is not loaded."""
    return getattr(sys.modules.get(module), name, object())
