"""Each rule finds the fault that is planted in an application, and nothing in the repaired one."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import celery
import pytest
from celery_rehearsal.preflight.check import check
from celery_rehearsal.preflight.registry import FAMILIES, RULES
from celery_rehearsal.preflight.reports import concise

from .conftest import APPS

if TYPE_CHECKING:
    from collections.abc import Callable

    from celery_rehearsal.preflight.loaded import LoadedApp

CASES = sorted(APPS.glob("[A-Z][0-9][0-9][0-9]/*.py"))
# Before Celery 5.7, a solar schedule adds a `timedelta` to a date of ephem on a day without the event: `TypeError`.
EARLIER = {
    (APPS / "S015" / "fails.py").read_text("utf-8"): (
        "S011",
        "error: S011 entry 'lamps', task 'shop.lamps': entry lamps: its schedule …",
    )
}
# Rules whose examples need more than one file: tests of their own.
ELSEWHERE = {
    "P001": "test_suppressions.py",
    "S006": "test_django.py",
    "S030": "test_rows.py",
    "S009": "test_zones_of_rules.py",
    "T001": "test_django.py",
    "T002": "test_django.py",
    "T003": "test_scenarios.py",
    "W019": "test_unloaded_tasks.py",
}


def lines(loaded: LoadedApp, rule: str) -> list[str]:
    """What the rule finds, in the concise format, without places."""
    report = check(loaded)
    assert report.unchecked == []
    text = concise(report, loaded.default_place).splitlines()
    return [line[line.index(f"{level}: {rule}") :] for line in text for level in ("error", "warning", "info")
            if f"{level}: {rule}" in line]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}-{case.stem}")
def test_rule_finds_what_the_docstring_says(case: Path, opened: Callable[..., LoadedApp]) -> None:
    """An application without a docstring has no finding of the rule.

    `…` stands for the rest of a line, and `{release}` for the Celery that runs.
    """
    source = case.read_text("utf-8")
    if "import solar" in source:
        pytest.importorskip("ephem")
    if "import RedBeatScheduler" in source:
        pytest.importorskip("redbeat")
    table = case.with_suffix(".toml")
    earlier = EARLIER if celery.VERSION < (5, 7) else {}
    rule, docstring = earlier.get(source, (case.parent.name, ast.get_docstring(ast.parse(source)) or ""))
    found = lines(opened(source, table.read_text("utf-8") if table.exists() else ""), rule)
    expected = docstring.replace("{release}", f"Celery {celery.__version__}").splitlines()
    assert len(found) == len(expected), found
    for line, wanted in zip(found, expected, strict=True):
        assert line.startswith(wanted.removesuffix("…")) if wanted.endswith("…") else line == wanted


def test_each_rule_has_an_application_that_fails_and_one_that_passes() -> None:
    """In a folder of its name, or in the test that is named here."""
    for identifier in RULES:
        if identifier in ELSEWHERE:
            assert (Path(__file__).parent / ELSEWHERE[identifier]).read_text("utf-8").count(identifier) >= 1
        else:
            assert {path.stem for path in (APPS / identifier).glob("*.py")} >= {"fails", "passes"}, identifier


def test_each_rule_is_explained() -> None:
    """With a family, a name of its own, a title without a full stop, and an explanation in sentences."""
    assert len({each.name for each in RULES.values()}) == len(RULES)
    for identifier, each in RULES.items():
        assert identifier[0] in FAMILIES
        assert each.title
        assert not each.title.endswith(".")
        assert each.explanation.endswith(".")
