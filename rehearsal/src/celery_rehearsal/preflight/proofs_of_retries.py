"""Tests that show what retries do: their tasks fail, by the first exception that `autoretry_for` names."""

from __future__ import annotations

import builtins
from datetime import timedelta
from itertools import accumulate
from typing import TYPE_CHECKING

from .errors import CannotCheckError
from .proofs import proof_transport
from .proofs_of_entries import opening, refuse_many
from .scripts import Script, arguments, quoted, span, until

if TYPE_CHECKING:
    from .entries import Entry
    from .loaded import LoadedApp
    from .retry_policy import Policy

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


def first_retry(loaded: LoadedApp, entry: Entry, policy: Policy) -> Script:
    """The first run fails, and its retry runs."""
    failure, imports = _failure(policy)
    first = opening(loaded, entry)
    wait = timedelta(seconds=next(policy.longest_waits()))
    refuse_many(first, wait)
    task = quoted(entry.task)
    return Script(
        "R002",
        entry.task,
        f"the retry of entry {entry.name!r} runs after its first run has failed",
        first.start,
        (
            f"celery.mock({task}, side_effect=chain([{failure}], repeat(None)))",
            until(first.start, first.fires + wait + SECOND),
            f'first = celery.timeline.of("started", {task})[0]',
            f"celery.assert_ran({task}, times=2, id=first.id)",
        ),
        entry.name,
        shows="expired",
        imports=("from itertools import chain, repeat", *imports),
        transport=proof_transport(loaded),
    )


def last_retry(loaded: LoadedApp, entry: Entry, policy: Policy, budget: float) -> Script:
    """Every run fails, and no retry is revoked because its message has expired."""
    failure, imports = _failure(policy)
    first = opening(loaded, entry)
    refuse_many(first, timedelta(seconds=budget), len(list(policy.longest_waits())) + 1)
    task = quoted(entry.task)
    return Script(
        "R001",
        entry.task,
        f"no retry of entry {entry.name!r} expires",
        first.start,
        (
            f"celery.mock({task}, side_effect={failure})",
            until(first.start, first.fires + timedelta(seconds=budget) + SECOND),
            f'assert not celery.timeline.of("expired", {task})',
        ),
        entry.name,
        imports=imports,
        transport=proof_transport(loaded),
    )


def gives_up_in_time(loaded: LoadedApp, entry: Entry, policy: Policy) -> Script:
    """Every run fails, and the first has given up before the next firing."""
    failure, imports = _failure(policy)
    first = opening(loaded, entry)
    task = quoted(entry.task)
    return Script(
        "R003",
        entry.task,
        f"entry {entry.name!r} does not retry any more when its next run is due",
        first.start,
        (
            f"celery.mock({task}, side_effect={failure})",
            until(first.start, first.next - SECOND),
            f'assert celery.timeline.of("started", {task})',
            "celery.assert_idle()",
        ),
        entry.name,
        imports=imports,
        transport=proof_transport(loaded),
    )


def second_attempt(loaded: LoadedApp, policy: Policy) -> Script:
    """The first run fails, and there is a second one."""
    failure, imports = _failure(policy)
    task = quoted(policy.task.name)
    return Script(
        "R006",
        policy.task.name,
        f"{policy.task.name} runs again after it has failed",
        loaded.start,
        (
            f"celery.mock({task}, side_effect=chain([{failure}], repeat(None)))",
            f"app.tasks[{task}].apply_async({arguments(policy.task)})",
            "celery.run_until_idle()",
            f"celery.assert_ran({task}, times=2)",
        ),
        imports=("from itertools import chain, repeat", *imports),
        shows="failed",
        transport=proof_transport(loaded),
    )


def outlasts(loaded: LoadedApp, policy: Policy, outage: float) -> Script:
    """Every run during an outage fails, and a later one succeeds."""
    failure, imports = _failure(policy)
    task = quoted(policy.task.name)
    return Script(
        "R007",
        policy.task.name,
        f"{policy.task.name} succeeds after an outage of {outage:g} s",
        loaded.start,
        (
            f"over = start + timedelta({span(timedelta(seconds=outage))})",
            "",
            "def call(*_args, **_kwargs):",
            "    if celery.now < over:",
            f"        raise {failure}",
            "",
            f"celery.mock({task}, side_effect=call)",
            f"app.tasks[{task}].apply_async({arguments(policy.task)})",
            "celery.run_until_idle()",
            f'assert celery.timeline.of("succeeded", {task})',
        ),
        shows="failed",
        imports=imports,
        transport=proof_transport(loaded),
    )


def one_run_for_each_attempt(loaded: LoadedApp, policy: Policy, timeout: float) -> Script:
    """The attempts before the first long wait fail, and each attempt runs once."""
    failure, imports = _failure(policy)
    waits = list(policy.longest_waits())
    failures = next(number for number, wait in enumerate(waits, 1) if wait > timeout)
    total = timedelta(seconds=list(accumulate(waits))[failures - 1])
    task = quoted(policy.task.name)
    return Script(
        "R008",
        policy.task.name,
        f"each attempt of {policy.task.name} runs once",
        loaded.start,
        (
            f"celery.mock({task}, side_effect=chain([{failure}] * {failures}, repeat(None)))",
            f"app.tasks[{task}].apply_async({arguments(policy.task)})",
            f"celery.advance({span(total + MINUTE)})",
            f"celery.assert_ran({task}, times={failures + 1})",
        ),
        imports=("from itertools import chain, repeat", *imports),
        doubles=True,
        transport=proof_transport(loaded, redelivers=True),
    )


def _failure(policy: Policy) -> tuple[str, tuple[str, ...]]:
    """How a test makes an exception that the task retries for, and its import."""
    for kind in policy.automatic:
        try:
            kind()
        except Exception:  # noqa: S112 - an exception of the application, which can need arguments or do anything
            continue
        name = kind.__qualname__
        if kind.__module__ == builtins.__name__:
            return f"{name}()", ()
        if name.isidentifier():
            return f"{name}()", (f"from {kind.__module__} import {name}",)
    raise CannotCheckError(
        "a simulation makes tasks fail by an exception that `autoretry_for` names and that needs no arguments"
    )
