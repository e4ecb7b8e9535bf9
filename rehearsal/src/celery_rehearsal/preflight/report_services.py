"""Reports in the formats of GitHub, GitLab, SARIF and JUnit."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape, quoteattr

from .findings import Level
from .registry import RULES

if TYPE_CHECKING:
    from .check import Report
    from .findings import Finding, Place

GITHUB = {Level.ERROR: "error", Level.WARNING: "warning", Level.INFO: "notice"}
GITLAB = {Level.ERROR: "critical", Level.WARNING: "minor", Level.INFO: "info"}
SARIF = {Level.ERROR: "error", Level.WARNING: "warning", Level.INFO: "note"}


def github(report: Report, _default: Place) -> str:
    """Workflow commands, which GitHub shows at the lines of a pull request."""
    lines = [_annotation(each) for each in report.findings]
    lines += [f"::error title={name}::could not check: {_data(why)}\n" for name, why in report.unchecked]
    return "".join(lines)


def _annotation(finding: Finding) -> str:
    where = {"file": finding.place.path, "line": str(finding.place.line)} if finding.place else {}
    properties = {**where, "title": f"{finding.rule} {RULES[finding.rule].name}"}
    listed = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{GITHUB[finding.level or Level.INFO]} {listed}::{_data(_sentence(finding))}\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def gitlab(report: Report, default: Place) -> str:
    """GitLab's Code Quality report. It needs a file in each finding."""
    seen: dict[str, int] = {}
    rows = []
    for each in report.findings:
        place = each.place or default
        rows.append({
            "description": _sentence(each),
            "check_name": f"{each.rule} {RULES[each.rule].name}",
            "fingerprint": _fingerprint(each, seen),
            "severity": GITLAB[each.level or Level.INFO],
            "location": {"path": place.path, "lines": {"begin": place.line}},
        })  # fmt: skip
    return json.dumps(rows, indent=2) + "\n"


def _fingerprint(finding: Finding, seen: dict[str, int]) -> str:
    # Without the line and the message: a finding that only moves, or counts differently, is the same finding.
    key = repr((finding.rule, finding.entry, finding.task, finding.setting))
    seen[key] = seen.get(key, -1) + 1
    return hashlib.sha256(f"{key} {seen[key]}".encode()).hexdigest()


def sarif(report: Report, default: Place) -> str:
    """SARIF 2.1.0, which GitHub's code scanning and editors read. Suppressed findings are in it, with their reasons."""
    results = [_result(each, default) for each in report.findings]
    results += [
        {**_result(each, default), "suppressions": [{"kind": "external", "justification": why.reason}]}
        for each, why in report.suppressed
    ]
    notes = [
        {"level": "error", "message": {"text": f"could not check {name}: {why}"}} for name, why in report.unchecked
    ]
    run = {
        "tool": {"driver": {
            "name": "celery preflight",
            "rules": [
                {"id": each.identifier, "name": each.name, "shortDescription": {"text": each.title},
                 "help": {"text": each.explanation}}
                for _, each in sorted(RULES.items())
            ],
        }},
        "invocations": [{"executionSuccessful": not notes, "toolExecutionNotifications": notes}],
        "results": results,
    }  # fmt: skip
    document = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return json.dumps(document, indent=2) + "\n"


def _result(finding: Finding, default: Place) -> dict[str, Any]:
    place = finding.place or default
    location = {"artifactLocation": {"uri": place.path}, "region": {"startLine": place.line}}
    return {
        "ruleId": finding.rule,
        "level": SARIF[finding.level or Level.INFO],
        "message": {"text": _sentence(finding)},
        "locations": [{"physicalLocation": location}],
        "properties": {"evidence": str(finding.evidence)},
    }


def junit(report: Report, _default: Place) -> str:
    """JUnit's XML: one test for each rule. Errors and warnings are failures, and info is output."""
    cases = [_case(identifier, report) for identifier in sorted(RULES)]
    failed = sum("<failure" in case for case in cases)
    head = (
        f'<testsuite name="celery preflight" tests="{len(cases)}" failures="{failed}" errors="{len(report.unchecked)}">'
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{head}\n{"".join(cases)}</testsuite>\n'


def _case(identifier: str, report: Report) -> str:
    parts = []
    for each in (finding for finding in report.findings if finding.rule == identifier):
        text = f"{f'{each.place}: ' if each.place else ''}{_sentence(each)}"
        if each.fails_at(Level.WARNING):
            parts.append(f"<failure type={quoteattr(str(each.level))} message={quoteattr(text)}/>")
        else:
            parts.append(f"<system-out>{escape(text)}</system-out>")
    parts += [f"<error message={quoteattr(why)}/>" for name, why in report.unchecked if name == identifier]
    name = quoteattr(f"{identifier} {RULES[identifier].name}")
    return f'<testcase classname="preflight" name={name}>{"".join(parts)}</testcase>\n'


def _sentence(finding: Finding) -> str:
    about = f"{finding.subject()}: " if finding.subject() else ""
    return f"{about}{finding.message}. {finding.fix}"
