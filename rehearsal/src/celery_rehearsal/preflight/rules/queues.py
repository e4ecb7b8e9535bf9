"""Rules about queues that messages go to and that workers read."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ..findings import Evidence, Finding, Level
from ..registry import rule
from ..unloaded_tasks import unloaded_tasks
from .about import about_setting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..loaded import LoadedApp


def fed(loaded: LoadedApp) -> dict[str, str]:
    """Each queue that a message goes to, with the task or the entry that sends it there."""
    found: dict[str, str] = {}
    for entry in loaded.entries:
        queue = loaded.queue_of(entry.task, entry.options)
        if queue is not None:
            found.setdefault(queue, f"the entry {entry.name!r}")
    for name in loaded.tasks:
        queue = loaded.queue_of(name)
        if queue is not None:
            found.setdefault(queue, f"the task {name!r}")
    return found


def _named_in_calls(loaded: LoadedApp) -> set[str]:
    """What any call in the source gives as `queue=`: `task.apply_async(queue=…)`, `signature.set(queue=…)`."""
    return {
        str(word.value.value)
        for module in loaded.sources.modules
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
        for word in node.keywords
        if word.arg == "queue" and isinstance(word.value, ast.Constant)
    }


@rule("W004", "queue-not-declared", Level.ERROR)
def queue_not_declared(loaded: LoadedApp) -> Iterator[Finding]:
    """A message goes to a queue that `task_queues` does not have, and `task_create_missing_queues` is off.

    Sending the task raises `QueueNotFound`.
    """
    if loaded.conf.task_create_missing_queues or not loaded.conf.task_queues:
        return
    for queue, sender in sorted(fed(loaded).items()):
        if queue not in loaded.declared_queues:
            yield about_setting(
                loaded,
                "task_queues",
                f"{sender} goes to the queue {queue!r}, which `task_queues` does not have",
                "Add the queue to `task_queues`, or correct the route.",
            )


@rule("W005", "queue-not-consumed", Level.ERROR)
def queue_not_consumed(loaded: LoadedApp) -> Iterator[Finding]:
    """A message goes to a queue that no worker consumes.

    The messages stay on the broker, and nothing reports it. A worker without `-Q` consumes `task_queues`, or the
    default queue if that is not set. Which queues your workers name with `-Q` is not in the application: declare
    all of them once, as `queues = ["celery", "mail"]` in `[tool.celery-rehearsal.preflight]`. Without that, a queue
    that a plain worker does not consume is unknown.
    """
    declared = loaded.configuration.queues
    consumed = set(declared or loaded.declared_queues)
    for queue, sender in sorted(fed(loaded).items()):
        if queue not in consumed:
            where = (
                "no queue of [tool.celery-rehearsal.preflight]" if declared else "not consumed by a worker without -Q"
            )
            yield about_setting(
                loaded,
                "task_routes",
                f"{sender} goes to the queue {queue!r}, which is {where}",
                f"Start a worker with `-Q {queue}`, and declare it in pyproject.toml: `queues`.",
                evidence=Evidence.READ if declared else Evidence.UNKNOWN,
            )


@rule("W006", "queue-never-fed", Level.INFO)
def queue_never_fed(loaded: LoadedApp) -> Iterator[Finding]:
    """Workers consume a queue that no task and no entry goes to.

    It can be a misspelt name, or a queue that was given up. Another application can feed it, or a call with
    `queue=…` that is no string in the source, so this is only to know.
    """
    consumed = set(loaded.configuration.queues or (loaded.declared_queues if loaded.conf.task_queues else ()))
    if not loaded.tasks:
        return
    for queue in sorted(consumed - set(fed(loaded)) - _named_in_calls(loaded)):
        yield about_setting(
            loaded,
            "task_queues",
            f"no route, task or entry of this application goes to the queue {queue!r}",
            "Remove the queue, or correct the route that should lead to it.",
        )


@rule("W019", "task-module-not-loaded", Level.WARNING)
def task_module_not_loaded(loaded: LoadedApp) -> Iterator[Finding]:
    """A module defines a task, and the application does not import it.

    The process that sends the task imports the module, so nothing fails there. The worker logs `Received unregistered
    task` and discards the message. `autodiscover_tasks()` imports modules that are named `tasks` only.

    Preflight looks at the files that are next to a module that it has loaded, without tests. It counts `shared_task`,
    and `task` of this application. A worker with `--include` imports more.
    """
    for found in unloaded_tasks(loaded):
        yield Finding(
            "the application does not import its module, so the workers do not know it",
            "Add the module to `include` or `imports`, or import it in a module that is loaded.",
            task=found.name,
            place=loaded.sources.place(found.path, found.line),
        )
