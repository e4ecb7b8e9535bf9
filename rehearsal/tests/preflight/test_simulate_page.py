"""docs/preflight/simulate.md: each command prints what the page shows."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from celery.bin.base import CLIContext
from celery_rehearsal.preflight.simulate_command import simulate
from click.testing import CliRunner

from .optional import needs_redis

if TYPE_CHECKING:
    import pytest

PAGE = Path(__file__).parents[2] / "docs" / "preflight" / "simulate.md"


def blocks(language: str) -> list[str]:
    """The page's blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)


@needs_redis
def test_each_command_prints_what_the_page_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the app of the page. The exit status is 1 where the page shows a trouble."""
    monkeypatch.chdir(tmp_path)
    # The page's app is not the current one of the tests.
    code = blocks("python")[0].replace('broker.invalid/0"', 'broker.invalid/0", set_as_current=False, fixups=[]')
    names: dict[str, Any] = {}
    exec(code, names)
    vars(names["app"])["set_as_current"] = True
    context = CLIContext(app=names["app"], no_color=True, workdir=None)
    found = [block.removeprefix("$ ").partition("\n") for block in blocks("console")]
    assert len(found) == 4
    for command, _, output in found:
        celery, option, name, word, *arguments = shlex.split(command)
        assert (celery, option, name, word) == ("celery", "-A", "shop", "simulate")
        done = CliRunner().invoke(simulate, arguments, obj=context)
        assert done.stdout == output
        assert done.exit_code == ("  ! " in output), done.output
    assert list(tmp_path.iterdir()) == []


def test_each_option_is_on_the_page() -> None:
    """By its name."""
    page = PAGE.read_text("utf-8")
    names = [name for option in simulate.params for name in option.opts]
    assert names
    assert [name for name in names if f"`{name}" not in page] == []
