"""System checks report settings that Celery or Django would ignore without an error."""

import pytest
from django.core.checks import run_checks
from pytest_django import Settings

from refunds.domain.currencies import EXPONENTS
from refunds.project.environment import codes


def ids(*, deploy: bool = False) -> list[str | None]:
    return [message.id for message in run_checks(include_deployment_checks=deploy) if "refunds." in str(message.id)]


def test_default_project_has_no_problem() -> None:
    """The checks report nothing for the default settings."""
    assert ids() == []


def test_unknown_celery_setting_is_reported(settings: Settings) -> None:
    """Celery would ignore CELERY_TASK_MAX_RETRIES without an error."""
    settings.CELERY_TASK_MAX_RETRIES = 3
    (message,) = [message for message in run_checks() if message.id == "refunds.E001"]
    assert message.msg == "CELERY_TASK_MAX_RETRIES is not a setting of Celery and is ignored."


def test_redbeat_setting_is_accepted(settings: Settings) -> None:
    """RedBeat reads Celery's settings; a name that RedBeat does not know is reported."""
    settings.CELERY_REDBEAT_REDIS_URL = "redis://localhost/2"
    settings.CELERY_REDBEAT_URL = "redis://localhost/2"
    (message,) = [message for message in run_checks() if message.id == "refunds.E001"]
    assert message.msg == "CELERY_REDBEAT_URL is not a setting of Celery and is ignored."


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


@pytest.mark.parametrize("broker", ["redis://localhost/0", "rediss://localhost/0", "memory://"])
def test_quorum_queues_without_rabbitmq_are_reported(settings: Settings, broker: str) -> None:
    """On Redis they would use a topic exchange, whose bindings a flush deletes for good."""
    settings.REFUNDS_QUEUE_TYPE, settings.CELERY_BROKER_URL = "quorum", broker
    assert ids() == ["refunds.E008"]
    settings.CELERY_BROKER_URL = "amqp://guest:secret@localhost//"
    assert ids() == []


@pytest.mark.parametrize("code", ["XAU", "XXX", "CLF", "BGL", "eur", "EURO", "€"])
def test_currency_without_known_decimals_is_reported(settings: Settings, code: str) -> None:
    """The decimals of metals, funds, withdrawn codes and misspelt codes are not known."""
    settings.REFUNDS_CURRENCIES = ("EUR", code)
    (message,) = [message for message in run_checks() if message.id == "refunds.E010"]
    assert message.msg.startswith(f"REFUNDS_CURRENCIES has {code!r}, which is not a currency of ISO 4217")


@pytest.mark.parametrize("empty", [(), [], "", "EUR"])
def test_empty_or_malformed_list_of_currencies_is_reported(settings: Settings, empty: object) -> None:
    """An empty list would reject every row, and a string would accept each of its substrings."""
    settings.REFUNDS_CURRENCIES = empty
    assert ids() == ["refunds.E009"]


def test_missing_setting_of_currencies_is_reported(settings: Settings) -> None:
    """The check names the setting that a copied app still needs."""
    del settings.REFUNDS_CURRENCIES
    assert ids() == ["refunds.E009"]


def test_every_currency_of_iso_4217_can_be_accepted(settings: Settings) -> None:
    """The check accepts every currency code in use."""
    settings.REFUNDS_CURRENCIES = tuple(EXPONENTS)
    assert ids() == []


@pytest.mark.parametrize(
    ("text", "accepted"),
    [("EUR,SEK", ("EUR", "SEK")), (" EUR , SEK,,EUR ", ("EUR", "SEK")), ("", ()), (" , ", ())],
)
def test_currencies_are_read_from_the_environment(text: str, accepted: tuple[str, ...]) -> None:
    """Separated by commas, with or without spaces, each once."""
    assert codes(text) == accepted
