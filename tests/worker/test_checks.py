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
    return [(each.id, each.msg) for each in run_checks() if str(each.id).startswith((f"{LABEL}.E03", f"{LABEL}.W03"))]


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
