"""Rules about what an entry of beat sends."""

from __future__ import annotations

import inspect
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from celery.beat import BeatLazyFunc
from kombu.exceptions import EncodeError, SerializerNotInstalled
from kombu.serialization import dumps

from .. import proofs_of_entries
from ..findings import Evidence, Finding, Level
from ..registry import rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..entries import Entry
    from ..loaded import LoadedApp

# Shorter than this, runs that wait for a worker pile up during an outage of one night.
PILES_UP = timedelta(hours=1)


@rule("S001", "unknown-task", Level.ERROR)
def unknown_task(loaded: LoadedApp) -> Iterator[Finding]:
    """An entry names a task that the workers do not have.

    Beat sends the name as it is. The worker that receives it logs `Received unregistered task` and discards the
    message, so the entry never runs. It is an error where this application's own tasks use the same queue, because
    their workers receive the message. For another queue it is unknown: another application can have the task.
    """
    own_queues = {loaded.queue_of(name) for name in loaded.tasks}
    for entry in loaded.entries:
        if entry.task in loaded.app.tasks:
            continue
        queue = loaded.queue_of(entry.task, entry.options)
        sure = queue is not None and queue in own_queues
        yield Finding(
            f"no task of this application is named {entry.task!r}, and the message goes to the queue {queue!r}",
            "Correct the name, or import the module of the task (`include`, `autodiscover_tasks`).",
            entry=entry.name,
            place=loaded.place_of_entry(entry.name),
            evidence=Evidence.READ if sure else Evidence.UNKNOWN,
            script=partial(proofs_of_entries.runs, loaded, "S001", entry) if sure else None,
        )


@rule("S002", "arguments-do-not-fit", Level.ERROR)
def arguments_do_not_fit(loaded: LoadedApp) -> Iterator[Finding]:
    """The arguments of an entry do not fit the signature of its task.

    With Celery's `typing`, which is on, beat fails to send the message: it logs `TypeError` at each due time, and
    no worker hears of it. Without `typing`, each run fails. Preflight calls the check that `apply_async` calls.
    """
    for entry in loaded.entries:
        task = loaded.tasks.get(entry.task)
        if task is None:
            continue
        check = getattr(task, "__header__", None) or inspect.signature(getattr(task, "_orig_run", task.run)).bind
        try:
            check(*entry.args, **entry.kwargs)
        except TypeError as error:
            yield Finding(
                f"the arguments do not fit the task {entry.task!r}: {error}",
                "Correct `args` and `kwargs` of the entry, or the signature of the task.",
                entry=entry.name,
                task=entry.task,
                place=loaded.place_of_entry(entry.name),
                script=partial(proofs_of_entries.runs, loaded, "S002", entry),
            )


@rule("S003", "arguments-do-not-serialise", Level.ERROR)
def arguments_do_not_serialise(loaded: LoadedApp) -> Iterator[Finding]:
    """The arguments of an entry cannot be written in the serialiser of the message.

    Beat logs `EncodeError` at each due time and sends nothing. Preflight calls kombu's serialiser, the one that the
    entry's options, the task or `task_serializer` names. Where an argument is a `BeatLazyFunc`, its value is made
    at each due time, so it is unknown.
    """
    for entry in loaded.entries:
        found = _serialises(loaded, entry)
        if found is not None:
            message, evidence = found
            yield Finding(
                message,
                "Send ids, numbers and strings, and look objects up in the task.",
                entry=entry.name,
                task=entry.task,
                place=loaded.place_of_entry(entry.name),
                evidence=evidence,
                script=None if evidence is Evidence.UNKNOWN else partial(proofs_of_entries.runs, loaded, "S003", entry),
            )


def _serialises(loaded: LoadedApp, entry: Entry) -> tuple[str, Evidence] | None:
    serializer = serializer_of(loaded, entry)
    if any(isinstance(value, BeatLazyFunc) for value in (*entry.args, *entry.kwargs.values())):
        return "an argument is a BeatLazyFunc, whose value preflight does not compute", Evidence.UNKNOWN
    try:
        dumps((entry.args, entry.kwargs, {}), serializer)
    except (EncodeError, SerializerNotInstalled) as error:
        return f"the arguments cannot be written as {serializer}: {error}", Evidence.READ
    return None


def serializer_of(loaded: LoadedApp, entry: Entry) -> str:
    """The serialiser of the entry's message, as Celery chooses it."""
    task = loaded.tasks.get(entry.task)
    own = getattr(task, "serializer", None)
    return str(entry.options.get("serializer") or own or loaded.conf.task_serializer)


