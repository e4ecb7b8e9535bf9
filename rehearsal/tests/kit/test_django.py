"""What a Django project had set up before a cluster started, it has still."""

from __future__ import annotations

import logging
import os
import sys
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import django
import pytest
from celery import Celery
from celery_rehearsal import VirtualCelery
from django.conf import settings
from django.test import override_settings

from .conftest import NOON

# As projects have it: the root logger, too, is configured by the settings.
LOGGING = {"version": 1, "disable_existing_loggers": False, "root": {"handlers": [], "level": "INFO"}}


@pytest.fixture
def django_app(monkeypatch: pytest.MonkeyPatch) -> Celery:
    """An app with Celery's Django fixup, which every app has where DJANGO_SETTINGS_MODULE is set."""
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", os.environ.get("DJANGO_SETTINGS_MODULE", "kit.django_settings"))
    django.setup()
    monkeypatch.setattr(sys, "path", sys.path.copy())  # the fixup adds the working directory
    app = Celery("project", broker="redis://broker.invalid/0", set_as_current=False)

    @app.task(name="note", shared=False)
    def note() -> None:
        logging.getLogger("project").warning("noted")

    return app


def test_logging_stays_as_it_was(
    django_app: Celery, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the settings configure the root logger, pytest's handler hears the tasks and stays after the cluster."""
    # Not by pytest-django's fixture: from Django 6.1 on a setting that a test changes is acted on at once.
    monkeypatch.setattr(settings, "LOGGING_CONFIG", "logging.config.dictConfig")
    monkeypatch.setattr(settings, "LOGGING", LOGGING)
    before = (logging.root.level, list(logging.root.handlers))
    with VirtualCelery(django_app, start=NOON) as celery:
        django_app.tasks["note"].delay()
        celery.run_until_idle()
    assert caplog.messages == ["noted"]
    assert (logging.root.level, logging.root.handlers) == before


def test_checks_run_once(django_app: Celery, monkeypatch: pytest.MonkeyPatch) -> None:
    """Django's checks run as in a worker of one's own: once, however many workers and beats there are."""
    runs = []
    monkeypatch.setattr("celery.fixups.django.DjangoWorkerFixup.validate_models", lambda fixup: runs.append(fixup.app))
    with VirtualCelery(django_app, start=NOON, workers=2, beats=2):
        # up to Celery 5.5 each app's fixup hears of every app
        assert runs
        assert len(runs) == len(set(runs))


@pytest.mark.parametrize("wanted", [False, True])
def test_checks_run_only_on_demand(django_app: Celery, monkeypatch: pytest.MonkeyPatch, wanted: bool) -> None:
    """A start runs Django's system checks, which can read the database, only if it is asked to."""
    monkeypatch.delenv("CELERY_SKIP_CHECKS", raising=False)
    runs: list[str] = []
    monkeypatch.setattr("django.core.checks.run_checks", lambda: runs.append("checks"))
    options: dict[str, Any] = {"django_checks": True} if wanted else {}
    with VirtualCelery(django_app, start=NOON, **options):
        assert bool(runs) == wanted
    assert "CELERY_SKIP_CHECKS" not in os.environ


def test_local_time_follows_time_zone(django_app: Celery) -> None:
    """Django sets the process's TZ from TIME_ZONE, also where a test overrides it inside a cluster."""
    new_york, kyiv = (
        NOON.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for zone in ("America/New_York", "Europe/Kyiv")
    )
    with override_settings(TIME_ZONE="America/New_York"), VirtualCelery(django_app, start=NOON):
        assert datetime.now() == new_york  # noqa: DTZ005  # the host's time is the subject
        with override_settings(TIME_ZONE="Europe/Kyiv"):
            assert datetime.now() == kyiv  # noqa: DTZ005
        assert datetime.now() == new_york  # noqa: DTZ005


def test_host_zone_wins_over_time_zone(django_app: Celery) -> None:
    """`host_zone` is the last word on where the host is."""
    with VirtualCelery(django_app, start=NOON, host_zone="Asia/Kolkata"):
        assert datetime.now() == NOON.astimezone(ZoneInfo("Asia/Kolkata")).replace(tzinfo=None)  # noqa: DTZ005
