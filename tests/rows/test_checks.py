"""System checks: what would be ignored in silence is said aloud."""

import pytest
from django.core.checks import run_checks
from pytest_django import Settings

from refunds.domain.currencies import EXPONENTS
from refunds.project.environment import codes


def ids(*, deploy: bool = False) -> list[str | None]:
    return [message.id for message in run_checks(include_deployment_checks=deploy) if "refunds." in str(message.id)]


def test_the_default_project_is_clean() -> None:
    """The settings as they stand raise nothing."""
    assert ids() == []


def test_a_celery_setting_that_does_not_exist_is_named(settings: Settings) -> None:
    """Celery would pass over CELERY_TASK_MAX_RETRIES without a word."""
    settings.CELERY_TASK_MAX_RETRIES = 3
    (message,) = [message for message in run_checks() if message.id == "refunds.E001"]
    assert message.msg == "CELERY_TASK_MAX_RETRIES is not a setting of Celery and is ignored."


def test_a_setting_of_redbeat_is_known(settings: Settings) -> None:
    """RedBeat reads its settings from Celery's; a name that is not one of its own is refused."""
    settings.CELERY_REDBEAT_REDIS_URL = "redis://localhost/2"
    settings.CELERY_REDBEAT_URL = "redis://localhost/2"
    (message,) = [message for message in run_checks() if message.id == "refunds.E001"]
    assert message.msg == "CELERY_REDBEAT_URL is not a setting of Celery and is ignored."


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


@pytest.mark.parametrize("broker", ["redis://localhost/0", "rediss://localhost/0", "memory://"])
def test_quorum_queues_are_for_rabbitmq(settings: Settings, broker: str) -> None:
    """Elsewhere they would hang on a topic exchange, whose bindings a flushed Redis has lost for good."""
    settings.REFUNDS_QUEUE_TYPE, settings.CELERY_BROKER_URL = "quorum", broker
    assert ids() == ["refunds.E008"]
    settings.CELERY_BROKER_URL = "amqp://guest:secret@localhost//"
    assert ids() == []


@pytest.mark.parametrize("code", ["XAU", "XXX", "CLF", "BGL", "eur", "EURO", "€"])
def test_a_currency_that_nobody_can_be_paid_in_is_refused(settings: Settings, code: str) -> None:
    """Metals, funds, withdrawn codes and misspelt ones: their decimals are not known."""
    settings.REFUNDS_CURRENCIES = ("EUR", code)
    (message,) = [message for message in run_checks() if message.id == "refunds.E010"]
    assert message.msg.startswith(f"REFUNDS_CURRENCIES has {code!r}, which is not a currency of ISO 4217")


@pytest.mark.parametrize("empty", [(), [], "", "EUR"])
def test_no_accepted_currency_at_all_is_refused(settings: Settings, empty: object) -> None:
    """Every row would be rejected; a text instead of a list would accept each of its parts."""
    settings.REFUNDS_CURRENCIES = empty
    assert ids() == ["refunds.E009"]


def test_a_project_without_the_setting_of_currencies_is_told_so(settings: Settings) -> None:
    """A check names what somebody who copied the app has left out."""
    del settings.REFUNDS_CURRENCIES
    assert ids() == ["refunds.E009"]


def test_every_currency_of_iso_4217_can_be_accepted(settings: Settings) -> None:
    """The check knows all of them."""
    settings.REFUNDS_CURRENCIES = tuple(EXPONENTS)
    assert ids() == []


@pytest.mark.parametrize(
    ("text", "accepted"),
    [("EUR,SEK", ("EUR", "SEK")), (" EUR , SEK,,EUR ", ("EUR", "SEK")), ("", ()), (" , ", ())],
)
def test_currencies_are_read_from_the_environment(text: str, accepted: tuple[str, ...]) -> None:
    """Separated by commas, with or without spaces, each once."""
    assert codes(text) == accepted
