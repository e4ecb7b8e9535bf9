"""Findings about an entry, a task or a setting, at the line that names it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..findings import Finding

if TYPE_CHECKING:
    from ..entries import Entry
    from ..loaded import LoadedApp


def about_entry(loaded: LoadedApp, entry: Entry, message: str, fix: str, **more: Any) -> Finding:
    """What is wrong with an entry, at the line that names it."""
    return Finding(
        message, fix, entry=entry.name, task=entry.task, **{"place": loaded.place_of_entry(entry.name)} | more
    )


def about_task(loaded: LoadedApp, name: str, message: str, fix: str, **more: Any) -> Finding:
    """What is wrong with a task, at the line on which its function begins."""
    return Finding(message, fix, task=name, **{"place": loaded.place_of_task(name)} | more)


def about_setting(loaded: LoadedApp, name: str, message: str, fix: str, **more: Any) -> Finding:
    """What is wrong with a setting, at the line that assigns it."""
    return Finding(message, fix, setting=name, **{"place": loaded.place_of_setting(name)} | more)
