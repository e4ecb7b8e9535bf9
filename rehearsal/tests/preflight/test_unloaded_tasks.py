"""W019: modules that define tasks, next to modules that the application loads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .conftest import APPS
from .programs import preflight

if TYPE_CHECKING:
    from pathlib import Path

SHOP = APPS / "modules"
WHY = "the application does not import its module, so the workers do not know it"


def test_tasks_of_a_module_that_is_not_loaded_are_found() -> None:
    """Not those of tests, of other applications, of folders of scripts, and not a name that the workers have.

    No module is asked for more than it has, and warnings about the source are its own matter.
    """
    done = preflight(SHOP, "shop.celery", "--format", "concise")
    found = [
        ("escape.py:9", "shop.escape.matches"),
        ("jobs.py:11", "shop.jobs.report"),
        ("jobs.py:16", "shop.jobs.tidy"),
        ("jobs.py:21", "shop.count"),
        ("jobs.py:26", "shop.jobs.drop"),
    ]
    assert done.stdout.splitlines()[:-1] == [f"shop/{at}: warning: W019 task {name!r}: {WHY}" for at, name in found]
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("before", "after"), [('include=["shop.tasks"]', 'include=["shop.tasks", "shop.jobs"]'), ("@", "# @")]
)
def test_module_that_is_loaded_or_defines_no_task_is_no_finding(tmp_path: Path, before: str, after: str) -> None:
    """Whether the settings name it, or its functions are no tasks."""
    (tmp_path / "shop").mkdir()
    for path in (each for each in (SHOP / "shop").glob("*.py") if each.stem != "escape"):
        # Celery refuses two modules that register one name.
        text = path.read_text().partition("\n# The workers have it")[0]
        text = text if (path.stem == "celery") == before.startswith("@") else text.replace(before, after)
        (tmp_path / "shop" / path.name).write_text(text)
    done = preflight(tmp_path, "shop.celery", "--format", "concise")
    assert " W019 " not in done.stdout
    assert done.returncode == 0