def seconds_of(expires: Any) -> float | None:
    """The seconds of a relative expiry, or None for none and for an instant."""
    if isinstance(expires, timedelta):
        return expires.total_seconds()
    return float(expires) if isinstance(expires, (int, float)) and not isinstance(expires, bool) else None


def expiry_of(loaded: LoadedApp, entry: Entry) -> Any:
    """The expiry that the entry's message gets: the entry's own, or the task's."""
    own = entry.options.get("expires", entry.options.get("expire_seconds"))
    return own if own is not None else getattr(loaded.tasks.get(entry.task), "expires", None)


@rule("S004", "no-expiry", Level.INFO)
def no_expiry(loaded: LoadedApp) -> Iterator[Finding]:
    """An entry that runs at least once an hour has no `expires`.

    While no worker runs, beat goes on sending. After the outage, the workers run every message that waits, one
    after the other, before newer work. If one run does the work of all of them, set `expires` to the entry's
    period.
    """
    for entry in loaded.entries:
        period = loaded.period(entry)
        if period is not None and period <= PILES_UP and expiry_of(loaded, entry) is None:
            every = f"{period.total_seconds():g}"
            yield Finding(
                f"it runs every {every} s and has no `expires`: its messages pile up while no worker runs",
                f"Add `options={{'expires': {every}}}` if one run does the work of all.",
                entry=entry.name,
                task=entry.task,
                place=loaded.place_of_entry(entry.name),
            )


@rule("S005", "expiry-longer-than-period", Level.WARNING)
def expiry_longer_than_period(loaded: LoadedApp) -> Iterator[Finding]:
    """The `expires` of an entry is longer than its period.

    Then several messages of the entry can wait at once, and the workers run all of them. An expiry equal to the
    period leaves at most one.
    """
    for entry in loaded.entries:
        period, expires = loaded.period(entry), seconds_of(expiry_of(loaded, entry))
        if period is not None and expires is not None and expires > period.total_seconds():
            yield Finding(
                f"its messages expire after {expires:g} s, and the next one comes after {period.total_seconds():g} s",
                "Set `expires` to the period or less.",
                entry=entry.name,
                task=entry.task,
                place=loaded.place_of_entry(entry.name),
                script=partial(proofs_of_entries.one_run_waits, loaded, entry),
            )


@rule("S006", "dropped-by-database-scheduler", Level.ERROR)
def dropped_by_database_scheduler(loaded: LoadedApp) -> Iterator[Finding]:
    """The database scheduler drops an option of an entry.

    django-celery-beat stores only the options that its table has: `queue`, `exchange`, `routing_key`, `priority`,
    `headers` and `expire_seconds`. It drops `expires`, `countdown` and the others without a warning (its issue
    280). Give `expire_seconds` as well as `expires`: each scheduler reads one of them. Preflight asks the
    scheduler's own code what is left.
    """
    unpack = getattr(getattr(loaded.scheduler, "Entry", None), "_unpack_options", None)
    if unpack is None:
        return
    for entry in (each for each in loaded.entries if not each.stored):
        kept = {name for name, value in unpack(**entry.options).items() if value is not None}
        dropped = sorted(set(entry.options) - kept - ({"expires"} if "expire_seconds" in kept else set()))
        for option in dropped:
            right = "`expire_seconds`, in addition to `expires`" if option == "expires" else "an option of the task"
            yield Finding(
                f"{loaded.conf.beat_scheduler} drops the option `{option}`",
                f"Use {right}.",
                entry=entry.name,
                task=entry.task,
                place=loaded.place_of_entry(entry.name),
            )


@rule("S016", "already-expired", Level.ERROR)
def already_expired(loaded: LoadedApp) -> Iterator[Finding]:
    """The `expires` of an entry is a fixed instant, or not positive.

    A `datetime` in `options` is made once, when the settings are loaded. After it, every message of the entry has
    expired before a worker reads it. Give seconds. In a row of django-celery-beat, an instant ends the entry.
    """
    for entry in loaded.entries:
        expires = expiry_of(loaded, entry)
        seconds = seconds_of(expires)
        if entry.stored and seconds is None:
            continue
        if isinstance(expires, datetime) or (seconds is not None and seconds <= 0):
            yield Finding(
                f"its messages expire at {expires.isoformat()}" if isinstance(expires, datetime)
                else f"its messages expire after {seconds:g} s, before a worker can read them",
                "Give a number of seconds greater than 0.",
                entry=entry.name,
                task=entry.task,
                place=loaded.place_of_entry(entry.name),
                script=None if seconds is None else partial(proofs_of_entries.runs, loaded, "S016", entry),
            )  # fmt: skip
