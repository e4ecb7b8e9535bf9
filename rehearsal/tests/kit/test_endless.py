"""What leads to itself at one instant, where time would never pass, is stopped by name; what is only much is not."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from celery.exceptions import Reject
from celery.schedules import schedule
from celery_rehearsal import NeverIdleError, VirtualCelery, steps, turns

from .conftest import NOON

if TYPE_CHECKING:
    from collections.abc import Callable

    from celery import Celery

NOW = timedelta(0)

# In place of the thousand, where the rule is tested and not its number.
FEW = 50


class Always(schedule):
    """Never waits."""

    def is_due(self, _last_run_at: Any) -> Any:
        return True, 0


def endless_reject(app: Celery) -> Any:
    @app.task(name="endless", acks_late=True, shared=False)
    def endless() -> None:
        raise Reject("again", requeue=True)

    return endless


def endless_retry(app: Celery) -> Any:
    @app.task(name="endless", bind=True, max_retries=None, shared=False)
    def endless(self: Any) -> None:
        raise self.retry(countdown=0)

    return endless


def endless_sender(app: Celery) -> Any:
    @app.task(name="endless", shared=False)
    def endless() -> None:
        app.tasks["endless"].delay()

    return endless


def endless_link(app: Celery) -> Any:
    @app.task(name="endless", shared=False)
    def endless() -> None:
        app.tasks["note"].apply_async(link=app.tasks["endless"].si())

    return endless


ENDLESS = [endless_reject, endless_retry, endless_sender, endless_link]


@pytest.mark.parametrize(
    ("define", "transport", "asleep", "deepest"),
    [
        *[(each, "memory", False, FEW) for each in ENDLESS],
        (endless_reject, "fakeredis", False, FEW),
        (endless_retry, "memory", True, turns.DEEPEST),
    ],
)
def test_an_endless_loop_at_one_instant_names_its_message(
    app: Celery,
    *,
    transport: str,
    define: Callable[[Celery], Any],
    asleep: bool,
    deepest: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After a thousand turns, of which most cases do not need all; also while another worker's task sleeps."""
    monkeypatch.setattr(turns, "DEEPEST", deepest)
    app.conf.task_routes = {"nap": {"queue": "naps"}}
    task = define(app)
    workers = {"one": ["celery"], "two": ["naps"]}
    with VirtualCelery(app, start=NOON, transport=transport, workers=workers) as celery:
        if asleep:
            app.tasks["nap"].delay(600)
        task.delay()
        with pytest.raises(NeverIdleError, match=r"endless\[[0-9a-f-]{36}\].* at 2026-01-15 10:00:00Z"):
            celery.run_until_idle()
        assert deepest / 2 <= len(celery.timeline.of("started", "endless")) <= 3 * deepest


def test_an_endless_beat_names_its_entry(app: Celery, monkeypatch: pytest.MonkeyPatch) -> None:
    """A schedule that is always due, at one instant."""
    monkeypatch.setattr(turns, "DEEPEST", FEW)
    app.conf.beat_schedule = {"always": {"task": "note", "schedule": Always(0)}}
    with VirtualCelery(app, start=NOON) as celery, pytest.raises(NeverIdleError, match="entry always of beat1"):
        celery.advance(NOW)


def test_a_task_that_doubles_is_stopped(app: Celery, monkeypatch: pytest.MonkeyPatch) -> None:
    """It grows in width and never deep, so the number of turns ends it."""
    monkeypatch.setattr(steps, "TURNS", 50)

    @app.task(name="doubles", shared=False)
    def doubles() -> None:
        doubles.delay()
        doubles.delay()

    with VirtualCelery(app, start=NOON) as celery:
        doubles.delay()
        with pytest.raises(NeverIdleError, match=r"doubles\[.* is the last of 50 turns without time passing"):
            celery.advance(NOW)
        assert len(celery.timeline.of("started")) == 50


def test_many_messages_at_one_instant_are_no_loop(app: Celery, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither many from the test, nor many from one task, nor a loop that lets time pass."""
    monkeypatch.setattr(turns, "DEEPEST", FEW)
    many = 2 * FEW

    @app.task(name="splits", bind=True, shared=False)
    def splits(self: Any) -> None:
        if self.request.retries < many:
            for _ in range(2 if self.request.retries else many):
                app.tasks["note"].delay()
            raise self.retry(countdown=0.001, max_retries=many)

    with VirtualCelery(app, start=NOON, beats=0) as celery:
        for _ in range(many):
            app.tasks["note"].delay()
        splits.delay()
        celery.run_until_idle()
        assert len(celery.timeline.of("succeeded", "note")) == 2 * many + 2 * (many - 1)
