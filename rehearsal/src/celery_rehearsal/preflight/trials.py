"""Simulations of a few of an application's entries, as pyproject.toml declares that it is run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..containers import keep_settings
from ..errors import TestkitError
from ..timeline import table
from .errors import CannotCheckError
from .proofs import apart, proof_transport, refuse_scheduler
from .simulation import simulate
from .simulation_summary import excerpt, summaries

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime, timedelta

    from .entries import Entry
    from .loaded import LoadedApp
    from .simulation import Outcome, Scenario
    from .simulation_summary import Summary


def trial(loaded: LoadedApp, entries: Iterable[Entry], start: datetime, end: datetime, scenario: Scenario) -> Outcome:
    """Simulate these entries alone. The application is then as before.

    Raises CannotCheckError where this cannot be simulated; the message says why.
    """
    names = [entry.name for entry in entries]
    try:
        transport = proof_transport(loaded)
        refuse_scheduler(loaded)
        with apart(loaded.app) as undo:
            conf: Any = loaded.conf
            keep_settings(undo, conf)
            declared = conf.beat_schedule
            # Without `result_expires`, beat adds no entry of its own.
            conf.update(beat_schedule={name: declared[name] for name in names}, result_expires=None)
            return simulate(loaded.app, start, end, replace(scenario, transport=transport), tuple(names))
    except TestkitError as error:
        raise CannotCheckError(str(error).partition("\n")[0]) from error
    except Exception as error:
        # Receivers of signals and task classes of the application, which can raise anything.
        raise CannotCheckError(f"{type(error).__name__}: {error}") from error


def summary_of(outcome: Outcome, entry: Entry, margin: timedelta) -> Summary:
    """What the simulation says of one entry."""
    return next(each for each in summaries(outcome, margin) if each.entry.name == entry.name)


def timeline_of(outcome: Outcome, summary: Summary) -> str:
    """The lines around the first trouble of an entry."""
    records, _causes = excerpt(outcome, summary)
    return table(records, outcome.zone)
