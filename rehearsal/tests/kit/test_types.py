"""A type checker sees the fixtures, the arguments and the assertions in a user's test."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from .pages import FOLDER

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(find_spec("mypy") is None, reason="mypy is not installed"),
]

HEAD = """
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest
from celery import Celery

from celery_rehearsal import Record, VirtualCelery
from celery_rehearsal.plugin import mark

NOON = datetime(2026, 1, 15, 12, 0, tzinfo=timezone.utc)
app = Celery("shop")
"""

GOOD = """
@pytest.fixture
def virtual_celery_app() -> Celery:
    return app


@mark(start=NOON, workers={"letters": ["mail"]}, beats=0)
def test_fixture(virtual_celery: VirtualCelery) -> None:
    virtual_celery.advance(hours=2)
    virtual_celery.advance(timedelta(hours=2))
    ran: list[Record] = virtual_celery.assert_ran("remind", times=1, at=[NOON], worker="letters")
    assert ran[0].at == NOON
    virtual_celery.assert_sent("remind", by="test", queue="mail")
    virtual_celery.kill_worker(during="remind", at="end")
    assert virtual_celery.pending().scheduled == []


@pytest.mark.virtual_celery(start=NOON)
def test_started_by_the_test(start_virtual_celery: Callable[..., VirtualCelery]) -> None:
    with VirtualCelery(app, start=NOON, pool="solo", others={app: {"workers": 2}}) as celery:
        celery.run_until(NOON)
"""

# A line, and what mypy says of it.
BAD = {
    'mark(start="noon")': "arg-type",
    "mark(start=NOON, worker=2)": "arg-type",
    'VirtualCelery(app, start=NOON, transports="memory")': "arg-type",
    "VirtualCelery(app)": "call-arg",
    'VirtualCelery(app, start=NOON).assert_ran("a", time=1)': "call-arg",
    'VirtualCelery(app, start=NOON).assert_ran("a", at="noon")': "arg-type",
    'VirtualCelery(app, start=NOON).timeline.of("sent")[0].wroker': "attr-defined",
}


def mypy(code: str, folder: Path) -> tuple[int, str]:
    """The exit code and the output of `mypy --strict` on a test file."""
    (folder / "test_shop.py").write_text(HEAD + code)
    (folder / "mypy.ini").write_text("[mypy]\nstrict = true\n[mypy-celery.*]\nignore_missing_imports = true\n")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--no-incremental", "test_shop.py"],
        cwd=folder,
        env={**os.environ, "MYPYPATH": str(FOLDER.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_users_test_file_is_strictly_typed(tmp_path: Path) -> None:
    """Fixtures, the marker, arguments and assertions need no ignore."""
    assert mypy(GOOD, tmp_path)[0] == 0, mypy(GOOD, tmp_path)[1]


def test_mistakes_are_found(tmp_path: Path) -> None:
    """A misspelt argument, a naive kind of instant and an unknown attribute each have their line."""
    code, said = mypy("\n".join(BAD) + "\n", tmp_path)
    first = len(HEAD.splitlines()) + 1
    found = {int(line): kind for line, kind in re.findall(r"test_shop\.py:(\d+): error: .*\[([a-z-]+)\]", said)}
    assert code == 1, said
    assert found == dict(enumerate(BAD.values(), first)), said
