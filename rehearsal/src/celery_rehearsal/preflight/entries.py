"""The entries of an application's beat, as the application's own scheduler reads them at an instant."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone, tzinfo
from typing import TYPE_CHECKING, Any

from celery import beat

from .. import schedulers
from ..clock import VirtualClock
from ..errors import TestkitError
from ..patching import Undo
from ..shelves import Shelves
from ..stage import load
from .errors import CannotCheckError
from .instants import once_an_instant
from .untouched import DECLARED, guard_network, keep, keep_results_closed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from celery import Celery

DATABASE = "django_celery_beat.schedulers"

__all__ = ["DECLARED", "Entry", "Reading", "entries", "reading"]


@dataclass(frozen=True)
class Entry:
    """An entry of beat. `last_run_at` is what beat starts from; `source` is Celery's own entry."""

    name: str
    task: str
    schedule: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    options: dict[str, Any]
    zone: tzinfo
    last_run_at: datetime
    source: Any = field(repr=False, compare=False)

    @property
    def stored(self) -> bool:
        """Whether it is a row of a database."""
        return hasattr(self.source, "model")


@dataclass(frozen=True)
class Reading:
    """An application whose beat stands at its start: its scheduler, its entries by name, and the clock."""

    app: Any
    scheduler: Any
    entries: tuple[Entry, ...]
    start: datetime
    clock: VirtualClock


class Quiet:
    """Mixed into the application's scheduler class: it sends nothing and writes nothing down."""

    producer = None

    def apply_entry(self, entry: Any, producer: Any = None) -> None:
        """Beat would send the entry now."""
        vars(self)["sent"] = entry

    def should_sync(self) -> bool:
        return False


class _Unwritten:
    """Mixed into a scheduler whose store is not replaced by one in memory."""

    def sync(self) -> None:
        """Beat would write down when its entries ran."""


def entries(app: Celery, start: datetime | None = None, *, scheduler: Any = None) -> tuple[Entry, ...]:
    """Return the entries of the application's beat, sorted by name. Raises CannotCheckError."""
    with reading(app, start or datetime.now(timezone.utc), scheduler=scheduler) as read:
        return read.entries


@contextmanager
def reading(app: Any, start: datetime, *, scheduler: Any = None, fresh: bool = False) -> Iterator[Reading]:
    """Let the application's scheduler read its entries as a beat that starts at `start`, without a file.

    The clock of the process stands at `start` until the block ends. Then everything is as before, but that the app's
    modules are imported. With `fresh`, what a database says of last runs is left out.

    Raises CannotCheckError where the scheduler cannot be used without a server.
    """
    with Undo() as undo:
        _load(undo, app)
        wanted = _usable(app, scheduler)
        keep(undo, app)
        keep_results_closed(app)
        if not wanted.__module__.startswith("django_celery_beat"):
            guard_network(undo, _refusal(_path(wanted)))
        clock = VirtualClock(start, seed=0, sleep=lambda seconds: clock.forward(round(seconds * 1e6)))
        clock.start()
        undo.callback(clock.stop)
        vars(app)["now"] = once_an_instant(app.now, clock)
        made, read = _make(app, wanted)
        if fresh:
            for entry in read.values():
                entry.last_run_at = start.astimezone(entry.last_run_at.tzinfo)
        found = tuple(_entry(app, name, read[name]) for name in sorted(read))
        yield Reading(app, made, found, clock.now, clock)


def _load(undo: ExitStack, app: Any) -> None:
    try:
        load(undo, app, checks=False)
    except Exception as error:
        # Code of the application, which can raise anything. A solar schedule without ephem raises here.
        raise CannotCheckError(f"the application {app.main!r} cannot be loaded: {_words(error)}") from error


def _usable(app: Any, wanted: Any) -> Any:
    try:
        found = schedulers.find(app, wanted)
    except TestkitError as error:
        raise CannotCheckError(str(error)) from error
    except Exception as error:
        # Django's, where it is not configured: any exception of an import is the reason that beat would not start.
        raise CannotCheckError(f"the scheduler cannot be imported: {_words(error)}") from error
    own_store = getattr(found, "setup_schedule", None)
    if wanted is None and getattr(own_store, "__module__", "") not in {beat.__name__, DATABASE}:
        raise CannotCheckError(
            f"{_path(found)} reads its entries in its own way, perhaps from a server. To see the entries that the "
            f"settings declare, add --scheduler {DECLARED}. If it needs no server and writes nothing at its start, add "
            f"--scheduler {_path(found)}"
        )
    return found


def _make(app: Any, wanted: Any) -> tuple[Any, dict[str, Any]]:
    """Start the scheduler; return it and its entries."""
    made = _quiet(wanted)
    try:
        with _rolled_back(wanted):
            scheduler = made(app=app, schedule_filename="schedule")
            # Asked once: a database's scheduler reads it again when asked again.
            read = dict(scheduler.schedule)
            for entry in read.values():
                if hasattr(entry, "model"):
                    # What an entry of a database writes into its row: that it has expired, or ran once.
                    vars(entry.model)["save"] = lambda **_fields: None
    except TestkitError:
        raise
    except Exception as error:
        # Of a database that cannot be read, or of the application's schedules, which beat's file cannot keep.
        hint = f". To see the entries that the settings declare, add --scheduler {DECLARED}"
        stored = wanted.__module__.startswith("django_celery_beat")
        message = f"{_path(wanted)} cannot read its entries: {_words(error)}{hint if stored else ''}"
        raise CannotCheckError(message) from error
    return scheduler, read


def _quiet(wanted: Any) -> Any:
    """Return the scheduler's class with a store that is not written to."""
    bases: tuple[Any, ...] = (Quiet, _Unwritten, wanted)
    extra: dict[str, Any] = {}
    if issubclass(wanted, beat.PersistentScheduler):
        bases, extra = (Quiet, wanted), {"persistence": Shelves()}
    if hasattr(wanted, "enabled_models_qs"):
        # Each time it reads, django-celery-beat leaves out crontabs of other hours. They are read before they are due.
        extra["enabled_models_qs"] = lambda self: self.Model.objects.enabled()
    if hasattr(wanted, "schedule_changed"):
        # It closes the connection of an open transaction, to see what others have committed since it was asked last.
        extra["schedule_changed"] = lambda self: False
    return type(wanted.__name__, bases, {"__module__": wanted.__module__, **extra})


@contextmanager
def _rolled_back(wanted: Any) -> Iterator[None]:
    """django-celery-beat writes the entries of the settings into the database as it starts. Nothing of that stays."""
    model = getattr(wanted, "Model", None)
    if model is None:
        yield
        return
    from django.db import router, transaction

    using = router.db_for_write(model)
    with transaction.atomic(using=using):
        yield
        transaction.set_rollback(True, using=using)


def _entry(app: Any, name: str, entry: Any) -> Entry:
    zone = getattr(entry.schedule, "tz", None) or app.timezone
    return Entry(
        name,
        entry.task,
        entry.schedule,
        tuple(entry.args or ()),
        dict(entry.kwargs or {}),
        dict(entry.options or {}),
        zone,
        entry.last_run_at,
        entry,
    )


def _refusal(scheduler: str) -> str:
    reached = f"{scheduler} reached for the network to read its entries, and preflight uses none"
    if scheduler == DECLARED:
        return f"{reached}. It has no server, so a schedule of the application asks one"
    return f"{reached}. To see the entries that the settings declare, add --scheduler {DECLARED}"


def _path(scheduler: Any) -> str:
    return f"{scheduler.__module__}:{scheduler.__qualname__}"


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".strip().replace(os.linesep, " ")
