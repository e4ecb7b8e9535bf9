"""The rules by their identifiers, and a run of all of them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .findings import Evidence, Finding, Level

if TYPE_CHECKING:
    from .loaded import LoadedApp

Check = Callable[["LoadedApp"], Iterator[Finding]]

# A letter for the family and three digits.
FAMILIES = {
    "P": "preflight itself",
    "S": "schedule",
    "R": "retries",
    "W": "wire and settings",
    "T": "transactions",
}

RULES: dict[str, Rule] = {}


@dataclass(frozen=True)
class Rule:
    """One thing that can be wrong with an application."""

    identifier: str
    name: str
    level: Level
    title: str
    explanation: str
    check: Check

    def findings(self, loaded: LoadedApp) -> Iterator[Finding]:
        """Run the check. What is unknown is info, whatever the rule's level."""
        for found in self.check(loaded):
            level = Level.INFO if found.evidence is Evidence.UNKNOWN else found.level or self.level
            yield replace(found, rule=self.identifier, level=level)


def rule(identifier: str, name: str, level: Level) -> Callable[[Check], Check]:
    """Register a check. Its docstring is the title and, after a blank line, the explanation."""

    def register(check: Check) -> Check:
        title, _, explanation = inspect.cleandoc(check.__doc__ or "").partition("\n\n")
        RULES[identifier] = Rule(identifier, name, level, title.removesuffix("."), explanation, check)
        return check

    return register


def find_rule(wanted: str) -> Rule | None:
    """The rule of this identifier or name, in any case."""
    word = wanted.lower()
    return next((each for each in RULES.values() if word in (each.identifier.lower(), each.name)), None)


def explain(each: Rule) -> str:
    """The explanation page of a rule, in Markdown. The documentation has the same text."""
    return f"## {each.identifier} {each.name}\n\n{each.title}. Level: {each.level}.\n\n{each.explanation}\n"
