"""The default project merges the settings of the core and of the rooms."""

from typing import Any

import pytest
from celery import current_app
from django.conf import settings

from refunds import settings as core
from refunds.apps import LABEL
from refunds.notices import settings as notices
from refunds.project.environment import codes


def test_each_task_has_a_route_to_a_declared_queue_and_each_queue_a_route() -> None:
    """A task without a route would wait among the decisions, and a queue without one would stay empty."""
    routes: dict[str, dict[str, Any]] = settings.CELERY_TASK_ROUTES
    assert set(routes) == {name for name in current_app.tasks if name.startswith(f"{LABEL}.")}
    assert {route["queue"] for route in routes.values()} == {queue.name for queue in settings.CELERY_TASK_QUEUES}


def test_core_alone_needs_no_room() -> None:
    """The core's settings are complete for a project that takes no room."""
    assert [queue.name for queue in core.CELERY_TASK_QUEUES] == core.TASK_QUEUES
    assert {route["queue"] for route in core.CELERY_TASK_ROUTES.values()} == set(core.TASK_QUEUES)
    assert not set(notices.TASK_ROUTES) & set(core.CELERY_TASK_ROUTES)
    assert {entry["task"] for entry in core.CELERY_BEAT_SCHEDULE.values()} <= set(core.CELERY_TASK_ROUTES)


@pytest.mark.parametrize(
    ("text", "accepted"),
    [("EUR,SEK", ("EUR", "SEK")), (" EUR , SEK,,EUR ", ("EUR", "SEK")), ("", ()), (" , ", ())],
)
def test_currencies_are_read_from_the_environment(text: str, accepted: tuple[str, ...]) -> None:
    """Commas separate the codes, with or without spaces; a code counts once."""
    assert codes(text) == accepted
