"""Rules about what pyproject.toml says to preflight."""

from __future__ import annotations

from difflib import get_close_matches
from fnmatch import filter as matching
from typing import TYPE_CHECKING

from ..findings import Finding, Level
from ..registry import rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..loaded import LoadedApp


@rule("P001", "unused-suppression", Level.WARNING)
def unused_suppression(_loaded: LoadedApp) -> Iterator[Finding]:
    """A suppression matches no finding.

    The fault that it names was repaired, or the entry, task or setting has another name now. If the suppression
    stays, it hides the next fault of this kind. Remove it.
    """
    # The run itself reports these: only it knows which suppressions it used.
    yield from ()


@rule("P002", "declaration-without-task", Level.WARNING)
def declaration_without_task(loaded: LoadedApp) -> Iterator[Finding]:
    """`running_times` or `outages` name a task that the application does not have.

    The declaration then says nothing of any task, and the rules that need it are quiet.
    """
    names = list(loaded.app.tasks)
    known = loaded.configuration
    declared = [("running_times", name) for name in known.declared.running_times if name not in names]
    declared += [("outages", each.task) for each in known.outages if not matching(names, each.task)]
    for key, name in declared:
        near = get_close_matches(name, names, n=1)
        yield Finding(
            f"`{key}` in pyproject.toml names it, and the application has no such task",
            f"Write {near[0]!r}." if near else "Write the name under which the task is registered.",
            task=name,
        )
