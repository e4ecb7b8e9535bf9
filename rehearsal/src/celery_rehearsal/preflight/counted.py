"""The simulation of `celery preflight --against`: what both sides count of each entry, and where they differ."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ..errors import TestkitError
from .errors import CannotCheckError
from .zones import changes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo
    from pathlib import Path

    from .simulation import Scenario
    from .simulation_summary import Summary

YEAR = timedelta(days=366)

# A run that begins later after its firing than this is late, as in `celery simulate`.
MARGIN = timedelta(minutes=5)


@dataclass(frozen=True)
class Counted:
    """An entry whose simulations differ: by word, such as "runs", how many here and how many there."""

    entry: str
    counts: dict[str, tuple[int, int]]

    def __str__(self) -> str:
        return ", ".join(f"{here:,} {word} instead of {there:,}" for word, (here, there) in self.counts.items())


def begin(zone: tzinfo, start: datetime, days: int) -> datetime:
    """Return when to begin: so that the next change of the zone's clocks is in the middle, and not before `start`."""
    following = changes(zone, start, start + YEAR)
    if not following:
        return start
    at = following[0].at - timedelta(days=days) / 2
    return max(at.replace(hour=0, minute=0, second=0, microsecond=0), start)


def counted(app: Any, start: datetime, days: int, folder: Path) -> dict[str, Any]:
    """Run the application's beat and a worker, and return the counts of each entry; or why it cannot be simulated.

    The pyproject.toml of the folder declares how the application is run.
    """
    from .simulation import simulate
    from .simulation_summary import summaries
    from .suppressions import ConfigurationError

    try:
        outcome = simulate(app, start, start + timedelta(days=days), _scenario(folder))
    except (TestkitError, ConfigurationError) as error:
        return {"failure": str(error)}
    found = summaries(outcome, MARGIN)
    return {"transport": outcome.transport, "entries": {each.entry.name: _counts(each) for each in found}}


def _scenario(folder: Path) -> Scenario:
    from .simulation import Scenario
    from .suppressions import read_declared
    from .untouched import DECLARED

    declared = read_declared(folder)
    if not declared.simulate:
        raise CannotCheckError("pyproject.toml says `simulate = false`")
    return Scenario(
        deploy_every=declared.deploy_every,
        beat_disk_lost=declared.disk_lost,
        beats=declared.beats or 1,
        concurrency=declared.concurrency,
        outage=declared.outage,
        outage_of=declared.outage_of,
        running_time=declared.running_times,
        scheduler=DECLARED,
    )


def _counts(summary: Summary) -> dict[str, int]:
    from .simulation_summary import KINDS

    found = {"messages": summary.sent, "runs": summary.runs, "waiting": summary.waiting}
    return found | {kind: summary.count(kind) for kind in KINDS}


def differences(here: dict[str, Any], there: dict[str, Any], against: str) -> tuple[tuple[Counted, ...], list[str]]:
    """Return the entries that both sides have and whose counts differ, by name; and what could not be compared."""
    failures = list(_failures(here, there, against))
    if failures:
        return (), failures
    ours, theirs = here["entries"], there["entries"]
    found = (Counted(name, _differing(ours[name], theirs[name])) for name in sorted(ours.keys() & theirs))
    return tuple(each for each in found if each.counts), []


def _differing(here: dict[str, int], there: dict[str, int]) -> dict[str, tuple[int, int]]:
    return {word: (count, there[word]) for word, count in here.items() if count != there[word]}


def _failures(here: dict[str, Any], there: dict[str, Any], against: str) -> Iterator[str]:
    for told, where in ((here, "here"), (there, f"with {against}")):
        if "failure" in told:
            yield f"{where}, the simulation: {told['failure']}"
    if "failure" not in here | there and here["transport"] != there["transport"]:
        yield (
            f"the simulation runs on {here['transport']} here and on {there['transport']} with {against}, and brokers "
            "differ. Install the kit's extra redis on both sides"
        )
