"""Results go where the application sends them: to its own backend, whose store is faked, or the cluster refuses it."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import celery as celery_package
import pytest
from celery import chord, group
from celery.app.backends import BACKEND_ALIASES
from celery.backends.cache import CacheBackend
from celery.backends.redis import RedisBackend, SentinelBackend
from celery.backends.rpc import RPCBackend
from celery.exceptions import TimeoutError as CeleryTimeoutError
from celery.result import allow_join_result
from celery_rehearsal import BadUseError, NeverIdleError, NotSimulatedError, VirtualCelery, results, waiting

from . import results_play
from .conftest import KYIV, NOON
from .shop import make_app

if TYPE_CHECKING:
    from celery import Celery

HOUR = timedelta(hours=1)
# Every name that Celery has for a backend on a server; `db` has a test of its own.
SERVERS = sorted(
    name
    for name, path in BACKEND_ALIASES.items()
    if path.partition(":")[0] in results.SERVERS and "database" not in path
)
URLS = ("redis://h/1", "rpc://", "cache+memcached://h", "sentinel://a:1/1;sentinel://b:2/1")
NO_CHORDS = 'NotImplementedError: The "rpc" result backend does not support chords!'


class Marked(RedisBackend):
    """An application's own backend."""

    def get_key_for_task(self, task_id: str, key: str = "") -> Any:
        key_: Any = super().get_key_for_task(task_id, key)
        return b"mine-" + key_


def app_with(backend: Any) -> Any:
    """The shop's app with another result backend, given as an application gives it: to the app."""
    app: Any = make_app()
    app.conf.result_backend = app.backend_cls = backend
    return app


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("redis://h/1", RedisBackend),
        ("rediss://h/1?ssl_cert_reqs=required", RedisBackend),
        ("sentinel://a:1/1;sentinel://b:2/1", SentinelBackend),
        ("rpc://", RPCBackend),
        ("cache+memcached://h:11211", CacheBackend),
        ("cache+pylibmc://h:11211", CacheBackend),
        (f"{__name__}:Marked", Marked),
    ],
)
def test_a_backend_is_its_own_class(url: Any, own: type[Any], transport: str) -> None:
    """Celery's own class, the application's own one too, stores a result, and no socket is opened."""
    app = app_with(url)
    with VirtualCelery(app, start=NOON, transport=transport, beats=0) as celery:
        assert type(app.backend) is own
        assert app.tasks["note"].delay("result").get(timeout=9) == "result"
        assert celery.now - NOON <= timedelta(seconds=0.5)


@pytest.mark.parametrize("name", SERVERS)
@pytest.mark.parametrize("path", [False, True])
def test_a_backend_on_a_server_is_refused_by_name(name: str, path: bool) -> None:
    """Whether by URL or by path: the error says what to give instead, and shows no password."""
    wanted = BACKEND_ALIASES[name] if path else f"{name}://user:secret@host/x"
    with pytest.raises(
        NotSimulatedError, match=rf"{name if not path else 'celery.backends'}.*result_backend="
    ) as error:
        VirtualCelery(app_with(wanted), start=NOON).__enter__()
    assert "secret" not in str(error.value)


def test_a_database_by_sqlalchemy_is_refused_unless_it_is_sqlite(tmp_path: Path) -> None:
    """PostgreSQL is a server; SQLite is a file, in which Celery's own class keeps results, chords included."""
    with pytest.raises(NotSimulatedError, match="result_servers"):
        VirtualCelery(app_with("db+postgresql://u:p@h/d"), start=NOON).__enter__()
    pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed")
    app = app_with(f"db+sqlite:///{tmp_path / 'results.sqlite3'}")
    note, add = app.tasks["note"], app.tasks["add"]
    with VirtualCelery(app, start=NOON, beats=0) as celery:
        assert type(app.backend).__name__ == "DatabaseBackend"
        assert chord([note.s(n) for n in (1, 2)], add.s()).apply_async().get(timeout=60) == 3
        assert celery.timeline.of("started", "celery.chord_unlock")


def test_a_server_that_is_meant_is_allowed() -> None:
    """With `allow_sockets` a backend on a server is the application's business again."""
    app = app_with("couchdb://h/x")
    with pytest.raises(Exception, match="pycouchdb"):  # Celery's own complaint: the library is missing
        VirtualCelery(app, start=NOON, allow_sockets=True).__enter__()


