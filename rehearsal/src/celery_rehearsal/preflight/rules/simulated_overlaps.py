"""A rule about runs that overlap, which a simulation decides."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from ..durations import words
from ..errors import CannotCheckError
from ..findings import Evidence, Finding, Level, Proof
from ..outages import away, window
from ..proofs_of_entries import MINUTE, SECOND, opening
from ..registry import rule
from ..scripts import quoted, until
from ..trials import summary_of, timeline_of, trial
from .about import about_entry
from .simulated_runs import FIRINGS, scenario_of, script_of, slots_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..entries import Entry
    from ..loaded import LoadedApp


@rule("S019", "runs-overlap", Level.WARNING)
def runs_overlap(loaded: LoadedApp) -> Iterator[Finding]:
    """A run of an entry begins while another run of it is under way.

    Two runs that read and write the same rows do work twice, or undo each other's. Runs overlap where one takes
    longer than the period, and where messages have piled up during an outage of the workers: all of them then begin
    at once. Declare `running_times`, `concurrency` (the workers' slots, 1 without it and without the setting
    `worker_concurrency`) and, for the second case, `outage = "02:00-03:30"`. Preflight simulates both.

    A lock or a row that says that a run is under way makes this harmless; suppress the finding with that reason.
    """
    if slots_of(loaded) == 1:
        return
    for entry in loaded.entries:
        takes, period = loaded.configuration.declared.running_times.get(entry.task), loaded.period(entry)
        if takes is None or period is None:
            continue
        try:
            yield from _overlap(loaded, entry, takes, period)
        except CannotCheckError as error:
            evidence = Evidence.READ if takes > period else Evidence.UNKNOWN
            yield _overlapping(loaded, entry, f"each run takes {words(takes)}", evidence, unproven=str(error))


def _overlap(loaded: LoadedApp, entry: Entry, takes: timedelta, period: timedelta) -> Iterator[Finding]:
    body: tuple[str, ...]
    if takes > period:
        first = opening(loaded, entry)
        end = first.fires + FIRINGS * period - SECOND
        start, body, scenario = first.start, (until(first.start, end),), scenario_of(loaded, entry)
    else:
        declared, found = loaded.configuration.declared, window(loaded, entry)
        if found is None or declared.outage_of == "beats":
            return
        start, end = found.start, found.over + MINUTE
        body = (*away(loaded, found), "celery.advance(minutes=1)")
        scenario = scenario_of(loaded, entry, outage=True)
    outcome = trial(loaded, [entry], start, end, scenario)
    summary = summary_of(outcome, entry, timedelta())
    if count := summary.count("overlaps"):
        test = script_of(loaded, "S019", entry, start, (*body, *_one_at_a_time(entry))).text(loaded)
        after = "" if takes > period else " after the declared outage"
        yield _overlapping(
            loaded,
            entry,
            f"each run takes {words(takes)}: in a simulation with {slots_of(loaded)} slots, {count} "
            f"{'runs begin' if count > 1 else 'run begins'} while another is under way{after}",
            Evidence.PROVEN,
            proof=Proof(timeline_of(outcome, summary), test),
        )


def _overlapping(
    loaded: LoadedApp,
    entry: Entry,
    message: str,
    evidence: Evidence,
    *,
    proof: Proof | None = None,
    unproven: str | None = None,
) -> Finding:
    return about_entry(
        loaded,
        entry,
        message,
        "Let a run end before the next one, give `expires` of a period, or guard the task by a lock.",
        evidence=evidence,
        proof=proof,
        unproven=unproven,
    )


def _one_at_a_time(entry: Entry) -> tuple[str, ...]:
    return (
        "running = 0",
        "for record in celery.timeline:",
        '    if record.kind == "worker lost":',
        "        running = 0",
        f"    elif record.task == {quoted(entry.task)}:",
        '        running += {"started": 1, "succeeded": -1, "failed": -1}.get(record.kind, 0)',
        "        assert running <= 1",
    )
