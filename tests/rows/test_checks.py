"""System checks report settings that Celery or Django would ignore without an error."""

import pytest
from django.core.checks import run_checks
from pytest_django import Settings


def ids(*, deploy: bool = False) -> list[str | None]:
    return [message.id for message in run_checks(include_deployment_checks=deploy) if "refunds." in str(message.id)]


def test_default_project_has_no_problem() -> None:
    """The checks report nothing for the default settings."""
    assert ids() == []


def test_old_name_of_the_time_zone_is_reported(settings: Settings) -> None:
    """Another zone declines at another hour; the old spelling resets beat's store."""
    for zone in ("UTC", "Europe/Kiev", None):
        settings.CELERY_TIMEZONE = zone
        assert ids() == ["refunds.E002"]


@pytest.mark.parametrize("name", ["CELERY_ACCEPT_CONTENT", "CELERY_RESULT_ACCEPT_CONTENT"])
def test_serialiser_other_than_json_is_reported(settings: Settings, name: str) -> None:
    """Accepting pickle in addition to JSON is as dangerous as pickle alone."""
    setattr(settings, name, ["json", "pickle"])
    assert ids() == ["refunds.E003"]
