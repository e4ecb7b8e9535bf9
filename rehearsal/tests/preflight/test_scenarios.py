"""T003: the functions that a project declares as scenarios run in a process of their own, on a database in memory."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import celery_rehearsal
import pytest
from kit.pages import process, pytest_in, write

from .conftest import APPS
from .programs import preflight

if TYPE_CHECKING:
    import subprocess

pytest.importorskip("django")

SUMMARY = "0 errors, 0 warnings, 0 info, 0 suppressed\n"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A copy of the project."""
    return shutil.copytree(APPS / "scenarios", tmp_path / "shop")


def declared(shop: Path, *scenarios: str, output: str = "concise") -> subprocess.CompletedProcess[str]:
    """Run preflight with these scenarios."""
    names = [name if ":" in name else f"shop.scenarios:{name}" for name in scenarios]
    (shop / "pyproject.toml").write_text(f"[tool.celery-rehearsal.preflight]\nscenarios = {json.dumps(names)}\n")
    return preflight(shop, "shop", "--format", output, "--fail-on", "warning")


def test_message_that_a_called_function_sends_is_found(shop: Path) -> None:
    """With the line that sends it, and the outermost block, entered or around a function. Output is not the report."""
    done = declared(shop, "checkout", "cancelled")
    sent = "shop/orders.py:8: warning: T003 task 'shop.tasks.confirm': the scenario 'shop.scenarios:{}' sends it "
    inside = sent + "inside the transaction of shop/orders.py:{}, before the commit"
    assert done.stdout.splitlines()[:-1] == [inside.format("cancelled", 18), inside.format("checkout", 12)]
    assert (done.stderr, done.returncode) == ("an order\n", 1)


def test_finding_is_proven_by_the_way_from_the_block_to_the_message(shop: Path) -> None:
    """And by a test that can be pasted, and fails."""
    pytest.importorskip("pytest_django")
    (finding,) = json.loads(declared(shop, "checkout", output="json").stdout)["findings"]
    assert finding["evidence"] == "proven"
    assert finding["proof"]["timeline"].splitlines() == [
        "shop/orders.py:12 in place: atomic() of the database 'default'",
        "shop/orders.py:15 in place",
        "shop/orders.py:8 in tell: shop.tasks.confirm is sent",
    ]
    fixture = "import pytest\nimport shop\n@pytest.fixture\ndef virtual_celery_app():\n    return shop.app\n"
    write({"conftest.py": fixture, "test_proof.py": finding["proof"]["test"]}, shop)
    path = [shop, Path(celery_rehearsal.__file__).parents[1]]
    done = process([*pytest_in(shop), "-p", "pytest_django", "--ds", "shop.settings"], shop, path=path)
    assert "Left contains one more item: <shop.tasks.confirm is sent at " in done.stdout, done.stdout + done.stderr
    assert done.returncode == 1


def test_message_that_the_source_shows_as_well_is_reported_once(shop: Path) -> None:
    """As proven, where the scenario reaches its line."""
    orders, tasks = shop / "shop" / "orders.py", shop / "shop" / "tasks.py"
    tasks.write_text(tasks.read_text() + "from . import orders\n")
    orders.write_text(orders.read_text().replace("tell(order.pk)", "confirm.delay(order.pk)"))
    rules = [line.split()[2] for line in declared(shop, "checkout").stdout.splitlines()[:-1]]
    assert rules == ["T001", "T003"]


def test_message_on_or_after_the_commit_is_no_finding(shop: Path) -> None:
    """Nothing is written where the project's database would be."""
    done = declared(shop, "kept")
    assert (done.stdout, done.stderr, done.returncode) == (SUMMARY, "", 0)
    assert sorted(path.name for path in shop.iterdir()) == ["pyproject.toml", "shop"]


def test_scenarios_that_show_nothing_are_not_checked(shop: Path) -> None:
    """The exit status is 2. What another scenario shows is reported all the same."""
    reasons = {
        "silent": "it sent no message, so it shows nothing",
        "broken": "DoesNotExist: Group matching query does not exist.",
        "asynchronous": "it is asynchronous: give a function that runs it",
        "connecting": "it reached for the network, and preflight uses none",
        "waiting": "NotImplementedError: No result backend is configured.",
        "missing": "AttributeError: module 'shop.scenarios' has no attribute 'missing'",
        "ending": "SystemExit: 3",
        "dying": "its process ended with 7",
    }
    done = declared(shop, *reasons, "checkout")
    wanted = "; ".join(f"the scenario 'shop.scenarios:{name}': {reason}" for name, reason in reasons.items())
    assert f"could not check T003: {wanted}\n" in done.stdout
    assert "1 warning" in done.stdout
    assert done.returncode == 2


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"NAME": "no-such-folder/db"', '"NAME": "shop.db", "TEST": {"NAME": "test.db"}'),
        ('"django.db.backends.sqlite3", "NAME": "no-such-folder/db"', '"django.db.backends.dummy"'),
    ],
    ids=["a file", "no SQLite"],
)
def test_scenario_runs_on_a_database_in_memory_alone(shop: Path, before: str, after: str) -> None:
    """On another one it does not run."""
    settings = shop / "shop" / "settings.py"
    settings.write_text(settings.read_text().replace(before, after))
    done = declared(shop, "checkout")
    assert "the test database 'default' is not SQLite in memory, and preflight opens no other" in done.stdout
    assert (done.stderr, done.returncode) == ("", 2)


def test_eager_mode_of_the_settings_is_off_in_a_scenario(shop: Path) -> None:
    """Its message is found."""
    settings: Any = shop / "shop" / "settings.py"
    settings.write_text(settings.read_text() + "CELERY_TASK_ALWAYS_EAGER = True\n")
    assert " T003 " in declared(shop, "checkout").stdout


def test_scenario_of_an_application_without_django_is_not_checked(tmp_path: Path) -> None:
    """It has no `atomic()`."""
    (tmp_path / "shop.py").write_text("from celery import Celery\napp = Celery('shop')\ndef checkout(): ...\n")
    done = declared(tmp_path, "shop:checkout")
    assert "could not check T003: the scenario 'shop:checkout': scenarios need Django" in done.stdout
    assert done.returncode == 2
