"""A rule about how long runs take, which a simulation decides."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ..durations import words
from ..errors import CannotCheckError
from ..findings import Evidence, Finding, Level, Proof
from ..proofs import proof_transport
from ..proofs_of_entries import SECOND, opening
from ..registry import rule
from ..scripts import Script, quoted, until
from ..simulation import Scenario
from ..trials import summary_of, timeline_of, trial
from .about import about_entry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..entries import Entry
    from ..loaded import LoadedApp

# How many firings are simulated.
FIRINGS = 5

FASTER = "Shorten the run, or give the entry a longer period."


@rule("S018", "run-longer-than-period", Level.WARNING)
def run_longer_than_period(loaded: LoadedApp) -> Iterator[Finding]:
    """A run of an entry takes longer than the entry's period.

    Then messages wait for a free slot of a worker, and each begins later than the one before it. With `expires`, some
    expire unread. Declare in pyproject.toml how long runs take and, where it is not in the settings, how many slots
    the workers have (1 otherwise):

        [tool.celery-rehearsal.preflight]
        running_times = { "shop.close" = "2h" }
        concurrency = 4

    Preflight simulates five firings. Where enough slots are free, S019 says that the runs overlap. Without a declared
    time, a task whose own hard time limit is longer than the period is unknown: its runs can take so long.
    """
    times = loaded.configuration.declared.running_times
    for entry in loaded.entries:
        takes, period = times.get(entry.task), loaded.period(entry)
        if takes is not None and period is not None and takes > period:
            yield from _late(loaded, entry, takes, period)
        elif takes is None and period is not None and _limit(loaded, entry) > period:
            yield about_entry(
                loaded,
                entry,
                f"its time limit lets a run take {words(_limit(loaded, entry))}, and the next one is due after "
                f"{words(period)}",
                "Lower the time limit to the period, or declare in `running_times` how long a run takes.",
                evidence=Evidence.UNKNOWN,
            )


def _limit(loaded: LoadedApp, entry: Entry) -> timedelta:
    """The task's own limit. One of the settings says nothing of this task; from Celery 5.7 on, each task has it."""
    own = getattr(loaded.tasks.get(entry.task), "time_limit", None)
    return timedelta(seconds=own if own and own != loaded.conf.task_time_limit else 0)


def _late(loaded: LoadedApp, entry: Entry, takes: timedelta, period: timedelta) -> Iterator[Finding]:
    message = f"each run takes {words(takes)}, and the next one is due after {words(period)}"
    slots = slots_of(loaded)
    proof, unproven = None, None
    try:
        first = opening(loaded, entry)
        end = first.fires + FIRINGS * period - SECOND
        outcome = trial(loaded, [entry], first.start, end, scenario_of(loaded, entry))
        summary = summary_of(outcome, entry, timedelta())
        if not (summary.count("late") or summary.count("expired unread")):
            return
        body = (until(first.start, end), *_in_time(entry))
        proof = Proof(timeline_of(outcome, summary), script_of(loaded, "S018", entry, first.start, body).text(loaded))
        expired, longest = summary.count("expired unread"), summary.late_by
        shown = [f"the longest wait is {words(longest)}"] if longest else []
        shown += [f"{expired} expire unread"] if expired else []
        message += f". In a simulation of {FIRINGS} firings with {slots} slot{'s' * (slots > 1)}, {' and '.join(shown)}"
    except CannotCheckError as error:
        unproven = str(error)
    evidence = Evidence.PROVEN if proof else Evidence.READ
    yield about_entry(loaded, entry, message, FASTER, evidence=evidence, proof=proof, unproven=unproven)


def _in_time(entry: Entry) -> tuple[str, ...]:
    task = quoted(entry.task)
    return (
        f'sent = {{record.id: record.at for record in celery.timeline.of("sent", {task})}}',
        f'started = {{record.id: record.at for record in celery.timeline.of("started", {task})}}',
        "assert started == sent  # each run begins when it is sent",
    )


def slots_of(loaded: LoadedApp) -> int:
    """How many runs a worker has at once: declared, or a setting. One that nobody set depends on the machine."""
    return loaded.configuration.declared.concurrency or loaded.conf.worker_concurrency or 1


def scenario_of(loaded: LoadedApp, entry: Entry, *, outage: bool = False) -> Scenario:
    """How the application is run, as it is declared."""
    declared = loaded.configuration.declared
    return Scenario(
        concurrency=declared.concurrency,
        running_time={entry.task: declared.running_times[entry.task]},
        beat_disk_lost=declared.disk_lost,
        outage=declared.outage if outage else None,
        outage_of=declared.outage_of,
    )


def script_of(loaded: LoadedApp, name: str, entry: Entry, start: datetime, body: tuple[str, ...]) -> Script:
    """The test of S018 or S019."""
    declared = loaded.configuration.declared
    takes = declared.running_times[entry.task].total_seconds()
    options = [f"running_time={{{quoted(entry.task)}: {takes:g}}}"]
    if declared.concurrency is not None:
        options.append(f"concurrency={declared.concurrency}")
    says = {"S018": "begins when it is due", "S019": "has one run at a time"}[name]
    return Script(
        name,
        entry.task,
        f"entry {entry.name!r} {says}",
        start,
        body,
        entry.name,
        options=tuple(options),
        transport=proof_transport(loaded),
    )
