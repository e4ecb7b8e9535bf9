"""What becomes of results: who reads them, how long they stay, and what callers get."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from celery import chord, group
from celery.exceptions import TimeoutError as CeleryTimeoutError
from celery_rehearsal import BadUseError, NotSimulatedError, VirtualCelery

from . import results_play
from .conftest import KYIV, NOON
from .shop import app_with

if TYPE_CHECKING:
    from celery import Celery

HOUR = timedelta(hours=1)
URLS = ("redis://h/1", "rpc://", "cache+memcached://h", "sentinel://a:1/1;sentinel://b:2/1")
NO_CHORDS = 'NotImplementedError: The "rpc" result backend does not support chords!'


@pytest.mark.parametrize("url", URLS)
def test_callers_get_what_production_gives_them(url: str, transport: str) -> None:
    """Results, errors, groups, chains, chords, saved groups, ignored results: Celery's own answers on every backend."""
    app = results_play.make_app("redis://h/0", url)
    chords = [6, "failed", 3, [1, 2, 3], [6, 7]]
    if url == "rpc://":
        chords = [*[NO_CHORDS] * 4, "NotImplementedError: save_group is not supported by this backend."]
    with VirtualCelery(app, start=NOON, transport=transport, beats=0):
        answers = results_play.play(app)
    # Which error a caller of a failed chord gets depends on the backend and on Celery's version.
    if str(answers[6]).split(":")[0] in {"BrokenError", "ChordError"}:
        answers[6] = "failed"
    # Up to 5.6 rpc:// cannot forget.
    if str(answers[2]).startswith("NotImplementedError"):
        answers[2] = [4, "PENDING"]
    assert answers == [
        3,
        "BrokenError: no",
        [4, "PENDING"],
        [4, 5],
        3,
        *chords,
        None,
        None,
        "TimeoutError: The operation timed out.",
        "TaskRevokedError: expired",
    ]


@pytest.mark.parametrize("reads", ["get", "state", "group", "chord"])
def test_memory_of_a_process_is_its_own(reads: str) -> None:
    """On cache+memory:// no caller sees a worker's result, in production neither: to ask for it is refused by name."""
    app = app_with("cache+memory://")
    note, add = app.tasks["note"], app.tasks["add"]
    ways: dict[str, Any] = {
        "get": lambda _idle: note.delay(1).get(timeout=9),
        "state": lambda idle: [sent := note.delay(1), idle(), sent.state],
        "group": lambda _idle: group(note.s(1), note.s(2)).apply_async().get(timeout=9),
        "chord": lambda idle: [chord([note.s(1), note.s(2)], add.s()).apply_async(), idle()],
    }
    with (
        VirtualCelery(app, start=NOON, beats=0) as celery,
        pytest.raises(NotSimulatedError, match=r"stored by (worker1|test), and .* result_backend="),
    ):
        ways[reads](celery.run_until_idle)


def test_memory_of_a_process_is_enough_where_nobody_reads(transport: str) -> None:
    """With cache+memory:// in a test's settings tasks run and try again, and a worker reads what it has stored."""
    app = app_with("cache+memory://")

    @app.task(name="twice", bind=True, shared=False)  # type: ignore[untyped-decorator]  # celery-types
    def twice(self: Any) -> str:
        self.update_state(state="HALF")
        if not self.request.retries:
            raise self.retry(countdown=60)
        return str(app.AsyncResult(self.request.id).state)

    with VirtualCelery(app, start=NOON, transport=transport, workers=2) as celery:
        twice.delay()
        app.tasks["note"].delay()
        celery.advance(HOUR)
        (done,) = celery.timeline.of("succeeded", "twice")
        assert "HALF" in str(done)


def test_an_rpc_result_is_its_callers(transport: str) -> None:
    """A task that another process has called replies to that process: the test cannot read it."""
    app: Celery = app_with("rpc://")

    @app.task(name="calls", shared=False)
    def calls() -> str:
        return str(app.tasks["note"].delay("of the worker").id)

    with VirtualCelery(app, start=NOON, transport=transport, beats=0) as celery:
        inner = calls.delay().get(timeout=9)
        celery.run_until_idle()
        celery.assert_ran("note", times=1)
        assert app.AsyncResult(inner).state == "PENDING"
        with pytest.raises(CeleryTimeoutError):
            app.AsyncResult(inner).get(timeout=9)


