"""Rules about messages that are sent before the rows that they are about are committed."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ..django import djangos_settings
from ..django import loaded as loaded_name
from ..errors import CannotCheckError
from ..findings import Evidence, Finding, Level, Place, Proof
from ..registry import rule
from ..sources import Function, meaning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...atomic_sends import SentInside, Step
    from ..calls import Call
    from ..loaded import LoadedApp

FIX = "Send it on commit: `task.delay_on_commit(…)`, or `transaction.on_commit(lambda: task.delay(…))`."
TEST = """\
# It needs pytest-django, and a fixture `virtual_celery_app` that returns your Celery app.
import pytest
from celery_rehearsal import sent_inside_atomic

from {module} import {function}


@pytest.mark.django_db
def test_{function}_sends_nothing_inside_atomic(virtual_celery):
    with sent_inside_atomic() as found:
        {function}()
    assert found == []"""
METHODS = ("get", "post", "put", "patch", "delete", "form_valid")


@rule("T001", "sent-inside-atomic", Level.WARNING)
def sent_inside_atomic(loaded: LoadedApp) -> Iterator[Finding]:
    """A task is sent inside `transaction.atomic`.

    The worker can start before the transaction is committed, and then finds no row, or the old one. If the
    transaction is rolled back, the task runs all the same. Send the message on commit.

    Preflight reads the application's source. It reports a call of `.delay` or `.apply_async` inside `with
    transaction.atomic()` or a function decorated with it. It does not follow calls from one function into another:
    T003 does, by running them. A task class of the application that overrides either method can wait for the commit
    itself, so it is left alone.
    """
    proven = {_place(loaded, sent.steps[-1]) for each in loaded.scenarios for sent in each.inside if sent.steps}
    for call in loaded.calls:
        if call.by_celery and _atomic(call) and call.place not in proven:
            yield Finding(
                f"`.{call.method}` sends it inside a transaction, before the commit",
                FIX,
                task=call.task.name,
                place=call.place,
            )


def _atomic(call: Call) -> bool:
    function, between = call.function
    managers = [
        item.context_expr for node in between if isinstance(node, (ast.With, ast.AsyncWith)) for item in node.items
    ]
    decorators = function.decorator_list if isinstance(function, Function) else []
    return any(_is_atomic(node, call) for node in (*managers, *decorators))


def _is_atomic(node: ast.expr, call: Call) -> bool:
    named = node.func if isinstance(node, ast.Call) else node
    return meaning(named, call.module.names, call.hidden) is loaded_name("django.db.transaction", "atomic")


@rule("T002", "sent-in-atomic-request", Level.WARNING)
def sent_in_atomic_request(loaded: LoadedApp) -> Iterator[Finding]:
    """A view sends a task while `ATOMIC_REQUESTS` is on.

    `ATOMIC_REQUESTS` runs each view in a transaction, which is committed after the view returns. A message that the
    view sends with `.delay` or `.apply_async` is ahead of that commit, and stays if the view fails. Send the
    message on commit.

    Preflight takes a function for a view if its first argument is `request`, or if it is a method of a Django view
    class. It reads the modules that are loaded: `celery -A` does not load views that no task module imports, unless
    Django's checks do.
    """
    if not _atomic_requests():
        return
    for call in loaded.calls:
        if call.by_celery and _in_view(call) and not _atomic(call):
            yield Finding(
                f"a view calls `.{call.method}`, and ATOMIC_REQUESTS commits after the view",
                FIX,
                task=call.task.name,
                place=call.place,
            )


def _atomic_requests() -> bool:
    settings = djangos_settings()
    return settings is not None and any(each.get("ATOMIC_REQUESTS") for each in settings.DATABASES.values())


def _in_view(call: Call) -> bool:
    function, _between = call.function
    if not isinstance(function, Function):
        return False
    decorated = [node.func if isinstance(node, ast.Call) else node for node in function.decorator_list]
    exempt = loaded_name("django.db.transaction", "non_atomic_requests")
    if any(meaning(node, call.module.names) is exempt for node in decorated):
        return False
    arguments = [each.arg for each in function.args.args]
    owner = next((node for node in reversed(call.around) if isinstance(node, ast.ClassDef)), None)
    if owner is None:
        return arguments[:1] == ["request"]
    kind = call.module.names.get(owner.name)
    bases = kind.__mro__ if isinstance(kind, type) else ()
    return loaded_name("django.views.generic.base", "View") in bases and function.name in METHODS


@rule("T003", "sent-inside-atomic-by-a-scenario", Level.WARNING)
def sent_inside_atomic_by_a_scenario(loaded: LoadedApp) -> Iterator[Finding]:
    """A function that you declare as a scenario sends a task inside `transaction.atomic`.

    Declare in pyproject.toml functions that do what your application does, such as an order. They take no argument:

        [tool.celery-rehearsal.preflight]
        scenarios = ["shop.scenarios:checkout"]

    Preflight runs each and records every message that is sent while a connection is in a transaction, however many
    functions are between. Each runs in a process of its own, on Django's test database. Messages go to a broker in
    memory, eager mode is off, and there is no network.

    The test database must be SQLite in memory, because preflight opens no other: the exit status is 2 with another
    one, as it is if a scenario fails or sends nothing. In your own tests, on any database, use `with
    celery_rehearsal.sent_inside_atomic() as found` and `assert found == []`.
    """
    for played in loaded.scenarios:
        for sent in played.inside:
            yield _proven(loaded, played.name, sent)
    failures = [f"the scenario {each.name!r}: {each.failure}" for each in loaded.scenarios if each.failure]
    if failures:
        raise CannotCheckError("; ".join(failures))


def _proven(loaded: LoadedApp, name: str, sent: SentInside) -> Finding:
    where = f" of {_place(loaded, sent.opened)}" if sent.opened else ""
    module, _, function = name.partition(":")
    return Finding(
        f"the scenario {name!r} sends it inside the transaction{where}, before the commit",
        FIX,
        task=sent.task,
        place=_place(loaded, sent.steps[-1]) if sent.steps else None,
        evidence=Evidence.PROVEN,
        proof=Proof(_timeline(loaded, sent), TEST.format(module=module, function=function)),
    )


def _timeline(loaded: LoadedApp, sent: SentInside) -> str:
    steps = [step for step in (sent.opened, *sent.steps) if step is not None]
    lines = [f"{_place(loaded, step)} in {step.function}" for step in steps]
    began, ended = f"atomic() of the database {sent.database!r}", f"{sent.task} is sent"
    return "\n".join([f"{lines[0]}: {began}", *lines[1:-1], f"{lines[-1]}: {ended}"] if lines else [began, ended])


def _place(loaded: LoadedApp, step: Step) -> Place:
    return loaded.sources.place(step.path, step.line)
