"""Proof of a finding by simulation: the test that is printed is the simulation."""

from __future__ import annotations

import logging
import traceback
import warnings
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .. import assertions, cluster, extras
from ..errors import NotSimulatedError
from ..excerpt import around
from ..patching import Undo, swap_contents, swap_item
from ..timeline import table
from ..transports import transport_of
from .errors import CannotCheckError
from .findings import Evidence, Proof
from .handlers import leave_out
from .scripts import FIXTURE
from .simulation import FAKEREDIS, NO_REDIS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import ExitStack

    from ..record import Record
    from ..timeline import Timeline
    from .findings import Finding
    from .loaded import LoadedApp
    from .scripts import Script

# A store of another scheduler is a server, or a database that a simulation would write to.
CELERYS_OWN = "celery.beat"

# How many findings of one rule are simulated: the others have the same fault.
MOST = 10

# The file name of a test that runs here.
TEST = "<the test of a finding>"

# Of records that concern every task, such as a worker's start.
EVERYBODY = ""

# What shows that a message fared badly.
TROUBLES = {"expired", "redelivered", "rejected"}


def proved(loaded: LoadedApp, findings: list[Finding]) -> list[Finding]:
    """Run the tests of findings. One whose test fails by its assertion is proven; the others say why they are not."""
    simulated = Counter[str]()
    result = []
    for each in findings:
        simulated[each.rule] += each.script is not None
        result.append(each if each.script is None else _proved(loaded, each, simulated[each.rule]))
    return result


def _proved(loaded: LoadedApp, finding: Finding, number: int) -> Finding:
    if number > MOST:
        return replace(finding, unproven=f"preflight simulates the first {MOST} findings of a rule")
    try:
        shown = _run(loaded, finding.script()) if finding.script else None
    except Exception as error:  # the kit's refusals, and the application's own signal receivers and task classes
        return replace(finding, unproven=_reason(error))
    if shown is None:
        return replace(finding, unproven="a simulation did not show it")
    proof, runs = shown
    counted = f". A simulation ran one message {runs} times" if runs > 1 else ""
    return replace(finding, evidence=Evidence.PROVEN, proof=proof, message=finding.message + counted)


def proof_transport(loaded: LoadedApp, *, redelivers: bool = False) -> str:
    """The transport that stands for the application's broker. Raises CannotCheckError, NotSimulatedError."""
    if not loaded.configuration.declared.simulate:
        raise CannotCheckError("pyproject.toml says `simulate = false`")
    found = transport_of(loaded.app)
    if found == FAKEREDIS and extras.missing("redis"):
        if redelivers:
            raise CannotCheckError(NO_REDIS)
        return "memory"
    return found


def refuse_scheduler(loaded: LoadedApp) -> None:
    """Raise NotSimulatedError where the entries are in a store that is not beat's file."""
    scheduler = loaded.scheduler
    if scheduler is None or scheduler.__module__ != CELERYS_OWN:
        raise NotSimulatedError(f"the scheduler {loaded.conf.beat_scheduler} keeps its entries in a store of its own")


def _run(loaded: LoadedApp, script: Script) -> tuple[Proof, int] | None:
    """Run a test. Return its proof and how often one attempt ran, or None where the test passes."""
    if script.entry is not None:
        refuse_scheduler(loaded)
    text = script.text(loaded)
    names: dict[str, Any] = {}
    # Its assertions count under `python -O`, too.
    exec(compile(text, TEST, "exec", optimize=0), names)  # noqa: S102 - of this package
    test = names[script.function]
    given = {FIXTURE: loaded.app} if FIXTURE in test.__code__.co_varnames else {}
    with apart(loaded.app) as undo:
        if not script.real:
            leave_out(undo)
        try:
            test(**given)
        except AssertionError as error:
            if not _is_of_test(error):
                raise
            timeline = cluster.last[0].timeline
            lines, runs = _shown(script, timeline)
            if (not script.shows or timeline.of(script.shows, script.task)) and (runs > 1 or not script.doubles):
                return Proof(lines, text), runs
    return None


@contextmanager
def apart(app: Any) -> Iterator[ExitStack]:
    """Let a simulation make what the application makes when it is first used, and take it back.

    The log and the warnings of beat and worker are dropped: the timeline has what happens.
    """
    with Undo() as undo, warnings.catch_warnings():
        swap_contents(undo, vars(app))
        swap_item(undo, vars(app.conf), "_observers", list(vars(app.conf)["_observers"]))
        undo.callback(cluster.last.__setitem__, slice(None), list(cluster.last))
        undo.callback(logging.disable, logging.root.manager.disable)
        logging.disable(logging.CRITICAL)
        warnings.simplefilter("ignore")
        yield undo


def _is_of_test(error: AssertionError) -> bool:
    """Tell whether the test or the kit's assertions raised it, and no code of the application."""
    innermost = list(traceback.walk_tb(error.__traceback__))[-1][0]
    return innermost.f_code.co_filename in {TEST, assertions.__file__}


def _shown(script: Script, timeline: Timeline) -> tuple[str, int]:
    """The last lines about the task, or about its first message that fared badly; how often an attempt ran at most."""
    own = [each for each in timeline if each.task in (script.task, EVERYBODY) and not _opens(script, each)]
    bad = next((each.id for each in own if each.kind in TROUBLES), None)
    shown = [each for each in own if bad is None or each.id == bad]
    runs = Counter((each.id, each.attempt) for each in own if each.kind == "started")
    return table(around(shown), timeline.zone), max(runs.values(), default=0)


def _opens(script: Script, record: Record) -> bool:
    """Tell whether the record is of beat's start with one entry."""
    return record.at == script.start and record.kind in ("beat stopped", "beat started")


def _reason(error: Exception) -> str:
    words = str(error).partition("\n")[0]
    return words if isinstance(error, (CannotCheckError, NotSimulatedError)) else f"{type(error).__name__}: {words}"
