"""The pages of the rules, from the rules themselves: `python -m preflight.rule_pages` in `tests/` writes them."""

from __future__ import annotations

from pathlib import Path

from celery_rehearsal.preflight import rules
from celery_rehearsal.preflight.registry import FAMILIES, RULES, explain

FOLDER = Path(__file__).parents[2] / "docs" / "preflight"
NAMES = {"P": "preflight", "S": "schedule", "R": "retries", "W": "wire", "T": "transactions"}
assert rules.__all__  # registered


def path(family: str) -> Path:
    """The page of a family of rules."""
    return FOLDER / f"rules-{NAMES[family]}.md"


def page(family: str) -> str:
    """What the page has."""
    texts = [explain(each) for identifier, each in sorted(RULES.items()) if identifier[0] == family]
    head = f"# Rules about {FAMILIES[family]}\n\n`celery preflight --explain RULE` prints the same texts.\n"
    return "\n".join([head, *texts])


if __name__ == "__main__":
    for each in FAMILIES:
        path(each).write_text(page(each), "utf-8")
