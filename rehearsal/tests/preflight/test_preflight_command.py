"""`celery -A proj preflight`: exit status, explanations, and what it leaves as it was."""

from __future__ import annotations

import copy
import os
import sys
from typing import TYPE_CHECKING, Any

import pytest
from celery import _state
from celery_rehearsal.preflight.check import check
from celery_rehearsal.preflight.preflight_command import preflight as command
from celery_rehearsal.preflight.registry import RULES, explain
from click.testing import CliRunner

from .conftest import APPS
from .programs import preflight

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from celery_rehearsal.preflight.loaded import LoadedApp
    from click.testing import Result

SHOP = """
from celery import Celery
app = Celery("shop", broker="redis://redis.example/0", backend="redis://redis.example/1")
app.conf.timezone = "Europe/Kyiv"
app.conf.beat_schedule = {"send": {"task": "shop.send", "schedule": 60}}
app.conf.task_routes = {"shop.*": {"queue": "mail"}}

@app.task(name="shop.send", autoretry_for=(OSError,), acks_late=True)
def send(): ...
"""

MIXED = """
from celery import Celery
app = Celery("shop")

class Settings:
    worker_prefetch_multiplier = 1
    CELERYD_CONCURRENCY = 4
    CELERY_ACKS_LATE = True

app.config_from_object(Settings)
"""


def write(folder: Path, source: str, table: str = "") -> None:
    """An application of one file."""
    (folder / "shop.py").write_text(source)
    (folder / "pyproject.toml").write_text(table)


def explained(*options: str) -> Result:
    """What the command prints without an application."""
    return CliRunner().invoke(command, options)


@pytest.mark.parametrize("wanted", ["S001", "s001", "unknown-task"])
def test_explain_prints_the_page_of_a_rule(wanted: str) -> None:
    """By identifier, in any case, or by name. It needs no application."""
    done = explained("--explain", wanted)
    assert done.exit_code == 0
    assert done.output == explain(RULES["S001"])
    assert done.output.startswith(
        "## S001 unknown-task\n\nAn entry names a task that the workers do not have. Level: error."
    )


def test_explain_all_prints_every_rule() -> None:
    """In the order of their identifiers."""
    done = explained("--explain", "all")
    assert [line.split()[1] for line in done.output.splitlines() if line.startswith("## ")] == sorted(RULES)


def test_explain_of_an_unknown_rule_exits_with_2() -> None:
    """And says how to list the rules."""
    done = explained("--explain", "S999")
    assert done.exit_code == 2
    assert done.output == "preflight has no rule 'S999'. `--explain all` prints every rule.\n"


def test_same_application_gives_the_same_bytes(tmp_path: Path) -> None:
    """Processes with other hash seeds. They open no connection: one that tries fails."""
    write(tmp_path, SHOP)
    for format_ in ("full", "sarif"):
        first, second = (preflight(tmp_path, "shop", "--format", format_) for _ in range(2))
        assert (first.stderr, first.returncode) == ("", 0)
        assert first.stdout == second.stdout != ""


def test_fail_on_sets_the_level_of_status_1(tmp_path: Path) -> None:
    """The application has warnings and no error."""
    write(tmp_path, SHOP)
    assert [preflight(tmp_path, "shop", "--fail-on", level).returncode for level in ("error", "warning")] == [0, 1]


@pytest.mark.parametrize(
    ("source", "table", "message"),
    [
        ("import nothing_of_this_name\n", "", "nothing_of_this_name"),
        (MIXED, "", "Cannot mix new setting names with old setting names"),
        (SHOP + "\napp.conf.include = ['gone']\n", "", "preflight could not load the application 'shop'"),
        (
            SHOP,
            "[tool.celery-rehearsal.preflight]\nsupress = []\n",
            "preflight could not check: [tool.celery-rehearsal",
        ),
    ],
)
def test_what_cannot_be_checked_exits_with_2(tmp_path: Path, source: str, table: str, message: str) -> None:
    """A module or a task module that is missing, settings that Celery refuses, a table with a wrong key."""
    write(tmp_path, source, table)
    done = preflight(tmp_path, "shop")
    assert done.returncode == 2, done.stdout
    assert message in done.stderr


def test_schedule_that_cannot_be_read_exits_with_2(tmp_path: Path) -> None:
    """One line says why for all the rules that need the entries. The others are checked."""
    write(tmp_path, SHOP + '\napp.conf.beat_schedule["bad"] = {"task": "shop.send", "schedule": 60, "every": 5}\n')
    done = preflight(tmp_path, "shop", "--format", "concise")
    assert done.returncode == 2
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("could not check")]
    assert "S001, " in line
    assert "cannot read its entries" in line
    assert "W010" in done.stdout


def state(app: Any) -> dict[str, Any]:
    """Everything of the application and the process that a rule could change."""
    return {
        "conf": copy.deepcopy([dict(vars(app.conf)), *map(dict, app.conf.maps)]),
        "app": {name: id(value) for name, value in vars(app).items()},
        "tasks": {name: dict(vars(task)) for name, task in app.tasks.items()},
        "current": (vars(_state)["default_app"], vars(_state)["_tls"].current_app),
        "modules": set(sys.modules),
        "environment": dict(os.environ),
        "path": list(sys.path),
    }


@pytest.mark.parametrize("case", ["S006", "S012", "S015", "R002", "R011", "W005", "W011", "W014"])
def test_check_changes_nothing(opened: Callable[..., LoadedApp], case: str) -> None:
    """The settings, the tasks, the queues, what is current, the process and its folder are as before."""
    if case == "S015":
        pytest.importorskip("ephem")
    path = APPS / case / "fails.py"
    loaded = opened(path.read_text("utf-8") if path.exists() else SHOP)
    check(loaded)  # imports what the rules themselves need
    before, files = state(loaded.app), sorted(loaded.folder.rglob("*.*"))
    again = type(loaded)(loaded.app, loaded.configuration, loaded.folder, loaded.start)
    check(again)
    assert state(loaded.app) == before
    assert sorted(loaded.folder.rglob("*.*")) == files
