"""What Celery does with the firings that fall into an outage, as a simulation shows it."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...timeline import table
from ..errors import CannotCheckError
from ..findings import Evidence, Finding, Level, Proof
from ..outages import Window, away, window
from ..proofs import proof_transport
from ..proofs_of_entries import MINUTE
from ..registry import rule
from ..scripts import Script, quoted, span
from ..simulation import Scenario
from ..trials import trial
from .about import about_entry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from ...record import Record
    from ..entries import Entry
    from ..loaded import LoadedApp
    from ..simulation import Outcome

# How many firings preflight simulates for this rule: some seconds.
MOST = 3_000
TOO_MANY = f"preflight simulates {MOST:,} firings of outages: `celery simulate --entry` shows any entry"

# How many lines of the timeline are shown.
LINES = 19


# What becomes of a firing, in the order in which it is told.
FATES = LATE, EXPIRED, ON_TIME, WAITING, UNSENT = ("late", "expired unread", "on time", "waiting", "never sent")


@dataclass(frozen=True)
class _Policy:
    """What became of the firings in an outage, by their fate."""

    counts: Counter[str]
    # How many runs began when it was over, with one that is due just then.
    began: int

    @property
    def due(self) -> int:
        """How many firings fall into the outage."""
        return self.counts.total()

    def __str__(self) -> str:
        return ", ".join(f"{self.counts[fate]} {fate}" for fate in FATES if self.counts[fate])


@rule("S021", "missed-runs", Level.INFO)
def missed_runs(loaded: LoadedApp) -> Iterator[Finding]:
    """What becomes of the runs of an entry that fall into a declared outage.

    Beat goes on sending while workers are away: every message waits and runs late, unless it expires. While beat is
    away, nothing is sent. When it is back with its schedule file, it sends one message for an entry that has become
    due, however often that was; without the file, it sends none. Declare the outage in pyproject.toml:

        [tool.celery-rehearsal.preflight]
        outage = "02:00-03:30"
        outage_of = "workers"

    `outage_of` is workers, beats or all. Preflight simulates the first such outage of the year that a run of the
    entry falls into, and says what becomes of those runs. The printed test passes: it fails where that changes.
    """
    windows: dict[Window, list[Entry]] = defaultdict(list)
    left = MOST
    for entry in loaded.entries:
        found = window(loaded, entry)
        if found is not None and (left := left - _count(loaded, entry, found)) >= 0:
            windows[found].append(entry)
        elif found is not None:
            yield _finding(loaded, entry, f"runs fall into {_outage(loaded)}", None, TOO_MANY)
    for found, entries in windows.items():
        try:
            # Stubs take no time, so the entries do not disturb each other.
            outcome = trial(loaded, entries, found.start, found.over + MINUTE, _scenario(loaded))
        except CannotCheckError as error:
            for entry in entries:
                yield _finding(loaded, entry, f"runs fall into {_outage(loaded)}", None, str(error))
            continue
        for entry in entries:
            policy = _policy(outcome, entry, found)
            noun = "run falls" if policy.due == 1 else "runs fall"
            message = f"{policy.due} {noun} into {_outage(loaded)}: {policy}"
            if policy.due:
                yield _finding(loaded, entry, message, _proof(loaded, entry, found, outcome, policy))


def _count(loaded: LoadedApp, entry: Entry, found: Window) -> int:
    period = loaded.period(entry)
    return (found.over - found.start) // period if period else 1


def _outage(loaded: LoadedApp) -> str:
    declared = loaded.configuration.declared
    what = {"all": "beats and workers"}.get(declared.outage_of, declared.outage_of)
    daily = declared.outage
    return f"the outage of {what} from {daily.begin:%H:%M} to {daily.end:%H:%M}" if daily else "no outage"


def _scenario(loaded: LoadedApp) -> Scenario:
    declared = loaded.configuration.declared
    return Scenario(beat_disk_lost=declared.disk_lost, outage=declared.outage, outage_of=declared.outage_of)


def _policy(outcome: Outcome, entry: Entry, found: Window) -> _Policy:
    due = outcome.due[entry.name]
    sent = [each for each in outcome.records if each.kind == "sent" and each.entry == entry.name]
    own = {each.id for each in sent}
    runs = [each for each in outcome.records if each.kind == "started" and each.id in own]
    begun = {each.id: each.at for each in reversed(runs)}  # where one ran twice, its first run
    # The last firing before a message is the one that it is for.
    fates = {due[max(bisect_right(due, each.at) - 1, 0)]: _fate(each, begun.get(each.id), found.over) for each in sent}
    counts = Counter(fates.get(at, UNSENT) for at in due if found.begin <= at < found.over)
    return _Policy(counts, len({each.id for each in runs if each.at >= found.over}))


def _fate(sent: Record, began: datetime | None, over: datetime) -> str:
    if began is not None:
        return LATE if began >= over else ON_TIME
    return EXPIRED if sent.expires and sent.expires <= over else WAITING


def _proof(loaded: LoadedApp, entry: Entry, found: Window, outcome: Outcome, policy: _Policy) -> Proof:
    own = {each.id for each in outcome.records if each.entry == entry.name}
    near = [each for each in outcome.records if each.at >= found.begin - MINUTE]
    shown = [each for each in near if not each.task or each.entry == entry.name or (each.id and each.id in own)]
    script = Script(
        "S021",
        entry.task,
        f"as many runs of entry {entry.name!r} begin after the outage as preflight has seen",
        found.start,
        (
            *away(loaded, found),
            "over = celery.now",
            f"celery.advance({span(MINUTE)})",
            f'late = [run for run in celery.timeline.of("started", {quoted(entry.task)}) if run.at >= over]',
            f"assert len(late) == {policy.began}",
        ),
        entry.name,
        transport=proof_transport(loaded),
    )
    return Proof(table(shown[-LINES:], outcome.zone), script.text(loaded))


def _finding(
    loaded: LoadedApp, entry: Entry, message: str, proof: Proof | None, unproven: str | None = None
) -> Finding:
    return about_entry(
        loaded,
        entry,
        message,
        "If it should be otherwise: `expires` bounds what waits, and a task can look for the work that was missed.",
        evidence=Evidence.PROVEN if proof else Evidence.UNKNOWN,
        proof=proof,
        unproven=unproven,
    )
