"""A worker's database connection: kept from task to task, and closed as Django closes a web process's."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from celery import current_app
from celery.fixups.django import DjangoWorkerFixup  # type: ignore[attr-defined]  # its stubs lack it
from celery.signals import task_postrun, task_prerun
from celery_rehearsal import VirtualCelery
from django.core.management import call_command
from django.db import connection, connections
from django.db.backends.signals import connection_created

from refunds.apps import LABEL

from ..factories import PRESSED

pytestmark = pytest.mark.django_db(transaction=True)
# Seconds that a connection is used.
AGE = 60


@pytest.fixture
def _database_file(tmp_path: Path) -> Iterator[None]:
    """Use a migrated database in a file: unlike one in memory, its connection can be closed."""
    before, settings = connections["default"], connections.settings
    config: dict[str, Any] = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "worker.sqlite3")}
    config |= {"CONN_MAX_AGE": AGE, "CONN_HEALTH_CHECKS": True}
    connections.settings = connections.configure_settings({"default": config})
    connections["default"] = connections.create_connection("default")
    call_command("migrate", verbosity=0)
    yield
    connections["default"].close()
    connections.settings, connections["default"] = settings, before


@pytest.fixture
def opened(_database_file: None) -> Iterator[list[int]]:
    """Yield one item for each connection that is opened."""
    found: list[int] = []

    def note(**_: Any) -> None:
        found.append(len(found))

    connection.close()
    connection_created.connect(note)
    yield found
    connection_created.disconnect(note)


@pytest.fixture
def celery(opened: list[int]) -> Iterator[VirtualCelery]:
    """Yield a worker with what Celery's program installs for Django, and a worker in virtual time leaves out."""
    fixup = DjangoWorkerFixup(current_app).install()
    with VirtualCelery(current_app, start=PRESSED, beats=0) as running:
        yield running
    for signal, theirs in ((task_prerun, fixup.on_task_prerun), (task_postrun, fixup.on_task_postrun)):
        signal.disconnect(theirs)


def work(celery: VirtualCelery) -> None:
    """Run a task that reads the database; its sender does not, as if it were another process."""
    current_app.tasks[f"{LABEL}.reconcile"].delay(at_start=True)
    celery.run_until_idle()


@pytest.mark.parametrize(("usable", "later", "count"), [(True, 0, 1), (False, 0, 2), (True, AGE, 2)])
def test_worker_keeps_its_connection_until_it_is_broken_or_old(  # noqa: PLR0917  # three of them are one case
    celery: VirtualCelery, opened: list[int], monkeypatch: pytest.MonkeyPatch, usable: bool, later: int, count: int
) -> None:
    """Celery alone would open one for each task. After CONN_MAX_AGE a task finds a database that has moved."""
    work(celery)
    # SQLite's connection always answers.
    monkeypatch.setattr(connections["default"], "is_usable", lambda: usable)
    celery.advance(timedelta(seconds=later))
    work(celery)
    assert len(opened) == count


@pytest.mark.django_db
def test_worker_in_virtual_time_leaves_a_tests_transaction_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """It checks connections as the program does. What a test's transaction is on stays open, though it looks broken."""
    monkeypatch.setattr(connections["default"], "close", pytest.fail)
    monkeypatch.setattr(connections["default"], "errors_occurred", True)
    monkeypatch.setattr(connections["default"], "is_usable", lambda: False)
    with VirtualCelery(current_app, start=PRESSED, beats=0) as celery:
        work(celery)
