"""`celery-rehearsal migrate`: what docs/migrate.md shows, with both texts run, and what it leaves alone."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

pytest.importorskip("libcst", reason="the extra migrate is not installed")

from celery_rehearsal.migrate_file import rewrite

from .pages import FOLDER, ROOT, blocks, run

PAGE = (ROOT / "docs" / "migrate.md").read_text("utf-8")
EXAMPLES = blocks(PAGE, "diff")
TASKS = """
from celery import Celery
from celery.schedules import crontab

app = Celery("library", broker="redis://redis.invalid/0")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.timezone = "Europe/Kyiv"
app.conf.beat_schedule = {"close": {"task": "close", "schedule": crontab(hour=18, minute=0)}}
letters = []

@app.task(name="remind", shared=False)
def remind(reader):
    letters.append(reader)
    return reader

@app.task(name="close", shared=False)
def close():
    pass
"""
CONFTEST = """
import pytest
from django.conf import settings as django_settings
django_settings.configure()
from library.tasks import app, letters

@pytest.fixture
def virtual_celery_app():
    return app

@pytest.fixture(autouse=True)
def fresh():
    letters.clear()
    yield
    for name in ("task_always_eager", "task_eager_propagates"):
        app.conf.changes.pop(name, None)

@pytest.fixture
def settings(monkeypatch):
    class Settings:
        def __setattr__(self, name, value):
            monkeypatch.setattr(django_settings, name, value, raising=False)
    return Settings()
"""


def migrate(source: str, *, eager: bool = False) -> tuple[str, list[tuple[int, str]]]:
    """The new text of a file, and the list."""
    new, _encoding, listed = rewrite(dedent(source).encode(), eager=eager)
    return new.decode(), listed


def sides(diff: str) -> tuple[str, str]:
    """The text before and after a diff of the page."""
    lines = [(line[:1], line[1:] or line) for line in diff.splitlines(keepends=True)]
    before, after = ("".join(text for sign, text in lines if sign != other) for other in "+-")
    return before, after


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A library with reminders, and a suite without tests."""
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "tasks.py").write_text(TASKS)
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\nfilterwarnings = error\n")
    return tmp_path


def passed(project: Path, *codes: str) -> str:
    """What pytest says about files of tests that all pass."""
    for number, code in enumerate(codes):
        (project / f"test_{number}.py").write_text(code)
    plugins = ("celery_rehearsal.plugin", "no:cacheprovider", "no:django", "no:randomly", "no:asyncio")
    options = [word for plugin in plugins for word in ("-p", plugin)]
    return run(["-m", "pytest", "-q", *options], project, path=[project, FOLDER.parent])


@pytest.mark.parametrize("diff", EXAMPLES)
def test_the_page_shows_what_the_command_does(diff: str) -> None:
    """Each diff of the page is the command's, nothing is left by hand, and a second run changes nothing."""
    before, after = sides(diff)
    assert migrate(before) == (after, [])
    assert migrate(after) == (after, [])


def test_the_rewritten_tests_pass(project: Path) -> None:
    """The new text of each example of the page passes in a cluster."""
    assert "\n7 passed" in passed(project, *(sides(diff)[1] for diff in EXAMPLES))


def test_the_eager_tests_pass(project: Path) -> None:
    """The old text of each example passes too, but for the one that sleeps."""
    eager = [diff for diff in EXAMPLES if "sleep" not in diff]
    assert "\n6 passed" in passed(project, *(sides(diff)[0] for diff in eager))


def test_a_failing_task_fails_the_rewritten_test(project: Path) -> None:
    """Where eager mode raised a task's error in the test, the new test fails as well."""
    code = """\
    from library.tasks import app, remind

    @app.task(name="breaks", shared=False)
    def breaks():
        raise OSError

    def test_it():
        breaks.apply(throw=True)
    """
    with pytest.raises(AssertionError, match=r"assert not \[Record"):
        passed(project, migrate(code)[0])
