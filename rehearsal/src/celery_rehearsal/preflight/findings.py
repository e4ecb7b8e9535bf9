"""What a rule reports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .scripts import Script


class Level(IntEnum):
    """How serious a finding is. `--fail-on` compares levels."""

    INFO = 1  # good to know
    WARNING = 2  # commonly goes wrong
    ERROR = 3  # surely goes wrong

    def __str__(self) -> str:
        return self.name.lower()


class Evidence(str, Enum):
    """How preflight knows."""

    PROVEN = "proven"  # a simulation showed it
    READ = "read"  # from the loaded application: a setting, an option, source code
    UNKNOWN = "unknown"  # the application does not tell; such a finding never fails the run

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Place:
    """A line of a file, relative to the working directory where the file is below it."""

    path: str
    line: int = 1

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass(frozen=True)
class Proof:
    """What a simulation showed, and a test that shows it again."""

    timeline: str
    test: str


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, why, and what to do.

    A rule leaves out its own identifier and, usually, the level: the registry fills in both. `script` makes the test
    that shows the finding; `unproven` says why a simulation did not.
    """

    message: str
    fix: str
    entry: str | None = None
    task: str | None = None
    setting: str | None = None
    place: Place | None = None
    level: Level | None = None
    evidence: Evidence = Evidence.READ
    proof: Proof | None = None
    unproven: str | None = None
    script: Callable[[], Script] | None = field(default=None, compare=False, repr=False)
    rule: str = ""

    def subject(self) -> str:
        """The entry, task or setting that the finding is about."""
        named = (("entry", self.entry), ("task", self.task), ("setting", self.setting))
        return ", ".join(f"{kind} {name!r}" for kind, name in named if name is not None)

    def fails_at(self, threshold: Level) -> bool:
        """Tell whether the finding fails a run with `--fail-on threshold`."""
        return self.evidence is not Evidence.UNKNOWN and (self.level or Level.INFO) >= threshold


def order(finding: Finding) -> tuple[object, ...]:
    """The most serious first, then by rule, place and subject: the same findings come in the same order."""
    place = finding.place or Place("", 0)
    names = (finding.entry or "", finding.task or "", finding.setting or "")
    return (-int(finding.level or 0), finding.rule, place.path, place.line, names, finding.message)
