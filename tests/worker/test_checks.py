"""The checks name each setting without which a part of this room does nothing."""

import pytest
from django.core.checks import run_checks
from pytest_django import Settings

from refunds.apps import LABEL
from refunds.worker.consumer import Consumer


class Stricter(Consumer):
    """A project's own consumer."""


def found() -> list[tuple[str | None, str]]:
    """Return id and message of each problem that this room finds."""
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


def test_subclass_of_the_consumer_is_accepted(settings: Settings) -> None:
    """A project can refuse more."""
    settings.CELERY_WORKER_CONSUMER = f"{__name__}:Stricter"
    assert found() == []


@pytest.mark.parametrize(
    ("setting", "id_"),
    [("CELERY_WORKER_CONSUMER", "E030"), ("CELERY_TASK_ACKS_LATE", "E031"), ("CELERY_DB_REUSE_MAX", "W030")],
)
def test_missing_setting_is_reported(settings: Settings, setting: str, id_: str) -> None:
    """Celery would use its own consumer, acknowledge early, and close the connection at each task."""
    delattr(settings, setting)
    assert [each for each, _ in found()] == [f"{LABEL}.{id_}"]


@pytest.mark.parametrize("name", ["CELERY_TASK_MAX_RETRIES", "CELERY_REDBEAT_URL"])
def test_unknown_celery_setting_is_reported(settings: Settings, name: str) -> None:
    """Celery ignores it silently. A setting that RedBeat reads from Celery's is accepted."""
    settings.CELERY_REDBEAT_REDIS_URL = "redis://localhost/2"
    setattr(settings, name, 3)
    assert found() == [(f"{LABEL}.E001", f"{name} is not a setting of Celery and is ignored.")]


@pytest.mark.parametrize("broker", ["redis://localhost/0", "rediss://localhost/0", "memory://"])
def test_quorum_queues_without_rabbitmq_are_reported(settings: Settings, broker: str) -> None:
    """Elsewhere they would hang on a topic exchange, whose bindings a flushed Redis has lost for good."""
    settings.REFUNDS_QUEUE_TYPE, settings.CELERY_BROKER_URL = "quorum", broker
    assert [id_ for id_, _ in found()] == [f"{LABEL}.E008"]
    settings.CELERY_BROKER_URL = "amqp://guest:secret@localhost//"
    assert found() == []
