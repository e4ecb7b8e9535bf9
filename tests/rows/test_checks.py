"""System checks report settings that would be ignored, and what a project that copies the app has not added yet."""

from typing import Any

import pytest
from celery import Celery
from django.core.checks import CheckMessage, run_checks
from kombu import Queue
from pytest_django import Settings

from refunds import checks
from refunds.apps import LABEL
from refunds.schedule import beat_schedule

TASKS = [entry["task"] for entry in beat_schedule().values()]
MISSING = [f"No entry of CELERY_BEAT_SCHEDULE sends {task}." for task in TASKS]


def found(name: str = "") -> list[CheckMessage]:
    """Return the messages of the app, or of one check."""
    return [message for message in run_checks() if str(message.id).startswith(f"{LABEL}.{name}")]


def test_settings_of_the_project_have_no_problem() -> None:
    """The settings that the copy command names are complete."""
    assert found() == []


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        # Another zone declines at another hour; the old spelling resets beat's store.
        *(("CELERY_TIMEZONE", zone, "E002") for zone in ("UTC", "Europe/Kiev", None)),
        # Accepting pickle in addition to JSON is as dangerous as pickle alone.
        *((f"CELERY_{what}ACCEPT_CONTENT", ["json", "pickle"], "E003") for what in ("", "RESULT_")),
    ],
)
def test_unsafe_value_is_reported(settings: Settings, name: str, value: object, message: str) -> None:
    """Another zone, another spelling of it, and a serialiser other than JSON have one message each."""
    setattr(settings, name, value)
    assert [each.id for each in found()] == [f"{LABEL}.{message}"]


@pytest.mark.parametrize(
    ("entries", "missing"),
    [({}, MISSING), ({"other name": {"task": TASKS[0], "schedule": 60}}, MISSING[1:]), (beat_schedule(), [])],
)
def test_missing_entries_of_beat_are_reported(settings: Settings, entries: dict[str, Any], missing: list[str]) -> None:
    """Without its entries beat runs, and declines nothing; an entry can have any name."""
    settings.CELERY_BEAT_SCHEDULE = entries
    assert [message.msg for message in found("E020")] == missing


def test_another_current_celery_app_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has not imported the project's app would publish by Celery's defaults."""
    monkeypatch.setattr(checks, "current_app", Celery("other", set_as_current=False))
    (message,) = found("E021")
    assert message.msg.startswith("The current Celery app 'other' does not have the routes of CELERY_TASK_ROUTES")
    assert "from .celery import app as celery_app" in str(message.hint)


def test_early_acknowledgement_is_reported(settings: Settings) -> None:
    """Celery acknowledges before it runs a task, unless it is told otherwise."""
    settings.CELERY_TASK_ACKS_LATE = False
    (message,) = found("W020")
    assert "CELERY_TASK_ACKS_LATE = True" in str(message.hint)


def test_task_without_a_route_is_reported(settings: Settings) -> None:
    """A task without a route waits in the default queue; a pattern is a route."""
    routes = dict(settings.CELERY_TASK_ROUTES)
    route = routes.pop(f"{LABEL}.pay_refund")
    settings.CELERY_TASK_ROUTES = routes
    (message,) = found("W021")
    assert message.msg == f"CELERY_TASK_ROUTES has no route for {LABEL}.pay_refund: it goes to the default queue."
    settings.CELERY_TASK_ROUTES = routes | {f"{LABEL}.pay_*": route}
    assert found("W021") == []


def test_declared_queue_without_a_route_is_reported(settings: Settings) -> None:
    """A worker would wait for messages that no task sends."""
    settings.CELERY_TASK_QUEUES = [*settings.CELERY_TASK_QUEUES, Queue("parcels")]
    (message,) = found("W022")
    assert message.msg.startswith("CELERY_TASK_QUEUES declares 'parcels', but no route of CELERY_TASK_ROUTES names it")
