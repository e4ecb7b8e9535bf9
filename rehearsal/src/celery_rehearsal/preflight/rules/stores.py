"""The rule about entries that preflight does not read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from celery import beat

from ..findings import Evidence, Level
from ..registry import rule
from .about import about_setting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..findings import Finding
    from ..loaded import LoadedApp


@rule("S030", "entries-not-checked", Level.INFO)
def entries_not_checked(loaded: LoadedApp) -> Iterator[Finding]:
    """The store of the scheduler can have entries that preflight does not check.

    django-celery-beat and RedBeat also send entries that somebody has added to their store. Preflight checks those of
    the settings and, with `--rows`, those that are in the database of django-celery-beat: it is the only option with
    which preflight opens a database, and what the scheduler writes there is rolled back.
    """
    setup = getattr(loaded.scheduler, "setup_schedule", None)
    if setup is None or setup.__module__ == beat.__name__ or loaded.rows:
        return
    database = hasattr(loaded.scheduler, "Model")
    yield about_setting(
        loaded,
        "beat_scheduler",
        f"{loaded.conf.beat_scheduler} can have entries in its store, and they are not checked",
        "Add `--rows` where the database can be read." if database else "Check them when they are added.",
        evidence=Evidence.UNKNOWN,
    )
