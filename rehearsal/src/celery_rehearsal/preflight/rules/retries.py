"""Rules about how often, how long and with which waits tasks retry."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import partial
from typing import TYPE_CHECKING

from .. import proofs_of_retries
from ..findings import Finding, Level
from ..registry import rule
from ..retry_policy import Policy
from .schedule_entries import expiry_of, seconds_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..entries import Entry
    from ..loaded import LoadedApp


def _entries(loaded: LoadedApp) -> Iterator[tuple[Entry, Policy]]:
    """Each entry whose task retries."""
    for entry in loaded.entries:
        task = loaded.tasks.get(entry.task)
        if task is not None and Policy(task).retries:
            yield entry, Policy(task)


@rule("R001", "budget-longer-than-expiry", Level.WARNING)
def budget_longer_than_expiry(loaded: LoadedApp) -> Iterator[Finding]:
    """The retries of an entry's task last longer than its messages are valid.

    A retry keeps the absolute expiry of the first message. A retry that is due later is revoked: the task ends as
    REVOKED, without `on_failure` and without an errback. The budget is the sum of the longest waits, without the
    time that the runs take.
    """
    for entry, policy in _entries(loaded):
        expires, budget = seconds_of(expiry_of(loaded, entry)), policy.budget()
        if expires is None or budget is None or budget <= expires or _first_too_late(policy, expires):
            continue
        yield Finding(
            f"its retries last up to {budget:g} s, and its messages expire after {expires:g} s",
            "Give fewer retries or shorter waits, or a longer `expires`.",
            entry=entry.name,
            task=entry.task,
            place=loaded.place_of_task(entry.task),
            script=partial(proofs_of_retries.last_retry, loaded, entry, policy, budget),
        )


def _first_too_late(policy: Policy, expires: float) -> bool:
    first = policy.first_wait()
    return first is not None and first >= expires and policy.max_retries != 0


@rule("R002", "retry-after-expiry", Level.ERROR)
def retry_after_expiry(loaded: LoadedApp) -> Iterator[Finding]:
    """The first retry of an entry's task is due after its message has expired.

    A retry keeps the absolute expiry of the first message, so no retry ever runs: the task ends as REVOKED. The
    default wait before a retry is 180 seconds.
    """
    for entry, policy in _entries(loaded):
        expires = seconds_of(expiry_of(loaded, entry))
        if expires is not None and _first_too_late(policy, expires):
            yield Finding(
                f"its first retry waits {policy.first_wait():g} s, and its message expires after {expires:g} s",
                "Wait less before the first retry, or give a longer `expires`.",
                entry=entry.name,
                task=entry.task,
                place=loaded.place_of_task(entry.task),
                script=partial(proofs_of_retries.first_retry, loaded, entry, policy),
            )


@rule("R003", "budget-longer-than-period", Level.WARNING)
def budget_longer_than_period(loaded: LoadedApp) -> Iterator[Finding]:
    """The retries of an entry's task last longer than the entry's period.

    A run that still retries meets the next run of the same entry. If the cause lasts, such as a service that is
    down, more and more runs retry at once.
    """
    for entry, policy in _entries(loaded):
        period, budget, expires = loaded.period(entry), policy.budget(), seconds_of(expiry_of(loaded, entry))
        if period is None or budget is None or (expires is not None and expires <= period.total_seconds()):
            continue
        if budget > period.total_seconds():
            yield Finding(
                f"its retries last up to {budget:g} s, and the next run comes after {period.total_seconds():g} s",
                "Give fewer retries or shorter waits, or an `expires` of one period.",
                entry=entry.name,
                task=entry.task,
                place=loaded.place_of_task(entry.task),
                script=partial(proofs_of_retries.gives_up_in_time, loaded, entry, policy),
            )


@rule("R004", "unbounded-retries", Level.WARNING)
def unbounded_retries(loaded: LoadedApp) -> Iterator[Finding]:
    """A task retries for ever.

    With `max_retries=None`, a message that can never succeed comes back without end. Give a bound, and decide what
    happens after it.
    """
    for name, task in loaded.tasks.items():
        policy = Policy(task)
        manual = any(call.max_retries is None for call in policy.manual) and task.max_retries is None
        if (policy.automatic and policy.max_retries is None) or manual:
            yield Finding(
                "`max_retries` is None and the task retries, so it never gives up",
                "Give `max_retries` a number.",
                task=name,
                place=loaded.place_of_task(name),
            )


@rule("R005", "no-jitter", Level.INFO)
def no_jitter(loaded: LoadedApp) -> Iterator[Finding]:
    """A task backs off without jitter.

    When a service fails, all messages that failed at one moment come back at one moment, after each wait. Jitter
    spreads them.
    """
    for name, task in loaded.tasks.items():
        policy = Policy(task)
        if policy.automatic and policy.backoff and not policy.jitter:
            yield Finding(
                "`retry_jitter` is off, so messages that fail together come back together",
                "Leave out `retry_jitter=False`.",
                task=name,
                place=loaded.place_of_task(name),
            )


@rule("R006", "autoretry-without-retries", Level.ERROR)
def autoretry_without_retries(loaded: LoadedApp) -> Iterator[Finding]:
    """A task has `autoretry_for` and no retries.

    With `max_retries=0`, Celery raises the exception at the first failure, so `autoretry_for` does nothing.
    """
    for name, task in loaded.tasks.items():
        policy = Policy(task)
        if policy.automatic and policy.max_retries == 0:
            yield Finding(
                "it has `autoretry_for`, and `max_retries` is 0",
                "Give `max_retries` a number greater than 0, or remove `autoretry_for`.",
                task=name,
                place=loaded.place_of_task(name),
                script=partial(proofs_of_retries.second_attempt, loaded, policy),
            )


@rule("R007", "budget-shorter-than-outage", Level.WARNING)
def budget_shorter_than_outage(loaded: LoadedApp) -> Iterator[Finding]:
    """The retries of a task end before a declared outage does.

    Declare in pyproject.toml how long a service that tasks call can be away:

        [[tool.celery-rehearsal.preflight.outages]]
        task = "shop.mail.*"
        seconds = 60

    A task that gives up earlier loses its work in each such outage. With jitter, the waits can be much shorter than
    the budget. A simulation draws them from a fixed seed.
    """
    for outage in loaded.configuration.outages:
        for name, task in loaded.tasks.items():
            policy = Policy(task)
            budget = policy.budget() if policy.retries else 0.0
            if fnmatchcase(name, outage.task) and budget is not None and budget < outage.seconds:
                yield Finding(
                    f"its retries end after {budget:g} s at most, and the declared outage lasts {outage.seconds:g} s",
                    "Give more retries or longer waits.",
                    task=name,
                    place=loaded.place_of_task(name),
                    script=partial(proofs_of_retries.outlasts, loaded, policy, outage.seconds),
                )
