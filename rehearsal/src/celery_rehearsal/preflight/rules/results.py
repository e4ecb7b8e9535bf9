"""Rules about results: that they are stored, that somebody reads them, and that they go away."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from ..findings import Finding, Level
from ..registry import rule
from ..result_reads import files_that_read_results, read_of
from .about import about_setting
from .wire import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..calls import Call
    from ..loaded import LoadedApp


def has_backend(loaded: LoadedApp) -> bool:
    """Tell whether the application has a result backend."""
    app: Any = loaded.app
    return (app.backend_cls or loaded.conf.result_backend or "disabled") != "disabled"


def storing(loaded: LoadedApp) -> list[str]:
    """The tasks whose results are stored."""
    tasks = loaded.tasks if has_backend(loaded) else {}
    return [name for name, task in tasks.items() if not task.ignore_result]


@rule("W009", "results-never-expire", Level.WARNING)
def results_never_expire(loaded: LoadedApp) -> Iterator[Finding]:
    """Results are stored and never expire.

    With `result_expires` of None or 0, the store grows until it is full. Set an expiry, or `task_ignore_result` if
    nobody reads the results.
    """
    expires, names = loaded.conf.result_expires, storing(loaded)
    if names and not expires:
        yield about_setting(
            loaded,
            "result_expires",
            f"`result_expires` is {expires!r}, so the results of these tasks stay for ever: {listed(names)}",
            "Set `result_expires`, or `task_ignore_result` if nobody reads the results.",
        )


@rule("W017", "results-never-read", Level.INFO)
def results_never_read(loaded: LoadedApp) -> Iterator[Finding]:
    """Results are stored, and no file of the application reads one.

    Each task then writes to the store for nobody, and the store keeps what it writes until `result_expires`.

    Preflight reads every Python file below the working directory, loaded or not. It is quiet if any of them names
    `AsyncResult`, `chord` or another reader, or uses the value of a `.delay(…)`; and if `result_extended` is on or
    django-celery-results is used, which are for people who look. Another application, or Flower, can read results
    all the same, so this is only to know.
    """
    names = storing(loaded)
    shown = loaded.conf.result_extended or "django" in str(loaded.conf.result_backend)
    if names and not shown and not files_that_read_results(loaded.sources):
        yield about_setting(
            loaded,
            "result_backend",
            f"no file reads a result, and the results of these tasks are stored: {listed(names)}",
            "Set `task_ignore_result` to True, or remove `result_backend`.",
        )


@rule("W020", "result-not-stored", Level.ERROR)
def result_not_stored(loaded: LoadedApp) -> Iterator[Finding]:
    """The source reads a result that is not stored.

    Without a result backend, `.get()` raises `NotImplementedError`. If the task ignores its result, `.get()` returns
    None at once, and `.ready()` is False for ever. Preflight reports a call whose value is read in the same
    expression, or in the same function through a name that is assigned once.
    """
    if loaded.conf.task_always_eager:
        return
    for call in loaded.calls:
        read, why = read_of(call), _not_stored(loaded, call)
        if call.by_celery and read and why:
            yield Finding(
                f"`.{read}` reads its result, and {why}",
                "Set `result_backend` and leave `ignore_result` off, or do not read the result.",
                task=call.task.name,
                place=call.place,
            )


def _not_stored(loaded: LoadedApp, call: Call) -> str | None:
    if not has_backend(loaded):
        return "there is no result backend"
    own = call.keyword("ignore_result")
    ignored = call.task.ignore_result if own is None else isinstance(own, ast.Constant) and own.value is True
    return "it ignores its result" if ignored else None
