"""The entries of a beat's scheduler: their names and schedules, and when they last ran."""

from __future__ import annotations

import functools
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from celery.beat import PersistentScheduler, ScheduleEntry, Scheduler
from celery.utils.time import maybe_make_aware

from .errors import BadUseError
from .leaving import guarded
from .patching import swap_attribute
from .schedulers import REDBEAT

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack
    from datetime import datetime

    from .clock import VirtualClock
    from .connections import Refuse

# A database can round to whole seconds.
ROUNDING = timedelta(seconds=1)

# Celery reads a naive datetime as UTC, and the application that wrote it can be in the zone farthest from it. Such an
# entry waits in production, too.
ANY_ZONE = timedelta(hours=14)


def names(scheduler: Any) -> set[str] | None:
    """Return the names of a scheduler's entries; None where to ask would change when beat looks."""
    if _is_plain(scheduler):
        return set(scheduler.schedule)
    if (rows := _rows(scheduler)) is not None:
        # Also those of later hours, which the scheduler has not read.
        return set(rows.values_list("name", flat=True))
    if _is_redbeats(scheduler):
        conf = scheduler.app.redbeat_conf
        keys = sys.modules[REDBEAT].get_redis(scheduler.app).zrange(conf.schedule_key, 0, -1)
        return {key.removeprefix(conf.key_prefix) for key in keys}
    return None


def schedule(scheduler: Any, name: str) -> Any:
    """Return the schedule of an entry, None where that is unknown."""
    found: Any = None
    if _is_plain(scheduler):
        found = scheduler.schedule.get(name)
    elif (rows := _rows(scheduler)) is not None:
        found = rows.filter(name=name).first()
    elif name in (names(scheduler) or ()):
        found = scheduler.Entry.from_key(scheduler.Entry.generate_key(scheduler.app, name), app=scheduler.app)
    declared = scheduler.app.conf.beat_schedule.get(name, {}).get("schedule")
    return getattr(found, "schedule", declared)


def guard_entries(
    undo: ExitStack, scheduler: Any, clock: VirtualClock, refuse: Refuse, leave: Callable[[BaseException], None]
) -> None:
    """Guard the code of schedules, and of what a beat publishes: beat logs each Exception of theirs, and goes on.

    Refuse an entry that last ran in the future.
    """
    for kind in {ScheduleEntry, *scheduler.Entry.__mro__}:
        if "is_due" in vars(kind) and not hasattr(kind.is_due, "__wrapped__"):
            swap_attribute(undo, kind, "is_due", guarded(_checked(kind.is_due, clock, refuse), leave))
        if _is_redbeats(scheduler) and "save" in vars(kind) and not hasattr(kind.save, "__wrapped__"):
            # RedBeat reads an entry when it is due, by what was saved. This one would never be.
            swap_attribute(undo, kind, "save", _checked_first(kind.save))

    def leave_by_any(error: BaseException) -> None:
        # Celery raises a SchedulingError instead of what it caught.
        found: BaseException | None = error
        while found is not None:
            leave(found)
            found = found.__context__

    vars(scheduler)["apply_async"] = guarded(scheduler.apply_async, leave_by_any)


def _checked(is_due: Callable[[Any], Any], clock: VirtualClock, refuse: Refuse) -> Callable[[Any], Any]:
    @functools.wraps(is_due)
    def checked(entry: Any) -> Any:
        answer = is_due(entry)
        last = entry.last_run_at
        if last is None or not _is_later(last, clock.latest):
            return answer
        try:
            # In the same zone: Celery up to 5.6 reckons a crontab in that.
            entry.last_run_at = clock.now.astimezone(last.tzinfo) if last.tzinfo else clock.now.replace(tzinfo=None)
            # A clocked row does not ask when it last ran, and an 18:00 entry can be due at 18:00 all the same.
            matters = is_due(entry) != answer
        finally:
            entry.last_run_at = last
        if matters:
            refuse(BadUseError(_explain(entry, clock)))
        return answer

    return checked


def _checked_first(save: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(save)
    def checked(entry: Any) -> Any:
        entry.is_due()
        return save(entry)

    return checked


def _is_later(last: datetime, latest: datetime) -> bool:
    slack = ROUNDING if last.tzinfo else ANY_ZONE
    return bool(maybe_make_aware(last) > latest + slack)


def _explain(entry: Any, clock: VirtualClock) -> str:
    row = getattr(entry, "model", None)
    advice = "Make it inside the cluster, set its last_run_at to the start of the cluster"
    if row is not None:
        advice = (
            "Save its row inside the cluster (one that never ran counts from date_changed), set last_run_at as in "
            f"{type(row).__name__}.objects.update(last_run_at=start)"
        )
    return (
        f"entry {entry.name!r} last ran at {entry.last_run_at}, after the cluster's {clock.now}: beat would wait until "
        f"then. {advice}, or give the cluster a later start"
    )


def _is_plain(scheduler: Any) -> bool:
    """Whether its schedule is Celery's own, which is only looked at."""
    return type(scheduler).schedule in {Scheduler.schedule, PersistentScheduler.schedule}


def _rows(scheduler: Any) -> Any:
    """The rows of django-celery-beat's scheduler; None for any other."""
    return getattr(getattr(scheduler, "Model", None), "_default_manager", None)


def _is_redbeats(scheduler: Any) -> bool:
    redbeat = sys.modules.get(REDBEAT)
    return redbeat is not None and isinstance(scheduler, redbeat.RedBeatScheduler)
