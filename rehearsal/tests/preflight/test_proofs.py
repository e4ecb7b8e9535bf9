"""Findings that a simulation proves: the printed tests fail on the fault, and pass after the repair."""

from __future__ import annotations

import re
import sys
from functools import partialmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from celery import Celery
from celery.schedules import crontab
from celery_rehearsal import extras
from celery_rehearsal.preflight.check import check
from celery_rehearsal.preflight.findings import Evidence
from celery_rehearsal.preflight.proofs import MOST
from celery_rehearsal.preflight.reports import FORMATS
from celery_rehearsal.preflight.rules import simulated_outages

from .conftest import APPS
from .optional import needs_redis
from .proof_cases import CASES, NEED_REDIS, STATES, load_case, run_tests

if TYPE_CHECKING:
    from collections.abc import Callable

    from celery_rehearsal.preflight.findings import Finding
    from celery_rehearsal.preflight.loaded import LoadedApp

INDEX = Path(__file__).parents[2] / "docs" / "preflight" / "index.md"
# Without it, an app takes the tasks of every other app in its process, which have the same names.
ALONE = "from functools import partialmethod\nfrom celery import Celery\n"
ALONE += "Celery.task = partialmethod(Celery.task, shared=False)\n"


def test_printed_tests_fail_on_the_fault_and_pass_after_the_repair(
    opened: Callable[..., LoadedApp], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is written into a file in the folder of the application. It fails by its assertion."""
    monkeypatch.setattr(Celery, "task", partialmethod(Celery.task, shared=False))
    (tmp_path / "conftest.py").write_text(ALONE)
    wanted = [name for name in CASES if name[:4] not in NEED_REDIS or not extras.missing("redis")]
    cases = [load_case(name, opened, f"preflight_app_{number}") for number, name in enumerate(wanted)]
    written: dict[str, str] = {}
    for number, (name, case) in enumerate(zip(wanted, cases, strict=True)):
        assert case.findings, name
        for finding in case.findings:
            assert (finding.evidence, finding.unproven) == (Evidence.PROVEN, None), (name, finding)
            assert finding.proof is not None
            file = f"test_{number}_{len(written)}"
            (case.loaded.folder / f"{file}.py").write_text(finding.proof.test)
            written[file] = case.rule
    before = run_tests(tmp_path)
    for case in cases:
        (case.loaded.folder / f"{case.loaded.folder.name}.py").write_text(case.repaired)
    after = run_tests(tmp_path)
    assert set(before) == set(after) == set(written)
    for file, rule in written.items():
        passes, fails = (before, after) if rule in STATES else (after, before)
        assert fails[file].startswith(("AssertionError", "assert ")), (file, rule, fails[file])
        assert passes[file] == "", (file, rule, passes[file])


def test_index_lists_the_rules_that_are_proven() -> None:
    """As they are tested here."""
    (sentence,) = re.findall(r"Simulations prove (.+?)\.", INDEX.read_text("utf-8"), flags=re.DOTALL)
    assert sorted(re.findall(r"[A-Z]\d{3}", sentence)) == sorted({name[:4] for name in CASES})


def proof_of(opened: Callable[..., LoadedApp], name: str) -> Finding:
    """The only finding of a case."""
    (finding,) = load_case(name, opened, "preflight_app_0").findings
    assert finding.proof is not None
    return finding


def test_the_same_application_gives_the_same_bytes(opened: Callable[..., LoadedApp]) -> None:
    """In each format, timeline and test included. The short formats have neither."""
    source = (APPS / "R002" / "fails.py").read_text("utf-8")
    loaded = opened(source)
    first, second = check(loaded), check(loaded)
    for name, report in FORMATS.items():
        shown = report(first, loaded.default_place)
        assert report(second, loaded.default_place) == shown
        assert ("VirtualCelery" in shown) == (name in {"full", "json"})
        assert ("expired while it waited" in shown) == (name in {"full", "json"})


def test_simulations_leave_the_application_as_it_was(opened: Callable[..., LoadedApp]) -> None:
    """Its settings, its tasks with their bodies, and its schedule."""

    def look(app: Any) -> tuple[Any, ...]:
        bodies = {name: vars(task).get("run", type(task).run) for name, task in app.tasks.items()}
        return dict(vars(app)), dict(app.conf), bodies, dict(vars(app._local)), dict(app.conf.beat_schedule)

    source = (APPS / "S021" / "fails.py").read_text("utf-8").replace('"expires": 650', '"expires": 650, "countdown": 1')
    loaded = opened(source, (APPS / "S021" / "fails.toml").read_text("utf-8") + "deploy_every = '1m'\n")
    loaded.app.conf.beat_schedule["unknown"] = {"task": "shop.unknown", "schedule": crontab(minute=0)}
    check(loaded)
    before = look(loaded.app)
    report = check(loaded)
    assert {each.rule for each in report.findings if each.proof} == {"S001", "S005", "S021"}
    assert look(loaded.app) == before


@needs_redis
def test_message_of_a_wait_beyond_the_timeout_says_how_often_it_ran(opened: Callable[..., LoadedApp]) -> None:
    """A countdown of five hours runs five times."""
    finding = proof_of(opened, "R008/fails")
    assert finding.message.endswith("so it runs several times. A simulation ran one message 5 times")
    assert finding.proof is not None
    assert finding.proof.timeline.count("redelivered after the visibility timeout") == 3


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (('"shop"', '"shop", broker="sqs://"'), "sqs"),
        (("=(OSError,)", "=(Unusual,)"), "needs no arguments"),
        (("60}}}", "60}}}\napp.conf.beat_scheduler = 'redbeat:RedBeatScheduler'"), "a store of its own"),
        (("60}}}", "60}}}\napp.conf.worker_pool = 'gevent'"), "gevent"),
    ],
)
def test_what_cannot_be_simulated_stays_read_with_the_reason(
    opened: Callable[..., LoadedApp], change: tuple[str, str], reason: str
) -> None:
    """It is no reason for exit status 2."""
    head = "class Unusual(Exception):\n    def __init__(self, code): ...\n"
    source = head + (APPS / "R002" / "fails.py").read_text("utf-8").partition('"""\n')[2].replace(*change)
    report = check(opened(source))
    assert report.unchecked == []
    (finding,) = [each for each in report.findings if each.rule == "R002"]
    assert (finding.evidence, finding.proof) == (Evidence.READ, None)
    assert finding.unproven is not None
    assert reason in finding.unproven


@needs_redis
def test_failure_for_another_reason_proves_nothing(opened: Callable[..., LoadedApp]) -> None:
    """A message that expires while it waits does not run either, but Redis has not given it out again."""
    source = (APPS / "R008" / "fails.py").read_text("utf-8")
    source = source.replace("=5 * 60 * 60", "=3610").replace('name="shop.mail"', 'name="shop.mail", expires=60')
    (finding,) = [each for each in check(opened(source)).findings if each.rule == "R008"]
    assert (finding.evidence, finding.unproven) == (Evidence.READ, "a simulation did not show it")


def test_assertion_of_the_application_proves_nothing(opened: Callable[..., LoadedApp]) -> None:
    """A task class whose `apply_async` asserts something else."""
    source = (
        (APPS / "R007" / "fails.py").read_text("utf-8").replace('name="shop.mail"', 'name="shop.mail", base=Strict')
    )
    strict = "\nclass Strict(Task):\n    def apply_async(self, *args, **options): assert False, 'not here'\n"
    source = source.replace("import Celery\n", "import Celery, Task\n" + strict)
    table = (APPS / "R007" / "fails.toml").read_text("utf-8")
    (finding,) = [each for each in check(opened(source, table)).findings if each.rule == "R007"]
    assert (finding.evidence, finding.unproven) == (Evidence.READ, "AssertionError: not here")


def test_too_many_runs_are_not_simulated(opened: Callable[..., LoadedApp], monkeypatch: pytest.MonkeyPatch) -> None:
    """The finding says so."""
    source = (APPS / "R001" / "no_jitter.py").read_text("utf-8").replace("3600", "60").replace("=6", "=16")
    (finding,) = [each for each in check(opened(source)).findings if each.rule == "R001"]
    assert (finding.evidence, finding.unproven) == (Evidence.READ, "1,326 runs take too long to simulate")
    monkeypatch.setattr(simulated_outages, "MOST", 15)
    source = (APPS / "S021" / "fails.py").read_text("utf-8")
    found = check(opened(source, (APPS / "S021" / "fails.toml").read_text("utf-8"))).findings
    assert [each.evidence.value for each in found if each.rule == "S021"] == ["proven", "proven", "unknown"]


def test_declared_simulations_that_are_refused_are_unknown(opened: Callable[..., LoadedApp]) -> None:
    """A finding that needs a simulation is info without it."""
    source = (APPS / "S017" / "fails.py").read_text("utf-8")
    table = (APPS / "S017" / "fails.toml").read_text("utf-8") + "simulate = false\n"
    (finding,) = [each for each in check(opened(source, table)).findings if each.rule == "S017"]
    assert (finding.evidence, finding.unproven) == (Evidence.UNKNOWN, "pyproject.toml says `simulate = false`")


def test_only_the_first_findings_of_a_rule_are_simulated(opened: Callable[..., LoadedApp]) -> None:
    """The others say so, at the same level."""
    rows = ", ".join(f"'e{number:02}': {{'task': 'shop.none', 'schedule': 3600}}" for number in range(MOST + 2))
    source = f"from celery import Celery\napp = Celery('shop')\napp.conf.beat_schedule = {{{rows}}}\n"
    source += "@app.task(name='shop.some')\ndef some(): ...\n"
    found = [each for each in check(opened(source)).findings if each.rule == "S001"]
    assert [each.evidence for each in found] == [Evidence.PROVEN] * MOST + [Evidence.READ] * 2
    assert found[-1].unproven == f"preflight simulates the first {MOST} findings of a rule"


def test_project_without_a_module_for_its_app_gets_a_test_with_the_fixture(opened: Callable[..., LoadedApp]) -> None:
    """An app that a function makes is given by the fixture of the project."""
    source = (APPS / "S001" / "fails.py").read_text("utf-8")
    loaded = opened(source + "\nmade = [app]\n")
    del sys.modules[loaded.folder.name].app
    (finding,) = [each for each in check(loaded).findings if each.rule == "S001"]
    assert finding.proof is not None
    assert "def test_s001_report(virtual_celery_app):\n" in finding.proof.test
    assert "    app = virtual_celery_app\n" in finding.proof.test


@pytest.mark.parametrize(
    ("effects", "reason"),
    [
        ("preflight_app_0:none", "effects = 'preflight_app_0:none' cannot be imported"),
        ("preflight_app_0:closed", "effects = 'preflight_app_0:closed' is no function"),
        ("preflight_app_0:unknown", "preflight_app_0:unknown counts open, and there is no such entry"),
    ],
)
def test_effects_that_cannot_be_counted_fail_the_check(
    opened: Callable[..., LoadedApp], effects: str, reason: str
) -> None:
    """The exit status is 2."""
    source = (APPS / "S020" / "fails.py").read_text("utf-8") + "\n\ndef unknown(): return {'open': 0}\n"
    table = f"[tool.celery-rehearsal.preflight]\nbeats = 2\neffects = '{effects}'\n"
    (unchecked,) = check(opened(source, table)).unchecked
    assert unchecked[0] == "S020"
    assert unchecked[1].startswith(reason)


def test_effects_that_stay_the_same_prove_nothing(opened: Callable[..., LoadedApp]) -> None:
    """The task fails, or does its work later."""
    source = (APPS / "S020" / "fails.py").read_text("utf-8").replace('closed.append("the day")', "raise ValueError")
    table = (APPS / "S020" / "fails.toml").read_text("utf-8")
    (finding,) = [each for each in check(opened(source, table)).findings if each.rule == "S020"]
    assert (finding.evidence, finding.unproven) == (Evidence.UNKNOWN, "a simulation did its work 0 times")
