"""The reports of one run in each format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
from celery_rehearsal.preflight.check import Report
from celery_rehearsal.preflight.findings import Evidence, Finding, Level, Place, Proof
from celery_rehearsal.preflight.preflight_command import FORMATS as OFFERED
from celery_rehearsal.preflight.registry import RULES
from celery_rehearsal.preflight.reports import FORMATS, schema
from celery_rehearsal.preflight.suppressions import Suppression

if TYPE_CHECKING:
    from collections.abc import Callable

APP = Place("shop.py", 3)

UNKNOWN = Finding("perhaps", "Look.", entry="ping", task="shop.ping", level=Level.INFO, rule="S001",
                  evidence=Evidence.UNKNOWN)  # fmt: skip
FINDINGS = [
    Finding("nothing is sent", "Turn it off.", setting="task_always_eager", place=Place("set,tings.py", 7),
            level=Level.ERROR, rule="W012"),
    Finding("<5 % fail>\nor more", "Retry.", task="shop.send", level=Level.WARNING, rule="R004",
            evidence=Evidence.PROVEN, proof=Proof("18:00 send", "def test_send(): ...\n"), unproven="a broker"),
    UNKNOWN,
]  # fmt: skip
MEANT = Finding("has pickle", "Use JSON.", setting="accept_content", level=Level.WARNING, rule="W013")
REPORT = Report(FINDINGS, [(MEANT, Suppression("W013", "a test"))], [("W014", "KeyError: 'x'")])


def test_each_format_of_the_command_has_a_report() -> None:
    """And each gives the same bytes again."""
    assert list(FORMATS) == OFFERED
    for report in FORMATS.values():
        assert report(REPORT, APP) == report(REPORT, APP)


def test_full_has_place_reason_fix_evidence_and_proof() -> None:
    """And a summary at the end."""
    assert FORMATS["full"](REPORT, APP) == (
        "error: W012 eager-mode at set,tings.py:7\n"
        "  setting 'task_always_eager': nothing is sent\n"
        "  Fix: Turn it off.\n"
        "  Evidence: read. More: --explain W012\n\n"
        "warning: R004 unbounded-retries\n"
        "  task 'shop.send': <5 % fail>\nor more\n"
        "  Fix: Retry.\n"
        "  Evidence: proven. More: --explain R004\n"
        "  Not proven: a broker\n\n18:00 send\n\ndef test_send(): ...\n\n"
        "info: S001 unknown-task\n"
        "  entry 'ping', task 'shop.ping': perhaps\n"
        "  Fix: Look.\n"
        "  Evidence: unknown. More: --explain S001\n\n"
        "could not check W014: KeyError: 'x'\n"
        "1 error, 1 warning, 1 info, 1 suppressed\n"
    )


def test_concise_has_a_line_for_each_finding() -> None:
    """With the place first, as compilers do, where there is one."""
    first, *_others, last = FORMATS["concise"](REPORT, APP).splitlines()
    assert first == "set,tings.py:7: error: W012 setting 'task_always_eager': nothing is sent"
    assert last == "1 error, 1 warning, 1 info, 1 suppressed"


def test_json_follows_the_schema() -> None:
    """The schema is in the package. A field more or less would fail."""
    document = json.loads(FORMATS["json"](REPORT, APP))
    check = validator()
    check(document)
    assert document["findings"][0]["place"] == {"path": "set,tings.py", "line": 7}
    assert document["suppressed"][0]["reason"] == "a test"
    assert document["unchecked"] == [{"rule": "W014", "reason": "KeyError: 'x'"}]
    wrong: list[dict[str, Any]] = [
        {"version": 2},
        {"findings": [{}]},
        {"unchecked": [{"rule": 3, "reason": ""}]},
        {"more": 1},
    ]
    for change in wrong:
        with pytest.raises(Exception, match=r".+"):
            check({**document, **change})


def validator() -> Callable[[Any], None]:
    """A check against the schema."""
    jsonschema = pytest.importorskip("jsonschema")
    return jsonschema.Draft202012Validator(schema()).validate  # type: ignore[no-any-return] # untyped


def test_schema_of_a_suppressed_finding_has_each_field_of_a_finding() -> None:
    """Draft 2020-12 cannot extend an object that forbids other fields."""
    kinds = schema()["$defs"]
    assert {*kinds["suppressed"]["required"]} == {*kinds["finding"]["required"], "reason"}
    assert {*kinds["suppressed"]["properties"]} == {*kinds["finding"]["properties"], "reason"}


def test_github_escapes_what_its_commands_use() -> None:
    """Percent signs and line ends in messages, and commas in properties too."""
    first, second, third, last = FORMATS["github"](REPORT, APP).splitlines()
    assert first == (
        "::error file=set%2Ctings.py,line=7,title=W012 eager-mode::"
        "setting 'task_always_eager': nothing is sent. Turn it off."
    )
    assert second == ("::warning title=R004 unbounded-retries::task 'shop.send': <5 %25 fail>%0Aor more. Retry.")
    assert third.startswith("::notice ")
    assert last == "::error title=W014::could not check: KeyError: 'x'"


def test_gitlab_has_a_file_and_a_fingerprint_in_each_row() -> None:
    """Two findings of one rule and one subject have two fingerprints. A line that moves does not change them."""
    rows = json.loads(FORMATS["gitlab"](REPORT, APP))
    assert [(row["severity"], row["location"]["path"]) for row in rows] == [
        ("critical", "set,tings.py"), ("minor", "shop.py"), ("info", "shop.py"),
    ]  # fmt: skip
    twice = Report([FINDINGS[0], FINDINGS[0]], [], [])
    moved = Report([Finding(**{**vars(FINDINGS[0]), "place": Place("set,tings.py", 9)})], [], [])
    prints = [row["fingerprint"] for row in json.loads(FORMATS["gitlab"](twice, APP))]
    assert len({*prints}) == 2
    assert json.loads(FORMATS["gitlab"](moved, APP))[0]["fingerprint"] == prints[0] == rows[0]["fingerprint"]


def test_sarif_has_rules_results_and_suppressions() -> None:
    """Each result names a rule of the run. What could not be checked is a notification."""
    document = json.loads(FORMATS["sarif"](REPORT, APP))
    (run,) = document["runs"]
    assert {each["ruleId"] for each in run["results"]} <= {each["id"] for each in run["tool"]["driver"]["rules"]}
    assert [each["level"] for each in run["results"]] == ["error", "warning", "note", "warning"]
    assert run["results"][-1]["suppressions"] == [{"kind": "external", "justification": "a test"}]
    assert run["invocations"][0]["executionSuccessful"] is False
    assert all(each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for each in run["results"])


def test_junit_has_a_test_for_each_rule() -> None:
    """An error or a warning is a failure, what is unknown is output, and what could not be checked is an error."""
    suite = ET.fromstring(FORMATS["junit"](REPORT, APP))
    cases = {case.attrib["name"].partition(" ")[0]: case for case in suite}
    assert set(cases) == set(RULES)
    assert (suite.attrib["failures"], suite.attrib["errors"]) == ("2", "1")
    assert "<5 % fail>" in cases["R004"][0].attrib["message"]
    assert [child.tag for child in cases["S001"]] == ["system-out"]
    assert [child.tag for child in cases["W014"]] == ["error"]
    assert list(cases["W001"]) == []


def test_schema_is_json_of_the_package() -> None:
    """It is next to the code, so the wheel has it."""
    assert schema()["title"].startswith("The report of")
    assert (Path(__file__).parents[2] / "src/celery_rehearsal/preflight/schema.json").is_file()
