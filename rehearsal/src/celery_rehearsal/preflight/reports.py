"""Reports of a run in each format. The same run gives the same bytes."""

from __future__ import annotations

import json
from collections import Counter
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from . import report_services
from .registry import RULES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .check import Report
    from .findings import Finding, Place

# Raised when a field of the JSON report changes its meaning or goes away.
SCHEMA_VERSION = 1


def full(report: Report, _default: Place) -> str:
    """Everything about each finding, for people."""
    return "".join([*map(_paragraph, report.findings), *_unchecked(report), _summary(report)])


def concise(report: Report, _default: Place) -> str:
    """One line for each finding."""
    lines = [
        f"{f'{each.place}: ' if each.place else ''}{each.level}: {each.rule} {_about(each)}{each.message}\n"
        for each in report.findings
    ]
    return "".join([*lines, *_unchecked(report), _summary(report)])


def as_json(report: Report, _default: Place) -> str:
    """The report for programs: schema.json in this package describes it."""
    document = {
        "version": SCHEMA_VERSION,
        "findings": [_fields(each) for each in report.findings],
        "suppressed": [{**_fields(each), "reason": why.reason} for each, why in report.suppressed],
        "unchecked": [{"rule": name, "reason": why} for name, why in report.unchecked],
    }
    return json.dumps(document, indent=2) + "\n"


def schema() -> Any:
    """The JSON schema of the format `json`."""
    return json.loads(files(__package__).joinpath("schema.json").read_text("utf-8"))


FORMATS: dict[str, Callable[[Report, Place], str]] = {
    "full": full,
    "concise": concise,
    "json": as_json,
    "github": report_services.github,
    "gitlab": report_services.gitlab,
    "sarif": report_services.sarif,
    "junit": report_services.junit,
}


def _paragraph(finding: Finding) -> str:
    place = f" at {finding.place}" if finding.place else ""
    proof = f"\n{finding.proof.timeline}\n\n{finding.proof.test}" if finding.proof else ""
    unproven = f"  Not proven: {finding.unproven}\n" if finding.unproven else ""
    return (
        f"{finding.level}: {finding.rule} {RULES[finding.rule].name}{place}\n"
        f"  {_about(finding)}{finding.message}\n"
        f"  Fix: {finding.fix}\n"
        f"  Evidence: {finding.evidence}. More: --explain {finding.rule}\n{unproven}{proof}\n"
    )


def _about(finding: Finding) -> str:
    return f"{finding.subject()}: " if finding.subject() else ""


def _unchecked(report: Report) -> Iterator[str]:
    reasons = dict.fromkeys(why for _name, why in report.unchecked)
    for reason in reasons:
        names = ", ".join(name for name, why in report.unchecked if why == reason)
        yield f"could not check {names}: {reason}\n"


def _summary(report: Report) -> str:
    counts = Counter(str(each.level) for each in report.findings)
    parts = [f"{counts[level]} {level}{'s' if counts[level] != 1 and level != 'info' else ''}"
             for level in ("error", "warning", "info")]  # fmt: skip
    return f"{', '.join(parts)}, {len(report.suppressed)} suppressed\n"


def _fields(finding: Finding) -> dict[str, Any]:
    place, proof = finding.place, finding.proof
    return {
        "rule": finding.rule,
        "name": RULES[finding.rule].name,
        "level": str(finding.level),
        "evidence": str(finding.evidence),
        "message": finding.message,
        "fix": finding.fix,
        "entry": finding.entry,
        "task": finding.task,
        "setting": finding.setting,
        "place": {"path": place.path, "line": place.line} if place else None,
        "proof": {"timeline": proof.timeline, "test": proof.test} if proof else None,
        "unproven": finding.unproven,
    }
