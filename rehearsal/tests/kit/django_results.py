"""A scenario for a process of its own: a result backend of django-celery-results, with settings of its own.

`python -m kit.django_results NAME CACHE LOCATION` prints, as JSON, the backend's class, what a chord gave, and the
results that the cleanup left in the database, if they are there.
"""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from importlib import import_module
from typing import Any

import django
from django.conf import settings

settings.configure(
    INSTALLED_APPS=["django_celery_results"],
    CACHES={"default": {"BACKEND": f"django.core.cache.backends.{sys.argv[2]}", "LOCATION": sys.argv[3]}},
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    USE_TZ=True,
    TIME_ZONE="Europe/Kyiv",
)
django.setup()

from celery import chord  # noqa: E402 - Django is set up first
from celery_rehearsal import VirtualCelery  # noqa: E402 - as above
from django.core.management import call_command  # noqa: E402 - as above

from .conftest import NOON  # noqa: E402 - as above
from .shop import make_app  # noqa: E402 - as above


def main(backend: str) -> None:
    """A chord, an old result and a new one, and the cleanup at four o'clock."""
    call_command("migrate", verbosity=0)
    app: Any = make_app(result_backend=backend, result_expires=timedelta(hours=10))
    app.backend_cls = None
    note, add = app.tasks["note"], app.tasks["add"]
    with VirtualCelery(app, start=NOON) as celery:
        got = chord([note.s(n) for n in (1, 2, 3)], add.s()).apply_async().get(timeout=60)
        celery.advance(timedelta(hours=15))
        note.delay("new")
        celery.advance(timedelta(hours=2))
        name = type(app.backend).__name__
    left = None
    if backend == "django-db":
        results: Any = import_module("django_celery_results.models").TaskResult
        left = [json.loads(value) for value in results.objects.values_list("result", flat=True) if value != "null"]
    sys.stdout.write(json.dumps([name, got, left]))


if __name__ == "__main__":
    main(sys.argv[1])
