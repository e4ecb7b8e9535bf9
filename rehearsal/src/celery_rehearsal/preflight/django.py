"""Django, where the application uses it. Preflight never imports it."""

from __future__ import annotations

import os
import sys
from typing import Any


def djangos_settings() -> Any:
    """Django's settings, or None where Celery's own fixup for Django would not be used either."""
    if not os.environ.get("DJANGO_SETTINGS_MODULE") or "django.conf" not in sys.modules:
        return None
    settings: Any = sys.modules["django.conf"].settings
    return settings if settings.configured else None


def loaded(module: str, name: str) -> Any:
    """What a module of Django has by this name; an object like no other where the module is not loaded."""
    return getattr(sys.modules.get(module), name, object())
