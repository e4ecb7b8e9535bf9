"""Results go to the application's own backend, whose store is faked, or the cluster refuses it."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from celery import chord
from celery.app.backends import BACKEND_ALIASES
from celery.backends.cache import CacheBackend
from celery.backends.redis import RedisBackend, SentinelBackend
from celery.backends.rpc import RPCBackend
from celery_rehearsal import NotSimulatedError, VirtualCelery, results

from .conftest import NOON
from .shop import app_with

if TYPE_CHECKING:
    from celery import Celery

# Every name that Celery has for a backend on a server; `db` has a test of its own.
SERVERS = sorted(
    name
    for name, path in BACKEND_ALIASES.items()
    if path.partition(":")[0] in results.SERVERS and "database" not in path
)


class Marked(RedisBackend):
    """An application's own backend."""

    def get_key_for_task(self, task_id: str, key: str = "") -> Any:
        key_: Any = super().get_key_for_task(task_id, key)
        return b"mine-" + key_


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
