"""A run of preflight: every rule over the loaded application, then the suppressions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .errors import CannotCheckError
from .findings import Evidence, Finding, Level, order
from .proofs import proved
from .registry import RULES

if TYPE_CHECKING:
    from .loaded import LoadedApp
    from .suppressions import Suppression

PASSED, FAILED, UNCHECKED = range(3)


@dataclass(frozen=True)
class Report:
    """What a run found, in a fixed order."""

    findings: list[Finding]
    suppressed: list[tuple[Finding, Suppression]]
    # Rules that could not be checked, with the reason.
    unchecked: list[tuple[str, str]]

    def status(self, threshold: Level) -> int:
        """The exit status: 2 where a rule could not be checked, 1 where a finding is as serious as the threshold."""
        if self.unchecked:
            return UNCHECKED
        return FAILED if any(each.fails_at(threshold) for each in self.findings) else PASSED


def check(loaded: LoadedApp) -> Report:
    """Run every rule, and the tests of what is found and not suppressed."""
    found: list[Finding] = []
    unchecked: list[tuple[str, str]] = []
    for identifier, each in sorted(RULES.items()):
        try:
            found += each.findings(loaded)
        except CannotCheckError as error:
            unchecked.append((identifier, str(error)))
        except Exception as error:  # one rule must not hide what the others find; the status is 2
            unchecked.append((identifier, f"{type(error).__name__}: {error}"))
    report = _suppress(sorted(set(found), key=order), loaded.configuration.suppress, unchecked)
    return replace(report, findings=proved(loaded, report.findings))


def _suppress(found: list[Finding], suppressions: tuple[Suppression, ...], unchecked: list[tuple[str, str]]) -> Report:
    kept, suppressed, used = [], [], set()
    for finding in found:
        matching = [each for each in suppressions if each.matches(finding)]
        used.update(matching)
        if matching:
            suppressed.append((finding, matching[0]))
        else:
            kept.append(finding)
    kept += [_unused(each) for each in suppressions if each not in used]
    return Report(sorted(kept, key=order), suppressed, unchecked)


def _unused(suppression: Suppression) -> Finding:
    return Finding(
        f"the suppression of {suppression.rule} ({suppression.reason}) matches no finding",
        "Remove it from pyproject.toml.",
        entry=suppression.entry,
        task=suppression.task,
        setting=suppression.setting,
        level=Level.WARNING,
        evidence=Evidence.READ,
        rule="P001",
    )