def test_replies_are_no_messages(transport: str) -> None:
    """A result that nobody reads waits in its queue, as on a broker, and keeps no cluster busy."""
    app = app_with("rpc://")
    with VirtualCelery(app, start=NOON, transport=transport, beats=0) as celery:
        sent = app.tasks["note"].delay(1)
        celery.run_until_idle()
        assert not celery.pending()
        assert celery.next_at() is None
        celery.lose_broker()
        with pytest.raises(CeleryTimeoutError):
            sent.get(timeout=1)


@pytest.mark.parametrize("url", ["redis://h/1", "cache+memcached://h"])
def test_a_result_expires(url: str, transport: str) -> None:
    """After `result_expires`, not before, the result is gone."""
    app = app_with(url)
    app.conf.result_expires = HOUR
    with VirtualCelery(app, start=NOON, transport=transport, beats=0) as celery:
        sent = app.tasks["note"].delay(1)
        celery.advance(0.9 * HOUR)
        assert app.AsyncResult(sent.id).state == "SUCCESS"
        celery.advance(0.2 * HOUR)
        app.backend._cache.clear()
        assert app.AsyncResult(sent.id).state == "PENDING"


@pytest.mark.parametrize(("url", "times"), [("redis://h", 0), ("rpc://", 0), ("file", 1), ("disabled://", 1)])
def test_beat_cleans_up_where_results_do_not_expire(url: str, times: int, tmp_path: Path) -> None:
    """Beat sends celery.backend_cleanup at 4:00 for the backends for which Celery sends it, and no others."""
    app = app_with(f"file://{tmp_path}" if url == "file" else url)
    with VirtualCelery(app, start=NOON) as celery:
        celery.advance(24 * HOUR)
        at = [record.at.astimezone(KYIV).hour for record in celery.timeline.of("sent", "celery.backend_cleanup")]
    assert at == [4] * times


def test_files_are_as_old_as_virtual_time(tmp_path: Path) -> None:
    """The cleanup of a folder of results deletes those that have expired, by the cluster's clock."""
    app = app_with(f"file://{tmp_path}")
    app.conf.result_expires = 10 * HOUR
    with VirtualCelery(app, start=NOON) as celery:
        app.tasks["note"].delay("old")
        celery.advance(15 * HOUR)
        app.tasks["note"].delay("new")
        celery.advance(10 * HOUR)
        kept = [json.loads(file.read_text())["result"] for file in tmp_path.iterdir()]
    # The cleanup itself has a result, without a value.
    assert sorted(kept, key=str) == [None, "new"]


@pytest.mark.parametrize("kind", ["file", "db+sqlite"])
def test_a_result_of_an_earlier_cluster_is_not_this_ones(kind: str, tmp_path: Path) -> None:
    """Two clusters of one seed have equal task ids: on a store that both use, the second would read old results."""
    if kind == "db+sqlite":
        pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed")

    def app_on(folder: Path) -> Any:
        folder.mkdir(exist_ok=True)
        return app_with(f"file://{folder}" if kind == "file" else f"db+sqlite:///{folder / 'results.sqlite3'}")

    for folder in ("one", "two"):
        app = app_on(tmp_path / folder)
        with VirtualCelery(app, start=NOON, beats=0):
            assert app.tasks["note"].delay(folder).get(timeout=9) == folder
            app.tasks["note"].apply_async(("again",), task_id="mine").get(timeout=9)
            app.tasks["note"].apply_async(("again",), task_id="mine").get(timeout=9)
    app = app_on(tmp_path / "one")
    with VirtualCelery(app, start=NOON, beats=0) as celery:
        app.tasks["note"].delay("three")
        with pytest.raises(BadUseError, match=r"from before this cluster.*seed="):
            celery.run_until_idle()
    with VirtualCelery(app, start=NOON, workers=0, beats=0):
        sent = app.tasks["note"].delay("four")
        for look in (lambda: sent.state, lambda: sent.get(timeout=1), sent.ready):
            with pytest.raises(BadUseError, match="from before this cluster"):
                look()
        assert app.AsyncResult("of nobody").state == "PENDING"
    with VirtualCelery(app, start=NOON, beats=0, seed=1):
        assert app.tasks["note"].delay("three").get(timeout=9) == "three"
