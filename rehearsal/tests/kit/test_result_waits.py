"""A wait for a result takes virtual time, and ends when it does in production."""

from __future__ import annotations

from datetime import timedelta
from itertools import cycle, product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import celery as celery_package
import pytest
from celery import chord, group
from celery.exceptions import TimeoutError as CeleryTimeoutError
from celery.result import allow_join_result
from celery_rehearsal import NeverIdleError, VirtualCelery, waiting

from .conftest import NOON
from .shop import app_with

if TYPE_CHECKING:
    from celery import Celery

HOUR = timedelta(hours=1)

# Each backend with each reason, on the two transports by turns.
HOPELESS = [
    (*pair, transport)
    for pair, transport in zip(
        product(["redis://h", "rpc://", "cache+memcached://h", "file", "db+sqlite"], ["nobody", "lost", "down"]),
        cycle(["memory", "fakeredis"]),
        strict=False,
    )
]


def test_get_returns_when_the_result_is_there(app: Celery, transport: str) -> None:
    """Redis tells a waiting caller at once: not at its next look half a second later."""
    with VirtualCelery(app, start=NOON, transport=transport, beats=0) as celery:
        assert app.tasks["note"].apply_async((1,), countdown=3.125).get(timeout=60) == 1
        assert celery.now - NOON == timedelta(seconds=3.125)


def test_get_ends_at_its_timeout(app: Celery, transport: str) -> None:
    """A caller whose result is late gets Celery's TimeoutError after that time, and the result later."""
    with VirtualCelery(app, start=NOON, transport=transport, beats=0) as celery:
        sent = app.tasks["note"].apply_async((1,), countdown=HOUR.total_seconds())
        with pytest.raises(CeleryTimeoutError):
            sent.get(timeout=5)
        assert celery.now - NOON == timedelta(seconds=5)
        assert sent.get() == 1


def test_get_without_an_end_is_an_error(app: Celery) -> None:
    """Where nothing is left to happen, a caller without a timeout would wait for ever."""
    with VirtualCelery(app, start=NOON, workers=0, beats=0), pytest.raises(NeverIdleError, match=r"get\(\)"):
        app.tasks["note"].delay().get()


@pytest.mark.parametrize(("url", "why", "transport"), HOPELESS)
def test_get_ends_where_no_task_can_bring_the_result(url: str, why: str, tmp_path: Path, transport: str) -> None:
    """Whether Celery polls the backend or is told by it, and although beat goes on sending other tasks."""
    if url == "db+sqlite":
        pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed")
    url = {"file": f"file://{tmp_path}", "db+sqlite": f"db+sqlite:///{tmp_path / 'r.sqlite3'}"}.get(url, url)
    app = app_with(url)
    app.conf.beat_schedule = {"hourly": {"task": "note", "schedule": HOUR}}
    with VirtualCelery(app, start=NOON, transport=transport, beats=int(why == "lost")) as celery:
        sent = app.AsyncResult("of-nobody") if why == "nobody" else app.tasks["note"].delay()
        if why == "lost":
            celery.lose_broker()
        elif why == "down":
            celery.stop_worker()
        with pytest.raises(NeverIdleError, match=r"get\(timeout=...\)"):
            sent.get()
        assert celery.now - NOON <= (timedelta(hours=25) if why == "lost" else timedelta(seconds=2))


@pytest.mark.parametrize("url", ["redis://h", "cache+memcached://h"])
def test_get_waits_for_a_group_and_a_chord_to_their_end(url: str) -> None:
    """A wait without a timeout takes as long as the tasks need, and ends where some of them are lost."""
    app = app_with(url)
    note, add = app.tasks["note"], app.tasks["add"]
    with VirtualCelery(app, start=NOON, beats=0) as celery:
        later = [note.s(n).set(countdown=60 * n) for n in (1, 2)]
        assert group(later).apply_async().get() == [1, 2]
        assert chord(later, add.s()).apply_async().get() == 3
        lost = group(note.s(n) for n in (1, 2)).apply_async()
        celery.lose_broker()
        with pytest.raises(NeverIdleError, match=r"get\(\)"):
            lost.get()


@pytest.mark.parametrize("url", ["redis://h", "rpc://", "cache+memcached://h"])
def test_a_long_wait_ends_when_it_does_in_production(url: str, transport: str) -> None:
    """Days of a wait without a timeout are skipped; a caller of each look is called, and of a group none is late."""
    app = app_with(url)
    note = app.tasks["note"]
    polled = timedelta(seconds=0.5 if url.startswith("cache") else 0)
    # Up to 5.6, Celery sleeps once more after it has read the last result of a group.
    of_a_group = polled * (1 + (celery_package.VERSION < (5, 7)))
    with VirtualCelery(app, start=NOON, transport=transport, beats=0) as celery:
        assert note.apply_async((1,), countdown=86_400.25).get() == 1
        took = celery.now - NOON - timedelta(days=1, seconds=0.25)
        assert timedelta(0) <= took <= polled
        before, looks = celery.now, list[Any]()
        group([note.s(1).set(countdown=20)]).apply_async().get(on_interval=lambda: looks.append(celery.now))
        assert len(looks) >= 20
        before = celery.now
        later = [note.s(n).set(countdown=10) for n in (1, 2, 3)] + [note.s(4).set(countdown=7200)]
        sent: Any = group(later).apply_async()
        assert [one.get() for one in sent.results[:3]] == [1, 2, 3]
        assert celery.now - before <= timedelta(seconds=10) + of_a_group
        assert sent.get() == [1, 2, 3, 4]
        assert celery.now - before <= timedelta(seconds=7200) + of_a_group


def test_a_task_waits_for_another_workers_result(app: Celery, transport: str) -> None:
    """Where Celery is told that it may, a task waits in it while another worker does the work."""

    @app.task(name="parent", shared=False)
    def parent() -> Any:
        with allow_join_result():
            return app.tasks["note"].apply_async((7,), countdown=10).get(timeout=60)

    with VirtualCelery(app, start=NOON, transport=transport, workers=2, beats=0) as celery:
        assert parent.delay().get(timeout=60) == 7
        assert celery.now - NOON == timedelta(seconds=10)


def test_get_without_an_end_is_named(app: Celery, monkeypatch: pytest.MonkeyPatch) -> None:
    """A result that never comes ends the wait, though beat goes on; one that comes each minute lets it go on."""
    monkeypatch.setattr(waiting, "PATIENCE", 300 * 1_000_000)
    app.conf.beat_schedule = {"hourly": {"task": "note", "schedule": 60.0}}
    with VirtualCelery(app, start=NOON, transport="fakeredis", result_backend="redis://") as celery:
        for _ in range(6):
            app.tasks["note"].apply_async(countdown=60).get()
        with pytest.raises(NeverIdleError, match=r"get\(\) "):
            app.AsyncResult("nobody's").get()
        assert celery.now - NOON < timedelta(minutes=13)
