"""Rules about messages that are sent before the rows that they are about are committed."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ..django import djangos_settings
from ..django import loaded as loaded_name
from ..findings import Finding, Level
from ..registry import rule
from ..sources import Function, meaning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..calls import Call
    from ..loaded import LoadedApp

FIX = "Send it on commit: `task.delay_on_commit(…)`, or `transaction.on_commit(lambda: task.delay(…))`."
METHODS = ("get", "post", "put", "patch", "delete", "form_valid")


@rule("T001", "sent-inside-atomic", Level.WARNING)
def sent_inside_atomic(loaded: LoadedApp) -> Iterator[Finding]:
    """A task is sent inside `transaction.atomic`.

    The worker can start before the transaction is committed, and then finds no row, or the old one. If the
    transaction is rolled back, the task runs all the same. Send the message on commit.

    Preflight reads the application's source. It reports a call of `.delay` or `.apply_async` inside `with
    transaction.atomic()` or a function decorated with it. It does not follow calls from one function into another.
    A task class of the application that overrides either method can wait for the commit itself, so it is left
    alone.
    """
    for call in loaded.calls:
        if call.by_celery and _atomic(call):
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
