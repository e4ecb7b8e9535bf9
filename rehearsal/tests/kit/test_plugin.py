"""The plugin, in a pytest of its own: fixtures, marker, and the timeline of a failing test."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import celery_rehearsal
import pytest
from celery_rehearsal import report_hooks

SOURCE = Path(celery_rehearsal.__file__).parents[1]

CONFTEST = """
import pytest
from celery import Celery

@pytest.fixture
def virtual_celery_app():
    app = Celery("other", broker="amqp://broker.invalid//", set_as_current=False, fixups=[])

    @app.task(name="note", shared=False)
    def note():
        pass

    @app.task(name="skip", shared=False)
    def skip():
        pytest.skip("from a task")

    return app
"""

TESTS = """
from datetime import datetime, timedelta, timezone
import pytest
from celery import Celery
from celery_rehearsal import VirtualCelery

START = datetime(2026, 3, 29, tzinfo=timezone.utc)

@pytest.mark.virtual_celery(start=START, workers=2)
def test_marked(virtual_celery, virtual_celery_app):
    assert virtual_celery.now == START
    virtual_celery_app.tasks["note"].delay()
    virtual_celery.advance(timedelta(0))
    assert list(virtual_celery.workers) == ["worker1", "worker2"]
    virtual_celery.assert_ran("note", times=1)

def test_unmarked(virtual_celery):
    assert virtual_celery.now == datetime(2026, 1, 1, 12, tzinfo=timezone.utc)

@pytest.mark.virtual_celery(start=START, workers=2)
def test_factory(start_virtual_celery, virtual_celery_app):
    cluster = start_virtual_celery(start=START + timedelta(days=1), beats=0)
    assert cluster.app is virtual_celery_app
    assert (cluster.now, len(cluster.workers), cluster.beats) == (START + timedelta(days=1), 2, {})

def test_factory_of_another_app(start_virtual_celery):
    app = Celery("another", broker="amqp://broker.invalid//", set_as_current=False, fixups=[])
    assert start_virtual_celery(app).app is app

def test_fails(virtual_celery, virtual_celery_app):
    virtual_celery_app.tasks["note"].delay()
    virtual_celery.assert_not_ran("note")
    assert False, "on purpose"

def test_fails_with_a_cluster_of_its_own(virtual_celery_app):
    with VirtualCelery(virtual_celery_app, start=START):
        virtual_celery_app.tasks["note"].apply_async(countdown=77)
        assert False

def test_skips_in_a_task(virtual_celery, virtual_celery_app):
    virtual_celery_app.tasks["skip"].delay()
    virtual_celery.advance(timedelta(0))

def test_fails_without_a_cluster():
    assert False

def test_leaves_a_cluster_running(virtual_celery_app):
    VirtualCelery(virtual_celery_app, start=START).__enter__()

def test_is_not_frozen():
    assert datetime.now(timezone.utc) > START + timedelta(days=100)
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What pytest prints on a little project that uses the plugin."""
    project = tmp_path_factory.mktemp("project")
    (project / "conftest.py").write_text(CONFTEST)
    (project / "test_it.py").write_text(TESTS)
    (project / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\nfilterwarnings = error\n")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    finished = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "celery_rehearsal.plugin", "-p", "no:randomly", "-p", "no:asyncio", "."],
        cwd=project,
        env=environment | {"PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        check=False,
    )
    return finished.stdout + finished.stderr


def test_fixtures_and_marker(report: str) -> None:
    """The tests that use the fixtures and the marker pass, and the last two; a task skips its test."""
    assert "3 failed, 6 passed, 1 skipped, 1 error" in report


def test_a_cluster_left_running_is_stopped(report: str) -> None:
    """The test that forgot it has an error, and the next is not frozen."""
    assert "ERROR at teardown of test_leaves_a_cluster_running" in report
    assert "the test left a VirtualCelery running" in report
    assert "test_is_not_frozen" not in report


def test_a_failing_test_shows_its_timeline(report: str) -> None:
    """The report of a failure holds the timeline, also of a cluster that the test started itself."""
    blocks = report.split("________________ test_fails")
    page = Path(report.split("the whole timeline: ")[1].splitlines()[0])
    assert page.parent.name == "celery-rehearsal"
    assert "<table" in page.read_text()
    assert "virtual time" in report.split("_ test_fails _")[1].split("_ test_fails_with", maxsplit=1)[0]
    assert "2026-03-29 00:01:17" in report.split("_ test_fails_with_a_cluster_of_its_own _")[1]
    assert "virtual time" not in report.split("_ test_fails_without_a_cluster _")[1]
    assert blocks


def test_an_option_names_the_folder_of_pages(tmp_path: Path) -> None:
    """It is made where it is missing; without it and without pytest's cache no page is written."""
    folder = tmp_path / "new" / "pages"
    asked: Any = SimpleNamespace(getoption=lambda _name, default=None: str(folder))
    item: Any = SimpleNamespace(config=asked, nodeid="tests/test_it.py::test_it[a b]")
    line = report_hooks._write(item, "<p>")
    assert line == f"\nthe whole timeline: {folder / 'tests_test_it.py_test_it_a_b_.html'}"
    assert (folder / "tests_test_it.py_test_it_a_b_.html").read_text() == "<p>"
    asked.getoption = lambda _name, default=None: default
    assert report_hooks._write(item, "<p>") == ""