def test_a_test_names_another_backend() -> None:
    """`result_backend` replaces one that cannot be faked, also one that the app was made with."""
    app = app_with("mongodb://h/x")
    with VirtualCelery(app, start=NOON, result_backend="redis://") as celery:
        assert app.tasks["note"].delay(1).get(timeout=1) == 1
        assert celery.now == NOON
    with pytest.raises(NotSimulatedError, match="MongoBackend"):
        VirtualCelery(app, start=NOON).__enter__()


def test_an_unknown_backend_is_celerys_error() -> None:
    """A worker with a misspelled backend does not start, here neither."""
    with pytest.raises(ImportError, match="redsi"):
        VirtualCelery(app_with("redsi://h"), start=NOON).__enter__()


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


@pytest.mark.parametrize("url", ["redis://h", "rpc://", "cache+memcached://h", "file", "db+sqlite"])
@pytest.mark.parametrize("why", ["nobody", "lost", "down"])
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


def test_a_task_waits_for_another_workers_result(app: Celery, transport: str) -> None:
    """Where Celery is told that it may, a task waits in it while another worker does the work."""

    @app.task(name="parent", shared=False)
    def parent() -> Any:
        with allow_join_result():
            return app.tasks["note"].apply_async((7,), countdown=10).get(timeout=60)

    with VirtualCelery(app, start=NOON, transport=transport, workers=2, beats=0) as celery:
        assert parent.delay().get(timeout=60) == 7
        assert celery.now - NOON == timedelta(seconds=10)


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
    with VirtualCelery(app, start=NOON, beats=0, seed=1):
        assert app.tasks["note"].delay("three").get(timeout=9) == "three"


def test_a_redis_database_is_the_urls() -> None:
    """Results are in the database that the URL names, under the prefix of the options."""
    app = app_with("redis://h/5")
    app.conf.result_backend_transport_options = {"global_keyprefix": "shop-"}
    with VirtualCelery(app, start=NOON, transport="fakeredis", beats=0) as celery:
        sent = app.tasks["note"].delay(1)
        celery.run_until_idle()
        assert list(celery.redis_server("h", None).dbs[5]) == [f"shop-celery-task-meta-{sent.id}".encode()]


def test_backend_and_results_pickle(app: Celery) -> None:
    """A backend is of its own class, so it pickles, and a result with it."""
    with VirtualCelery(app, start=NOON, beats=0) as celery:
        sent = app.tasks["note"].delay(1)
        celery.run_until_idle()
        again = pickle.loads(pickle.dumps(app.backend))
        assert type(again) is RedisBackend
        assert pickle.loads(pickle.dumps(sent.as_tuple())) == sent.as_tuple()


def test_the_apps_own_backend_comes_back() -> None:
    """A backend that the app had made before the cluster is the app's again after it."""
    app = app_with("cache+memory://")
    before, reply_queue = app.backend, app.thread_oid
    with VirtualCelery(app, start=NOON):
        assert app.backend is not before
    assert app.backend is before
    assert app.thread_oid == reply_queue


@pytest.mark.parametrize(
    ("backend", "cache"),
    [
        ("django-db", "locmem.LocMemCache"),
        ("django-cache", "filebased.FileBasedCache"),
        ("django-cache", "locmem.LocMemCache"),
    ],
)
def test_django_celery_results(backend: str, cache: str, tmp_path: Path) -> None:
    """Its backends keep results, chords too, in the project's database or cache, and its cleanup deletes old rows.

    Django's cache in memory is one for each process, so that to read from it is refused.
    """
    pytest.importorskip("django_celery_results", reason="django-celery-results is not installed")
    # In a process of its own, because Django has one set of settings, and they are the project's.
    command = [sys.executable, "-m", "kit.django_results", backend, cache, str(tmp_path)]
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    tests = Path(__file__).parents[1]
    finished = subprocess.run(command, cwd=tests, env=environment, capture_output=True, text=True, check=False)
    if (backend, cache) == ("django-cache", "locmem.LocMemCache"):
        assert finished.returncode == 1
        assert "result_memory" in finished.stderr.splitlines()[-1]
        return
    assert finished.returncode == 0, finished.stderr
    name, left = ("DatabaseBackend", ["new"]) if backend == "django-db" else ("CacheBackend", None)
    assert json.loads(finished.stdout) == [name, 6, left]


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
