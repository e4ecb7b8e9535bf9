"""The checks name each setting without which a part of this room does nothing."""

import pytest
from django.core.checks import run_checks
from pytest_django import Settings

from refunds.apps import LABEL
from refunds.worker.consumer import Consumer


class Stricter(Consumer):
    """A project's own consumer."""


def found() -> list[tuple[str | None, str]]:
    """Id and message of each problem that this room finds."""
    ids = tuple(f"{LABEL}.{number}" for number in ("E001", "E008", "E03", "W03"))
    return [(each.id, each.msg) for each in run_checks() if str(each.id).startswith(ids)]


def test_settings_of_the_project_have_no_problem() -> None:
    """The project's settings are those of this room."""
    assert found() == []


@pytest.mark.parametrize("named", ["celery.worker.consumer:Consumer", "no.such:Consumer", "builtins:print", "x"])
def test_another_consumer_is_an_error(settings: Settings, named: str) -> None:
    """Celery's own, one that cannot be imported, and one that is not a class."""
    settings.CELERY_WORKER_CONSUMER = named
    ((id_, message),) = found()
    assert id_ == f"{LABEL}.E030"
    assert message.startswith(f"CELERY_WORKER_CONSUMER is {named!r}: one message")


def test_missing_consumer_is_an_error(settings: Settings) -> None:
    """Celery would use its own."""
    del settings.CELERY_WORKER_CONSUMER
    assert [id_ for id_, _ in found()] == [f"{LABEL}.E030"]


def test_subclass_of_the_consumer_is_accepted(settings: Settings) -> None:
    """A project can refuse more."""
    settings.CELERY_WORKER_CONSUMER = f"{__name__}:Stricter"
    assert found() == []


def test_early_acknowledgement_is_an_error(settings: Settings) -> None:
    """It is Celery's default."""
    del settings.CELERY_TASK_ACKS_LATE
    assert [id_ for id_, _ in found()] == [f"{LABEL}.E031"]


def test_connection_closed_at_each_task_is_a_warning(settings: Settings) -> None:
    """Celery closes it where CELERY_DB_REUSE_MAX is not set."""
    del settings.CELERY_DB_REUSE_MAX
    assert [id_ for id_, _ in found()] == [f"{LABEL}.W030"]


def test_unknown_celery_setting_is_reported(settings: Settings) -> None:
    """Celery ignores CELERY_TASK_MAX_RETRIES silently."""
    settings.CELERY_TASK_MAX_RETRIES = 3
    assert found() == [(f"{LABEL}.E001", "CELERY_TASK_MAX_RETRIES is not a setting of Celery and is ignored.")]


def test_redbeat_setting_is_accepted(settings: Settings) -> None:
    """RedBeat reads its settings from Celery's; a name that is not one of its own is refused."""
    settings.CELERY_REDBEAT_REDIS_URL = "redis://localhost/2"
    settings.CELERY_REDBEAT_URL = "redis://localhost/2"
    assert found() == [(f"{LABEL}.E001", "CELERY_REDBEAT_URL is not a setting of Celery and is ignored.")]


@pytest.mark.parametrize("broker", ["redis://localhost/0", "rediss://localhost/0", "memory://"])
def test_quorum_queues_without_rabbitmq_are_reported(settings: Settings, broker: str) -> None:
    """Elsewhere they would hang on a topic exchange, whose bindings a flushed Redis has lost for good."""
    settings.REFUNDS_QUEUE_TYPE, settings.CELERY_BROKER_URL = "quorum", broker
    assert [id_ for id_, _ in found()] == [f"{LABEL}.E008"]
    settings.CELERY_BROKER_URL = "amqp://guest:secret@localhost//"
    assert found() == []
