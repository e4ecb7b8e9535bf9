"""docs/preflight/schedule.md: each command prints what the page shows."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from .test_schedule_command import call

PAGE = Path(__file__).parents[2] / "docs" / "preflight" / "schedule.md"


def blocks(language: str) -> list[str]:
    """The page's blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)


def commands() -> list[tuple[str, str]]:
    """Each command of the page, and what it prints there."""
    parts = [part.partition("\n") for block in blocks("console") for part in block.split("$ ")[1:]]
    return [(command, output) for command, _, output in parts]


def test_each_command_prints_what_the_page_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order of the page, with the app of the page."""
    monkeypatch.chdir(tmp_path)
    # The page's app is not the current one of the tests.
    code = blocks("python")[0].replace('broker.invalid/0"', 'broker.invalid/0", set_as_current=False, fixups=[]')
    names: dict[str, Any] = {}
    exec(code, names)
    vars(names["app"])["set_as_current"] = True
    found = commands()
    assert len(found) == 5
    for command, output in found:
        celery, option, name, schedule, *arguments = shlex.split(command)
        assert (celery, option, name, schedule) == ("celery", "-A", "shop", "schedule")
        done = call(*arguments, app=names["app"])
        assert done.exit_code == 0, done.output
        assert done.stdout == output
    assert [path.name for path in tmp_path.iterdir()] == ["celery-schedule.lock"]
