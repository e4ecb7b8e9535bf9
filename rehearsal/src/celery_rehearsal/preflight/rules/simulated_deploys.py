"""A rule about intervals and deploys, which a simulation decides."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from ..durations import words
from ..errors import CannotCheckError
from ..findings import Evidence, Finding, Level, Proof
from ..proofs import proof_transport
from ..proofs_of_entries import interval
from ..registry import rule
from ..scripts import Script, quoted, span
from ..simulation import Scenario
from ..trials import summary_of, timeline_of, trial
from .about import about_entry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..entries import Entry
    from ..loaded import LoadedApp
    from ..simulation import Outcome
    from ..simulation_summary import Summary

# As many runs as a daily entry has in a month, as long as this takes no more deploys; and no fewer than two runs.
RUNS, FEWEST_RUNS = 30, 2
DEPLOYS, MOST_DEPLOYS = 60, 200

FIX = "Use a crontab, or keep beat's schedule file on a disk that survives deploys."


@rule("S017", "interval-longer-than-deploys", Level.ERROR)
def interval_longer_than_deploys(loaded: LoadedApp) -> Iterator[Finding]:
    """An interval is longer than the time between deploys, and beat's schedule file does not survive them.

    An interval counts from beat's start. With a deploy every 12 hours and a file that is lost in each, an interval of
    a day never ends: the entry never runs. Declare in pyproject.toml how the application is deployed:

        [tool.celery-rehearsal.preflight]
        deploy_every = "12h"
        beat_disk = "lost"

    Preflight then simulates these deploys. Where `beat_disk` is not declared, the finding is unknown. Without
    `deploy_every`, preflight does not look for it.
    """
    declared = loaded.configuration.declared
    every = declared.deploy_every
    concerned = [entry for entry in loaded.entries if every is not None and interval(entry) >= every]
    if every is None or not concerned or declared.beat_disk == "kept":
        return
    if declared.beat_disk is None:
        for entry in concerned:
            yield _unknown(loaded, entry, every, "pyproject.toml does not declare `beat_disk`")
        return
    counts = sorted({_deploys(entry, every) for entry in concerned})
    for count in counts:
        entries = [entry for entry in concerned if _deploys(entry, every) == count]
        try:
            yield from _simulated(loaded, entries, every, count)
        except CannotCheckError as error:
            for entry in entries:
                yield _unknown(loaded, entry, every, str(error))


def _deploys(entry: Entry, every: timedelta) -> int:
    """How many deploys are simulated."""
    wanted = min(RUNS * interval(entry), DEPLOYS * every)
    return -(-max(wanted, FEWEST_RUNS * interval(entry)) // every)


def _simulated(loaded: LoadedApp, entries: list[Entry], every: timedelta, count: int) -> Iterator[Finding]:
    if count > MOST_DEPLOYS:
        raise CannotCheckError(f"two runs take {count} deploys: `celery simulate` has the time")
    scenario = Scenario(deploy_every=every, beat_disk_lost=True)
    outcome = trial(loaded, entries, loaded.start, loaded.start + count * every, scenario)
    for entry in entries:
        summary = summary_of(outcome, entry, timedelta())
        if not summary.runs:
            yield _proven(loaded, entry, every, outcome, summary)


def _proven(loaded: LoadedApp, entry: Entry, every: timedelta, outcome: Outcome, summary: Summary) -> Finding:
    return about_entry(
        loaded,
        entry,
        f"{_words(entry, every)}, so it never runs: in a simulation, {summary.runs} of {len(summary.due)} runs "
        f"in {words(outcome.end - outcome.start)}",
        FIX,
        evidence=Evidence.PROVEN,
        proof=Proof(timeline_of(outcome, summary), _test(loaded, entry, every, outcome).text(loaded)),
    )


def _unknown(loaded: LoadedApp, entry: Entry, every: timedelta, why: str) -> Finding:
    return about_entry(
        loaded,
        entry,
        f"{_words(entry, every)}: if beat's schedule file does not survive a deploy, it never runs",
        FIX,
        evidence=Evidence.UNKNOWN,
        unproven=why,
    )


def _words(entry: Entry, every: timedelta) -> str:
    return f"its interval is {words(interval(entry))}, and a deploy comes every {words(every)}"


def _test(loaded: LoadedApp, entry: Entry, every: timedelta, outcome: Outcome) -> Script:
    count = (outcome.end - outcome.start) // every
    return Script(
        "S017",
        entry.task,
        f"entry {entry.name!r} runs though each deploy loses beat's schedule file",
        outcome.start,
        (
            f"for _deploy in range({count}):",
            f"    celery.advance({span(every)})",
            "    celery.deploy(fresh=True)",
            f"celery.assert_ran({quoted(entry.task)})",
        ),
        entry.name,
        transport=proof_transport(loaded),
    )
