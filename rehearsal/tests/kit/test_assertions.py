"""Assertions say what was wanted and show the timeline; a task's own assertion ends the test."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from celery_rehearsal import VirtualCelery

from .conftest import NOON

if TYPE_CHECKING:
    from celery import Celery


def test_assert_ran(app: Celery) -> None:
    """It takes a task or a name, a number and instants, and gives back the records."""
    with VirtualCelery(app, start=NOON) as celery:
        app.tasks["flaky"].delay(failures=1)
        celery.run_until_idle()
        records = celery.assert_ran(app.tasks["flaky"], times=2, at=[NOON, NOON + timedelta(minutes=1)])
        assert [record.attempt for record in records] == [1, 2]
        celery.assert_ran("flaky", worker="worker1")
        celery.assert_ran("note", times=0)
        celery.assert_not_ran("note")
        celery.assert_sent("flaky", by="test", queue="celery", times=1)
        celery.assert_idle()


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ({"task": "note", "times": 2}, r"wanted note to have run 2 times\nfound 1:"),
        ({"task": "note", "at": NOON}, r"wanted note to have run at 2026-01-15 12:00:00 EET\nfound 1:"),
        ({"task": "fail"}, r"wanted fail to have run\nfound 0: nothing"),
        ({"task": "note", "worker": "worker2"}, r"on worker2\nfound 0"),
    ],
)
def test_a_failure_prints_what_was_wanted(app: Celery, wanted: dict[str, Any], text: str) -> None:
    """The message holds the wish, what was found, and the timeline in local time and UTC."""
    with VirtualCelery(app, start=NOON, workers=2) as celery:
        app.tasks["note"].apply_async(countdown=60)
        celery.run_until_idle()
        with pytest.raises(AssertionError, match=text) as caught:
            celery.assert_ran(**wanted)
    assert "2026-01-15 12:01:00.000 EET  10:01:00Z  started" in str(caught.value)


def test_the_other_assertions_fail_too(app: Celery) -> None:
    """Each says what it wanted not to find, or missed."""
    with VirtualCelery(app, start=NOON) as celery:
        app.tasks["note"].delay()
        celery.advance(timedelta(0))
        with pytest.raises(AssertionError, match="wanted note not to have run"):
            celery.assert_not_ran("note")
        with pytest.raises(AssertionError, match="wanted note to have been sent, by beat1"):
            celery.assert_sent("note", by="beat1")
        app.tasks["note"].apply_async(countdown=5)
        with pytest.raises(AssertionError, match=r"nothing to be pending\n  queued     note"):
            celery.assert_idle()


@pytest.mark.parametrize("options", [{}, {"autoretry_for": (Exception,), "retry_backoff": True}])
def test_an_assertion_in_a_task_ends_the_test_at_once(app: Celery, transport: str, options: dict[str, Any]) -> None:
    """It comes out of advance() as it was raised, and autoretry does not see it."""

    @app.task(name="checks", shared=False, **options)
    def checks() -> None:
        raise AssertionError("two and two")

    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        checks.apply_async(countdown=60)
        with pytest.raises(AssertionError, match="two and two"):
            celery.advance(timedelta(hours=1))
        assert celery.now == NOON + timedelta(minutes=1)
        celery.assert_sent("checks", times=1)
        assert celery.timeline.of("retried") == []


def test_an_assertion_expected_outside_a_worker_stays_one(app: Celery) -> None:
    """A task called as a function raises as a function does."""

    @app.task(name="checks", shared=False)
    def checks() -> None:
        raise AssertionError("plain")

    with VirtualCelery(app, start=NOON), pytest.raises(AssertionError, match="plain"):
        checks()


def test_a_capped_timeline_keeps_the_newest(app: Celery) -> None:
    """A limit keeps the last records, and the table says how many went."""
    with VirtualCelery(app, start=NOON, timeline_limit=3) as celery:
        for _ in range(2):
            app.tasks["note"].delay()
            celery.advance(timedelta(0))
        assert [record.kind for record in celery.timeline] == ["received", "started", "succeeded"]
        assert "... 5 earlier records dropped" in str(celery.timeline)
        assert celery.timeline[-1].kind == "succeeded"
        assert len(celery.timeline[1:]) == 2


def test_a_verdict_keeps_its_cause_and_context(app: Celery) -> None:
    """The report shows what the exception was raised from, and nothing of the kit's own."""

    @app.task(name="leaves", shared=False)
    def leaves() -> None:
        try:
            raise ZeroDivisionError
        except ZeroDivisionError:
            pytest.fail("in a handler")

    with VirtualCelery(app, start=NOON) as celery:
        leaves.delay()
        with pytest.raises(pytest.fail.Exception) as caught:
            celery.advance(timedelta(0))
    assert isinstance(caught.value.__context__, ZeroDivisionError)
    assert (caught.value.__cause__, caught.value.__suppress_context__) == (None, False)
