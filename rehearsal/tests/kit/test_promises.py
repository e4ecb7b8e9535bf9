"""What a team relies on: retries, expiry, canvas, rate limits, the visibility timeout."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from celery import chain, chord, group
from celery.exceptions import Reject
from celery_rehearsal import VirtualCelery

from .conftest import KYIV, NOON

if TYPE_CHECKING:
    from celery import Celery

HOUR = timedelta(hours=1)


def kinds(celery: VirtualCelery, task: str) -> list[tuple[str, str]]:
    return [
        (f"{record.at.astimezone(KYIV):%H:%M:%S}", record.kind)
        for record in celery.timeline.of(task=task)
        if record.kind not in {"sent", "received", "scheduled"}
    ]


def test_a_retry_keeps_its_first_expiry(app: Celery, transport: str) -> None:
    """A message that expires in two minutes retries once, after one, and is then expired for good."""
    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        app.tasks["flaky"].apply_async(expires=120)
        celery.run_until_idle()
        assert kinds(celery, "flaky") == [
            ("12:00:00", "started"),
            ("12:00:00", "retried"),
            ("12:01:00", "started"),
            ("12:01:00", "retried"),
            ("12:04:00", "expired"),
        ]
        assert {record.expires for record in celery.timeline.of("sent")} == {NOON + timedelta(minutes=2)}
        assert [record.when for record in celery.timeline.of("retried")] == [
            NOON + timedelta(minutes=1),
            NOON + timedelta(minutes=4),
        ]


def test_links_run(app: Celery, transport: str) -> None:
    """A link runs after success, an error link after failure, neither the other way."""
    note, fail = app.tasks["note"], app.tasks["fail"]
    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        note.apply_async((1,), link=note.s(), link_error=app.tasks["late"].si())
        celery.run_until_idle()
        celery.assert_ran("note", times=2)
        celery.assert_not_ran("late")
        fail.apply_async(link=note.si(), link_error=app.tasks["late"].si())
        celery.run_until_idle()
        celery.assert_ran("note", times=2)
        assert len(celery.timeline.of("failed", "fail")) == 1
        assert len(celery.timeline.of("succeeded", "late")) == 1


def test_canvas_runs(app: Celery, transport: str) -> None:
    """Group, chain and chord run on the cluster's results, and result.get() lets time pass."""
    note, add = app.tasks["note"], app.tasks["add"]
    results = "redis://results.invalid/0"
    with VirtualCelery(app, start=NOON, transport=transport, result_backend=results) as celery:
        assert chord([note.s(n) for n in (1, 2, 3)], add.s()).apply_async().get(timeout=60) == 6
        assert group(note.s(n) for n in (4, 5)).apply_async().get(timeout=60) == [4, 5]
        assert chain(note.s([1, 2]), add.s()).apply_async(countdown=30).get(timeout=60) == 3
        assert celery.now < NOON + timedelta(minutes=1)


def test_a_rate_limit_is_per_worker(app: Celery, transport: str) -> None:
    """6/m is a run each 10 s in each worker; what waits is on the timeline."""
    with VirtualCelery(app, start=NOON, transport=transport, workers=2) as celery:
        for value in range(6):
            app.tasks["limited"].delay(value)
        celery.run_until_idle()
        for worker in ("worker1", "worker2"):
            celery.assert_ran("limited", worker=worker, at=[NOON + n * timedelta(seconds=10) for n in range(3)])
        assert len(celery.timeline.of("rate-limited", "limited")) == 4


@pytest.mark.parametrize(("requeue", "runs"), [(False, 1), (True, 2)])
def test_a_rejected_message(app: Celery, transport: str, requeue: bool, runs: int) -> None:
    """Rejected it is dropped, or goes back to the queue and is redelivered."""

    @app.task(name="picky", acks_late=True, shared=False)
    def picky() -> None:
        if not celery.timeline.of("rejected"):
            raise Reject("no", requeue=requeue)

    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        picky.delay()
        celery.run_until_idle()
        celery.assert_ran("picky", times=runs)
        assert [record.detail for record in celery.timeline.of("rejected")] == [
            "back to the queue" if requeue else "dropped"
        ]
        assert len(celery.timeline.of("redelivered")) == runs - 1


def test_an_unknown_task_is_rejected(app: Celery, transport: str) -> None:
    """A message for a task that nobody knows is rejected, as a worker of an older release does it."""
    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        app.send_task("from.tomorrow")
        celery.run_until_idle()
        assert {record.task for record in celery.timeline.of("rejected")} == {"from.tomorrow"}


def test_results_of_an_app_without_backend_stay_away(transport: str) -> None:
    """An app that keeps no results gets none from the kit."""
    from .shop import make_app

    app: Any = make_app()
    app.conf.result_backend = None
    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        sent = app.tasks["note"].delay()
        celery.run_until_idle()
        with pytest.raises(NotImplementedError, match="No result backend"):
            sent.get()
