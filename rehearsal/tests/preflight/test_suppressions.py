"""Findings that are meant: the table in pyproject.toml."""

from __future__ import annotations

from datetime import time, timedelta
from typing import TYPE_CHECKING

import pytest
from celery_rehearsal.preflight.check import FAILED, PASSED, UNCHECKED, check
from celery_rehearsal.preflight.durations import Daily
from celery_rehearsal.preflight.findings import Evidence, Finding, Level
from celery_rehearsal.preflight.registry import RULES, Rule
from celery_rehearsal.preflight.suppressions import ConfigurationError, read_configuration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from celery_rehearsal.preflight.loaded import LoadedApp

EAGER = 'from celery import Celery\napp = Celery("shop")\napp.conf.task_always_eager = True\n'
TABLE = "[[tool.celery-rehearsal.preflight.suppress]]\n"


def suppress(**row: str) -> str:
    """A row of the table."""
    return TABLE + "".join(f'{key} = "{value}"\n' for key, value in row.items())


def declare(line: str) -> str:
    """The table with one declaration."""
    return f"[tool.celery-rehearsal.preflight]\n{line}\n"


def found(loaded: LoadedApp) -> list[str]:
    """The identifiers of what a run finds, without what it suppresses."""
    return [each.rule for each in check(loaded).findings]


def test_suppressed_finding_does_not_fail_the_run(opened: Callable[..., LoadedApp]) -> None:
    """It is kept in the report, with its reason."""
    report = check(opened(EAGER, suppress(rule="W012", reason="a demo")))
    assert report.findings == []
    assert [(each.rule, why.reason) for each, why in report.suppressed] == [("W012", "a demo")]
    assert report.status(Level.INFO) == PASSED


@pytest.mark.parametrize(
    ("row", "left"),
    [
        ({"rule": "eager-mode"}, []),
        ({"rule": "w012", "setting": "task_*"}, []),
        ({"rule": "W012", "setting": "task_routes"}, ["W012", "P001"]),
        ({"rule": "W012", "task": "*"}, ["W012", "P001"]),
        ({"rule": "W013"}, ["W012", "P001"]),
    ],
)
def test_suppression_names_a_rule_and_a_subject(
    opened: Callable[..., LoadedApp], row: dict[str, str], left: list[str]
) -> None:
    """By identifier or name, and with wildcards. A finding without that subject is not suppressed."""
    assert found(opened(EAGER, suppress(**row, reason="a demo"))) == left


def test_suppression_that_matches_nothing_is_a_finding(opened: Callable[..., LoadedApp]) -> None:
    """P001 is a warning, and names what the suppression named."""
    (finding,) = check(opened(EAGER.replace("True", "False"), suppress(rule="W012", reason="a demo"))).findings
    assert (finding.rule, finding.level) == ("P001", Level.WARNING)
    assert finding.message == "the suppression of W012 (a demo) matches no finding"


def test_unknown_never_fails_the_run() -> None:
    """Whatever the level of its rule."""
    unknown = Finding("maybe", "Look.", evidence=Evidence.UNKNOWN, level=Level.ERROR)
    assert not unknown.fails_at(Level.INFO)


def test_status_follows_the_threshold(opened: Callable[..., LoadedApp]) -> None:
    """A finding as serious as the threshold fails the run."""
    report = check(opened('from celery import Celery\napp = Celery("shop")\napp.conf.accept_content = ["pickle"]\n'))
    assert [(each.rule, each.level) for each in report.findings] == [("W013", Level.WARNING)]
    assert [report.status(level) for level in (Level.INFO, Level.WARNING, Level.ERROR)] == [FAILED, FAILED, PASSED]


