"""How the simulations of two sides differ, as lines, as Markdown and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .markdown import cell, code
from .remarks import utc

if TYPE_CHECKING:
    from .against import Comparison

SIDES = ("here", "there")


def lines(found: Comparison) -> list[str]:
    """Return a line for each entry whose simulation differs."""
    return [f'"{each.entry}": {each} ({found.simulation})' for each in found.counted]


def table(found: Comparison) -> str:
    """Return a table for a comment on a pull request; nothing where nothing differs."""
    if not found.counted:
        return ""
    head = [
        f"**The simulation differs from {code(found.against)}**, {found.simulation}.",
        "",
        "| entry | differs |",
        "| - | - |",
    ]
    return "\n".join([*head, *(f"| {cell(each.entry)} | {each} |" for each in found.counted)]) + "\n"


def fields(found: Comparison) -> dict[str, Any] | None:
    """Return the simulation as an object; None without one."""
    if found.simulation is None:
        return None
    differs = [
        {
            "entry": each.entry,
            "counts": {word: dict(zip(SIDES, both, strict=True)) for word, both in each.counts.items()},
        }
        for each in found.counted
    ]
    return {"from": utc(found.simulation.start), "days": found.simulation.days, "differs": differs}
