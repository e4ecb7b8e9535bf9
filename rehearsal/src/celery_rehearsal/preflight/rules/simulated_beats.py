"""A rule about several beats, which a simulation and a function of the application decide."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from kombu.utils.imports import symbol_by_name

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
    from collections.abc import Callable, Iterator, Mapping

    from ..entries import Entry
    from ..loaded import LoadedApp
    from ..proofs_of_entries import Opening

# How long after its firing the work of an entry can be done.
LONGEST = timedelta(hours=1)

FIX = "Run one beat, or let the task claim its firing first: a unique row, or a lock that outlives the run."


@rule("S020", "two-beats-without-guard", Level.ERROR)
def two_beats_without_guard(loaded: LoadedApp) -> Iterator[Finding]:
    """Several beats run, and a task does its work once for each of them.

    Each beat sends every entry. Where two run, or where the old one still runs while a deploy starts the new one, each
    firing has two messages. Declare the beats, and a function of the application that counts the work of entries:

        [tool.celery-rehearsal.preflight]
        beats = 2
        effects = "shop.checks:effects"

    The function takes no arguments and returns a dictionary: for an entry's name, how often its work has been done so
    far, such as the number of mails in a test outbox or of rows in a test database. Preflight calls it, simulates one
    firing of each of these entries with so many beats, and calls it again: a firing that counts more than once is an
    error. It runs the real bodies of the tasks for this, and of no other entry. They use what the settings name, so
    run preflight with the settings of the tests.

    Without `effects`, the finding is unknown: each firing has several messages, and a task can be guarded.
    """
    declared = loaded.configuration.declared
    if (declared.beats or 1) == 1 or not loaded.entries:
        return
    if declared.effects is None:
        yield Finding(
            f"{declared.beats} beats send each of the {len(loaded.entries)} entries {declared.beats} times",
            f"{FIX} To see which tasks are guarded, declare `effects`.",
            setting="beat_schedule",
            evidence=Evidence.UNKNOWN,
        )
        return
    effects = _function(declared.effects)
    counted = {entry.name: entry for entry in loaded.entries}
    names = sorted(effects())
    if unknown := sorted(set(names) - set(counted)):
        raise CannotCheckError(f"{declared.effects} counts {', '.join(unknown)}, and there is no such entry")
    for name in names:
        yield from _doubled(loaded, counted[name], effects)


def _function(path: str) -> Callable[[], Mapping[str, int]]:
    try:
        found: Any = symbol_by_name(path)
    except (ImportError, AttributeError) as error:
        raise CannotCheckError(f"effects = {path!r} cannot be imported: {error}") from error
    if not callable(found):
        raise CannotCheckError(f"effects = {path!r} is no function")
    return found  # type: ignore[no-any-return] # what it returns is the application's


def _doubled(loaded: LoadedApp, entry: Entry, effects: Callable[[], Mapping[str, int]]) -> Iterator[Finding]:
    declared = loaded.configuration.declared
    beats = declared.beats or 1
    try:
        first = opening(loaded, entry)
        end = min(first.next, first.fires + LONGEST) - SECOND
        before = effects()[entry.name]
        outcome = trial(loaded, [entry], first.start, end, Scenario(beats=beats, real=True))
        count = effects()[entry.name] - before
    except CannotCheckError as error:
        yield _finding(loaded, entry, f"{beats} beats send each firing {beats} times", unproven=str(error))
        return
    if count > 1:
        summary = summary_of(outcome, entry, timedelta())
        proof = Proof(timeline_of(outcome, summary), _script(loaded, entry, first, end - first.start).text(loaded))
        message = f"with {beats} beats, a simulation did its work {count} times for one firing"
        yield _finding(loaded, entry, message, proof)
    elif count == 0:
        message = f"{beats} beats send each firing {beats} times"
        yield _finding(loaded, entry, message, unproven="a simulation did its work 0 times")


def _finding(
    loaded: LoadedApp, entry: Entry, message: str, proof: Proof | None = None, unproven: str | None = None
) -> Finding:
    evidence = Evidence.PROVEN if proof else Evidence.UNKNOWN
    return about_entry(loaded, entry, message, FIX, evidence=evidence, proof=proof, unproven=unproven)


def _script(loaded: LoadedApp, entry: Entry, first: Opening, length: timedelta) -> Script:
    declared = loaded.configuration.declared
    module, _, function = (declared.effects or "").partition(":")
    name = quoted(entry.name)
    return Script(
        "S020",
        entry.task,
        f"{declared.beats} beats do the work of entry {entry.name!r} once",
        first.start,
        (
            f"before = {function}()[{name}]",
            until(first.start, first.start + length),
            f"assert {function}()[{name}] - before == 1",
        ),
        entry.name,
        options=(f"beats={declared.beats}",),
        imports=(f"from {module} import {function}",),
        real=True,
        transport=proof_transport(loaded),
    )
