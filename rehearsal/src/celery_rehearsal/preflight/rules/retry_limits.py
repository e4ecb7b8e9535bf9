"""Rules about messages that the broker delivers again, and about failures that lose their kind on the way."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from .. import proofs_of_entries, proofs_of_retries, proofs_of_waits
from ..exceptions import Lost, lost_exceptions
from ..findings import Evidence, Finding, Level
from ..registry import rule
from ..retry_policy import Policy
from ..sources import number
from .schedule_entries import seconds_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..findings import Place
    from ..loaded import LoadedApp
    from ..scripts import Script

VISIBILITY_FIX = "Store the due time in a row and send it when it is due, or raise `visibility_timeout`."


@rule("R008", "wait-beyond-visibility-timeout", Level.ERROR)
def wait_beyond_visibility_timeout(loaded: LoadedApp) -> Iterator[Finding]:
    """A message waits longer than the visibility timeout of Redis or SQS.

    A worker holds a message with a countdown or an ETA unacknowledged until it is due. After the visibility
    timeout, the broker gives it to another worker, again and again. A countdown of five hours runs five times, with
    one id, on Redis. This holds for countdowns, for waits before retries and for `retry_backoff_max`.

    The timeout is an hour on Redis and half an hour on SQS, unless `broker_transport_options` has
    `visibility_timeout`. Preflight does not know that of `predefined_queues`, which kombu does not make.
    """
    timeout = loaded.visibility_timeout
    if timeout is None:
        return
    for wait in (*_retries(loaded, timeout), *_calls(loaded), *_entries(loaded)):
        if wait.seconds > timeout:
            yield Finding(
                f"{wait.what} of {wait.seconds:g} s is beyond the visibility timeout of {timeout:g} s, so it runs "
                "several times",
                VISIBILITY_FIX,
                task=wait.task,
                place=wait.place,
                script=wait.script,
            )


@dataclass(frozen=True)
class _Wait:
    """A message that waits, and the test that shows what becomes of it."""

    task: str
    seconds: float
    what: str
    place: Place | None
    script: Callable[[], Script] | None = None


def _retries(loaded: LoadedApp, timeout: float) -> Iterator[_Wait]:
    what = "the wait before a retry"
    for name, task in loaded.tasks.items():
        policy = Policy(task)
        place = loaded.place_of_task(name)
        script = partial(proofs_of_retries.one_run_for_each_attempt, loaded, policy, timeout)
        yield _Wait(name, max(policy.longest_waits(), default=0.0), what, place, script)
        for call in policy.manual:
            if call.countdown is not None and place is not None:
                yield _Wait(name, call.countdown, what, type(place)(place.path, call.line))


def _calls(loaded: LoadedApp) -> Iterator[_Wait]:
    for sent in loaded.calls:
        seconds = number(sent.keyword("countdown"), sent.module.names, sent.hidden)
        if seconds is not None:
            script = partial(proofs_of_waits.one_run_after, loaded, sent.task.name, seconds)
            yield _Wait(sent.task.name, seconds, "the countdown", sent.place, script)


def _entries(loaded: LoadedApp) -> Iterator[_Wait]:
    for entry in loaded.entries:
        countdown = seconds_of(entry.options.get("countdown"))
        if countdown is not None:
            what = f"the countdown of the entry {entry.name!r}"
            script = partial(proofs_of_entries.one_run_for_each_message, loaded, entry, countdown)
            yield _Wait(entry.task, countdown, what, loaded.place_of_entry(entry.name), script)


@rule("R009", "late-ack-beyond-visibility-timeout", Level.WARNING)
def late_ack_beyond_visibility_timeout(loaded: LoadedApp) -> Iterator[Finding]:
    """A task that is acknowledged late can run longer than the visibility timeout of Redis or SQS.

    Its message stays unacknowledged while it runs. After the visibility timeout, the broker gives it to another
    worker, and the task runs twice at once. How long it can run is its time limit or, where `running_times` declares
    it, how long it takes.
    """
    timeout = loaded.visibility_timeout
    for name, task in loaded.tasks.items():
        takes, (_soft, limit) = loaded.configuration.declared.running_times.get(name), loaded.time_limits(name)
        seconds = min((each for each in (takes and takes.total_seconds(), limit) if each), default=0.0)
        if timeout is not None and task.acks_late and seconds >= timeout:
            how = "can run for" if takes is None else "runs for"
            yield Finding(
                f"it {how} {seconds:g} s, and its message comes back after {timeout:g} s",
                "Raise `visibility_timeout` above this time, or split the work.",
                task=name,
                place=loaded.place_of_task(name),
                script=partial(proofs_of_waits.one_long_run, loaded, name, takes, timeout) if takes else None,
            )


@rule("R010", "poison-message", Level.WARNING)
def poison_message(loaded: LoadedApp) -> Iterator[Finding]:
    """A message whose task kills its worker is delivered again without bound.

    With `acks_late` and `reject_on_worker_lost`, a message whose child dies goes back to the queue. If the task
    itself is the cause, such as one that needs too much memory, it kills one child after another, for ever.
    `retry_on_worker_lost` of Celery 5.7 counts these as retries and stops at `max_retries`. A quorum queue has a
    delivery limit of its own, so tasks on one are left alone.
    """
    for name, task in loaded.tasks.items():
        if task.acks_late and task.reject_on_worker_lost and not _bounded(loaded, name):
            yield Finding(
                "`reject_on_worker_lost` sends its message back each time a child dies, without bound",
                "Use `retry_on_worker_lost` (Celery 5.7), or a queue with a delivery limit.",
                task=name,
                place=loaded.place_of_task(name),
            )


def _bounded(loaded: LoadedApp, name: str) -> bool:
    queue = loaded.declared_queue(loaded.queue_of(name))
    arguments = getattr(queue, "queue_arguments", None) or {}
    return arguments.get("x-queue-type") == "quorum" or "x-delivery-limit" in arguments


@rule("R011", "exception-lost-on-the-wire", Level.WARNING)
def exception_lost_on_the_wire(loaded: LoadedApp) -> Iterator[Finding]:
    """An exception of a task does not survive the way to the result store.

    Python makes an exception again from its `args`. A class whose `__init__` needs more than it passes to
    `super().__init__` cannot be made again: callers of `get()` see another class, and `except` does not catch it.
    Pass every argument to `super().__init__`.

    Preflight makes one of each exception that the task's source raises, or that `autoretry_for` names, and sends it
    through the code of Celery's result backends. It does so only where `__init__` does nothing but assign and call
    `super().__init__`. Any other `__init__` of the application is unknown.
    """
    for name, task in loaded.tasks.items():
        for lost in lost_exceptions(loaded, task):
            yield _lost(loaded, name, lost)


def _lost(loaded: LoadedApp, name: str, lost: Lost) -> Finding:
    ignored = loaded.tasks[name].ignore_result
    return Finding(
        lost.message,
        f"Pass every argument of `{lost.kind.__name__}.__init__` to `super().__init__`."
        if loaded.sources.has(lost.kind)
        else "Catch it in the task, and raise an exception of your own.",
        task=name,
        place=loaded.place_of_task(name),
        level=Level.INFO if ignored else None,
        evidence=Evidence.READ if lost.sure else Evidence.UNKNOWN,
    )
