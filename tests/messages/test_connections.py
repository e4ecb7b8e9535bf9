"""A worker's database connection: kept from task to task, given up by the rules that Django has for its requests."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from celery.fixups.django import DjangoWorkerFixup  # type: ignore[attr-defined]  # its stubs lack it
from celery.signals import task_postrun, task_prerun
from celery_rehearsal import VirtualCelery
from django.db import connection, connections
from django.db.backends.signals import connection_created

from celery_app import app
from refunds.project.demo import scratch_database
from refunds.worker import connections as kept

from ..factories import PRESSED

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def opened() -> Iterator[list[int]]:
    """One item for each connection that is opened to a database in a file, which unlike one in memory can be closed."""
    found: list[int] = []

    def note(**_: Any) -> None:
        found.append(len(found))

    with scratch_database():
        connection.close()
        connection_created.connect(note)
        try:
            yield found
        finally:
            connection_created.disconnect(note)


@pytest.fixture
def celery(opened: list[int]) -> Iterator[VirtualCelery]:
    # What a worker process installs as it starts, and a worker in virtual time leaves out.
    fixup = DjangoWorkerFixup(app).install()
    kept.look_at_each_task()
    with VirtualCelery(app, start=PRESSED, beats=0) as running:
        yield running
    for signal, theirs in ((task_prerun, fixup.on_task_prerun), (task_postrun, fixup.on_task_postrun)):
        signal.disconnect(theirs)
        signal.disconnect(kept._look)


def work(celery: VirtualCelery) -> None:
    """A task that reads the database."""
    app.tasks["refunds.reconcile"].delay()
    celery.run_until_idle()


def test_a_worker_keeps_its_connection(celery: VirtualCelery, opened: list[int]) -> None:
    """Task after task asks over the connection of the first: Celery alone would open one for each."""
    for _ in range(3):
        work(celery)
    assert len(opened) == 1


def test_a_connection_that_broke_is_replaced(
    celery: VirtualCelery, opened: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that does not answer any more costs the next task nothing: it is asked first."""
    work(celery)
    # SQLite's always answers.
    monkeypatch.setattr(connections["default"], "is_usable", lambda: False)
    work(celery)
    assert len(opened) == 2


def test_a_connection_has_its_age(celery: VirtualCelery, opened: list[int]) -> None:
    """One that is older than CONN_MAX_AGE is not used again, so that a database that moved is found."""
    work(celery)
    celery.advance(timedelta(seconds=connection.settings_dict["CONN_MAX_AGE"]))
    work(celery)
    assert len(opened) == 2


def test_a_test_keeps_its_connection(opened: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker in a test's process asks nothing, for the test may have no database that could be asked."""
    asked: list[int] = []
    monkeypatch.setattr(kept, "close_old_connections", lambda: asked.append(len(asked)))
    with VirtualCelery(app, start=PRESSED, beats=0) as celery:
        work(celery)
    assert asked == []


# What `celery worker` makes before it starts, where nothing has set Django up yet.
PROGRAM = """
from celery.signals import task_postrun, task_prerun
from celery_app import app
app.Worker(pool="solo")
from refunds import connections
for signal in (task_prerun, task_postrun):
    print(connections._look in [reference() for _, reference in signal.receivers])
"""


def test_the_program_looks() -> None:
    """`celery worker` asks before and after each task: it has loaded what asks when it says that it begins."""
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "refunds.project.settings", "CELERY_BROKER_URL": "memory://"}
    environment["DATABASE_URL"] = "sqlite://:memory:"  # a worker refuses a file that is not there
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM]
    root = Path(__file__).parents[2]
    said = subprocess.run(command, cwd=root, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout
    assert said == "True\nTrue\n"