def test_rule_that_fails_does_not_hide_the_others(
    opened: Callable[..., LoadedApp], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The status is 2, and the report names the rule and the reason."""

    def broken(_loaded: LoadedApp) -> Iterator[Finding]:
        raise ZeroDivisionError("of a rule")

    monkeypatch.setitem(RULES, "W013", Rule("W013", "broken", Level.INFO, "Broken", "It is broken.", broken))
    report = check(opened(EAGER))
    assert [each.rule for each in report.findings] == ["W012"]
    assert report.unchecked == [("W013", "ZeroDivisionError: of a rule")]
    assert report.status(Level.ERROR) == UNCHECKED


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (suppress(rule="W012"), "has no reason"),
        (suppress(rule="W012", reason=" "), "has no reason"),
        (suppress(rule="W999", reason="a demo"), "names no rule"),
        (suppress(reason="a demo"), "names no rule"),
        (suppress(rule="W012", reason="a demo", queue="mail"), "knows the keys rule, reason, entry, task, setting"),
        (TABLE + 'rule = "W012"\nreason = 3\n', "strings only"),
        ('[tool.celery-rehearsal.preflight]\nsuppress = "W012"\n', "array of tables"),
        ('[tool.celery-rehearsal.preflight]\nignore = ["W012"]\n', "knows the keys suppress, outages, queues"),
        ('[tool.celery-rehearsal.preflight]\nqueues = "mail"\n', "list of names"),
        ("[tool.celery-rehearsal]\npreflight = 3\n", "knows the keys"),
        ('[[tool.celery-rehearsal.preflight.outages]]\ntask = "shop.*"\n', "needs `task`"),
        ('[[tool.celery-rehearsal.preflight.outages]]\ntask = "shop.*"\nseconds = true\n', "needs `task`"),
        ("[tool", "cannot be read"),
        (declare("deploy_every = '12'"), "deploy_every '12' is no duration"),
        (declare("deploy_every = 12"), "deploy_every must be a string, not 12"),
        (declare("beat_disk = 'gone'"), "beat_disk must be one of kept, lost, not 'gone'"),
        (declare("beats = 0"), "beats must be a number of 1 or more, not 0"),
        (declare("concurrency = true"), "concurrency must be a number of 1 or more, not True"),
        (declare("outage = '02:00'"), "outage '' is no time of day"),
        (declare("outage_of = 'broker'"), "outage_of must be one of workers, beats, all, not 'broker'"),
        (declare("running_times = { 'shop.close' = 'long' }"), "running_times of 'shop.close' 'long' is no duration"),
        (declare("running_times = ['2h']"), "running_times must be a table"),
        (declare("effects = 'shop.effects'"), "effects must be `module:function`, not 'shop.effects'"),
    ],
)
def test_table_that_cannot_be_used_is_refused(tmp_path: Path, text: str, message: str) -> None:
    """A misspelt key would otherwise look as if it worked."""
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(ConfigurationError, match=message.replace("[", r"\[")):
        read_configuration(tmp_path)


def test_without_a_table_nothing_is_declared(tmp_path: Path) -> None:
    """With no file, too."""
    assert read_configuration(tmp_path).suppress == ()
    (tmp_path / "pyproject.toml").write_text("[tool.celery-rehearsal]\n")
    assert read_configuration(tmp_path).queues == ()


def test_what_the_application_cannot_tell_is_declared(tmp_path: Path) -> None:
    """In the words of `celery simulate`."""
    lines = ["deploy_every = '12h'", "beat_disk = 'lost'", "beats = 2", "concurrency = 4", "outage = '23:00-01:30'"]
    lines += ["outage_of = 'all'", "running_times = { 'shop.close' = '2h' }", "effects = 'shop.checks:effects'"]
    (tmp_path / "pyproject.toml").write_text(declare("\n".join(lines)))
    found = read_configuration(tmp_path).declared
    assert (found.deploy_every, found.disk_lost) == (timedelta(hours=12), True)
    assert (found.beats, found.concurrency, found.effects) == (2, 4, "shop.checks:effects")
    assert (found.outage, found.outage_of) == (Daily(time(23), time(1, 30)), "all")
    assert found.running_times == {"shop.close": timedelta(hours=2)}
