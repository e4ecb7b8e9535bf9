"""The check names a scheduler that beat could not start with."""

import pytest
from django.core.checks import run_checks
from pytest_django import Settings

from refunds.apps import LABEL
from refunds.beat import checks

from .beats import FILE, OURS, STOCK


def found() -> list[str]:
    """The messages of this room's check."""
    return [each.msg for each in run_checks() if each.id == f"{LABEL}.E040"]


def leave_out(settings: Settings) -> None:
    """Take django-celery-beat out of the apps."""
    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app != "django_celery_beat"]


@pytest.mark.parametrize("scheduler", [STOCK, OURS, "django"])
def test_scheduler_of_the_database_without_its_tables_is_an_error(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, scheduler: str
) -> None:
    """Whatever its name, and whether the package is installed or not."""
    leave_out(settings)
    settings.CELERY_BEAT_SCHEDULER = scheduler
    for spec, what in ((object(), "in INSTALLED_APPS"), (None, "installed")):
        monkeypatch.setattr(checks, "find_spec", lambda _, spec=spec: spec)
        assert found() == [
            f"CELERY_BEAT_SCHEDULER is {scheduler!r}, and django-celery-beat is not {what}: beat could not start."
        ]


def test_scheduler_without_rows_needs_no_tables(settings: Settings) -> None:
    """A file, Redis, or Celery's default."""
    leave_out(settings)
    for scheduler in (FILE, "redbeat.RedBeatScheduler"):
        settings.CELERY_BEAT_SCHEDULER = scheduler
        assert found() == []
    del settings.CELERY_BEAT_SCHEDULER
    assert found() == []


def test_scheduler_with_its_tables_has_no_problem(settings: Settings) -> None:
    """The tests' project installs them where the package is installed."""
    pytest.importorskip("django_celery_beat")
    settings.CELERY_BEAT_SCHEDULER = OURS
    assert found() == []
