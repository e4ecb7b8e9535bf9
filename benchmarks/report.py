"""What a benchmark found: figures next to those of the alternating reference, as Markdown and as JSON."""

import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal

Unit = Literal["s", "ms", "µs", "MiB", "rows/s"]
# What the figures depend on besides the machine.
PACKAGES = ("celery", "kombu", "django", "psycopg", "redis")
HUNDRED, TEN = 100, 10


class Skipped(Exception):
    """This machine lacks what a benchmark wants; the text says what, and how it is to be had."""


@dataclass(frozen=True)
class Figure:
    """One thing as it was in each round, and the reference in the same rounds; the reference itself has none.

    `goal` is what the median of the ratios may be at most, or the median of the values where there is no reference; for
    a rate (rows/s) it is the least. `more` are further columns, by their names.
    """

    name: str
    values: Sequence[float]
    reference: Sequence[float] = ()
    unit: Unit = "s"
    goal: float | None = None
    more: Mapping[str, str] = field(default_factory=dict)

    @property
    def ratios(self) -> list[float]:
        """Value by reference in each round; empty for a reference."""
        return (
            [value / other for value, other in zip(self.values, self.reference, strict=True)] if self.reference else []
        )

    @property
    def judged(self) -> float:
        """The number that the goal is about."""
        return statistics.median(self.ratios or self.values)

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None without one."""
        if self.goal is None:
            return None
        return self.judged >= self.goal if self.unit == "rows/s" else self.judged <= self.goal

    def cells(self) -> list[str]:
        """Median with its spread, the ratio with its spread, the goal."""
        sign = "≥" if self.unit == "rows/s" else "≤"
        verdict = "" if self.goal is None else f"{sign} {short(self.goal)}: {'met' if self.met else 'MISSED'}"
        return [f"{spread(self.values)} {self.unit}", spread(self.ratios) if self.reference else "", verdict]


@dataclass(frozen=True)
class Table:
    """Figures that belong together; `note` is what one has to know to read them."""

    title: str
    figures: Sequence[Figure]
    note: str = ""

    def markdown(self) -> str:
        """As it is shown; columns that are empty throughout are left out."""
        more = list(dict.fromkeys(name for figure in self.figures for name in figure.more))
        rows = [["", "median (least to most)", "÷ reference", "goal", *more]]
        rows += [[each.name, *each.cells(), *(each.more.get(name, "") for name in more)] for each in self.figures]
        kept = [index for index in range(len(rows[0])) if index == 0 or any(row[index] for row in rows[1:])]
        return grid(self.title, [[row[index] for index in kept] for row in rows], self.note)


def grid(title: str, rows: Sequence[Sequence[str]], note: str = "") -> str:
    """A Markdown table below a title and a note; the first row names the columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [" | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    lines.insert(1, " | ".join("-" * width for width in widths))
    return "\n".join([title, "", *([note, ""] if note else []), *(f"| {line} |" for line in lines), ""])


def spread(values: Sequence[float]) -> str:
    """The median, and of several values the least and the most."""
    middle = short(statistics.median(values))
    return middle if len(values) == 1 else f"{middle} ({short(min(values))} to {short(max(values))})"


def short(value: float) -> str:
    """Three digits that matter."""
    size = abs(value)
    return f"{value:,.0f}" if size >= HUNDRED else f"{value:.1f}" if size >= TEN else f"{value:.2f}"


def machine() -> dict[str, Any]:
    """Where and with what it was measured."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "machine": platform.platform(),
        "python": platform.python_version(),
        **{name: _version(name) for name in PACKAGES},
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def as_json(found: Mapping[str, Sequence[Table]], skipped: Mapping[str, str]) -> dict[str, Any]:
    """All tables by their benchmarks' names, what was skipped and why, and the machine, for a file of JSON."""
    tables = {name: [_plain(table) for table in tables] for name, tables in found.items()}
    return {"machine": machine(), "tables": tables, "skipped": dict(skipped)}


def _plain(table: Table) -> dict[str, Any]:
    return {
        "title": table.title,
        "note": table.note,
        "figures": [
            {
                "name": each.name,
                "unit": each.unit,
                "values": list(each.values),
                "ratios": each.ratios,
                "judged": each.judged,
                "goal": each.goal,
                "met": each.met,
                "more": dict(each.more),
            }
            for each in table.figures
        ],
    }
