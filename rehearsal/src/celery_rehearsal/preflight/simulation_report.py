"""A simulation as a table and as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from ..timeline import table
from .durations import words
from .patterns import pattern
from .remarks import utc
from .simulation_summary import KINDS, excerpt, summaries
from .zones import name_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from .simulation import Outcome, Scenario
    from .simulation_summary import Summary

# How many entries the table shows a timeline of. --entry shows another's.
SHOWN = 3

LATE = "late"
HEADINGS = ("entry", "due", "runs", *("late by" if kind == LATE else kind for kind in KINDS), "waiting")


@dataclass(frozen=True)
class Simulated:
    """What was asked for, what happened, and what it means for each entry."""

    scenario: Scenario
    outcome: Outcome
    margin: timedelta
    summaries: list[Summary]

    @property
    def wrong(self) -> list[Summary]:
        """The entries of which something is wrong."""
        return [summary for summary in self.summaries if summary.first]


def judge(scenario: Scenario, outcome: Outcome, margin: timedelta) -> Simulated:
    """Return what a simulation means for each entry."""
    return Simulated(scenario, outcome, margin, summaries(outcome, margin))


def as_table(found: Simulated) -> str:
    """Return a line for each entry, and the timeline around the first trouble of the first few."""
    outcome = found.outcome
    span = f"{utc(outcome.start)} to {utc(outcome.end)}"
    head = [
        f"{outcome.app}: {span}, on {outcome.transport}, seed {found.scenario.seed}",
        *told(found.scenario),
        *(f"note: {note}" for note in outcome.notes),
    ]
    parts = ["\n".join(head), _table(found) if found.summaries else "beat has no entries"]
    parts += [_block(found, summary) for summary in found.wrong[:SHOWN]]
    if len(found.wrong) > SHOWN:
        names = ", ".join(summary.entry.name for summary in found.wrong[SHOWN:])
        parts.append(f"--entry NAME shows the timeline of another entry: {names}")
    return "\n\n".join(parts) + "\n"


def told(scenario: Scenario) -> list[str]:
    """Return what the simulation did besides letting time pass, a sentence each."""
    lines = ["tasks run as they are" if scenario.real else "tasks do nothing: their bodies are replaced"]
    if scenario.deploy_every:
        lines.append(f"a deploy every {words(scenario.deploy_every)}")
    if scenario.deploy_every or (scenario.outage and scenario.outage_of != "workers"):
        lines.append(f"beat's schedule file is {'lost' if scenario.beat_disk_lost else 'kept'} when beat starts again")
    if scenario.beats > 1:
        lines.append(f"{scenario.beats} beats, each with its own schedule file")
    if scenario.broker_restart:
        lines.append(
            f"the broker restarts at {scenario.broker_restart.begin:%H:%M} each day, and every message is lost"
        )
    if scenario.outage and scenario.outage.end:
        what = {"all": "beats and workers"}.get(scenario.outage_of, scenario.outage_of)
        lines.append(f"{what} are down from {scenario.outage.begin:%H:%M} to {scenario.outage.end:%H:%M} each day")
    lines += [f"each run of {task} takes {words(span)}" for task, span in sorted(scenario.running_time.items())]
    return lines


def as_json(found: Simulated) -> str:
    """Return everything as one object: simulate_schema.json in this package describes it."""
    outcome = found.outcome
    value = {
        "version": 1,
        "app": outcome.app,
        "from": utc(outcome.start),
        "until": utc(outcome.end),
        "zone": name_of(outcome.zone),
        "transport": outcome.transport,
        "seed": found.scenario.seed,
        "margin": found.margin.total_seconds(),
        "scenario": told(found.scenario),
        "notes": list(outcome.notes),
        "wrong": bool(found.wrong),
        "entries": [_object(found, summary) for summary in found.summaries],
    }
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def schema() -> Any:
    """Return the JSON schema of the format `json`."""
    return json.loads(files(__package__).joinpath("simulate_schema.json").read_text("utf-8"))


FORMATS: dict[str, Callable[[Simulated], str]] = {"table": as_table, "json": as_json}


def _table(found: Simulated) -> str:
    rows = [HEADINGS, *(_row(summary) for summary in found.summaries)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows)


def _row(summary: Summary) -> tuple[str, ...]:
    late_by = "-" if summary.late_by is None else words(summary.late_by)
    counts = [late_by if kind == LATE else str(summary.count(kind)) for kind in KINDS]
    return (summary.entry.name, str(len(summary.due)), str(summary.runs), *counts, str(summary.waiting))


def _block(found: Simulated, summary: Summary) -> str:
    records, known = excerpt(found.outcome, summary)
    entry = summary.entry
    lines = [f"{entry.name}: {entry.task}, {pattern(entry.schedule)}"]
    lines += [f"  ! {each}" for each in _troubles(summary)]
    lines += [f"  known cause: {cause}" for cause in known]
    return "\n".join([*lines, table(records, found.outcome.zone)])


def _troubles(summary: Summary) -> list[str]:
    return [
        f"{kind} {summary.count(kind)}, first {utc(summary.troubles[kind][0])}" for kind in KINDS if summary.count(kind)
    ]


def _object(found: Simulated, summary: Summary) -> dict[str, Any]:
    records, known = excerpt(found.outcome, summary) if summary.first else ([], [])
    counts = {kind.replace(" ", "_"): summary.count(kind) for kind in KINDS}
    return {
        "name": summary.entry.name,
        "task": summary.entry.task,
        "pattern": pattern(summary.entry.schedule),
        "due": len(summary.due),
        "sent": summary.sent,
        "runs": summary.runs,
        **counts,
        "late_by": None if summary.late_by is None else summary.late_by.total_seconds(),
        "waiting": summary.waiting,
        "troubles": _troubles(summary),
        "known_causes": known,
        "timeline": table(records, found.outcome.zone).splitlines() if records else [],
    }
