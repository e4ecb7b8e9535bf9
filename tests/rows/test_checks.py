"""System checks: what would be ignored in silence is said aloud."""

import pytest
from django.core.checks import run_checks
from pytest_django import Settings

from refunds.project.environment import codes


def ids(*, deploy: bool = False) -> list[str | None]:
    return [message.id for message in run_checks(include_deployment_checks=deploy) if "refunds." in str(message.id)]


def test_the_default_project_is_clean() -> None:
    """The settings as they stand raise nothing."""
    assert ids() == []


def test_the_old_spelling_of_the_time_zone_is_refused(settings: Settings) -> None:
    """Another zone declines at another hour; the old spelling resets beat's store."""
    for zone in ("UTC", "Europe/Kiev", None):
        settings.CELERY_TIMEZONE = zone
        assert ids() == ["refunds.E002"]


@pytest.mark.parametrize("name", ["CELERY_ACCEPT_CONTENT", "CELERY_RESULT_ACCEPT_CONTENT"])
def test_anything_but_json_is_refused(settings: Settings, name: str) -> None:
    """Pickle beside JSON is as bad as pickle."""
    setattr(settings, name, ["json", "pickle"])
    assert ids() == ["refunds.E003"]


@pytest.mark.parametrize(
    ("text", "accepted"),
    [("EUR,SEK", ("EUR", "SEK")), (" EUR , SEK,,EUR ", ("EUR", "SEK")), ("", ()), (" , ", ())],
)
def test_currencies_are_read_from_the_environment(text: str, accepted: tuple[str, ...]) -> None:
    """Separated by commas, with or without spaces, each once."""
    assert codes(text) == accepted
