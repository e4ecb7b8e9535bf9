"""Arguments that a test can get wrong: instants, durations and names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, timezone
from difflib import get_close_matches
from typing import Any

from .errors import BadUseError

# How many names an error lists where none is near the wrong one.
LISTED = 10


def aware(value: datetime, what: str) -> datetime:
    """Return the instant in UTC. Raises BadUseError for anything but an aware datetime."""
    if not isinstance(value, datetime):
        raise BadUseError(f"{what}: an aware datetime is wanted, not {value!r}")
    if value.tzinfo is None or value.utcoffset() is None:
        raise BadUseError(f'{what}: {value!r} is naive; give it a time zone, as tzinfo=ZoneInfo("Europe/Kyiv")')
    return value.astimezone(timezone.utc)


def instants(at: Any) -> list[datetime]:
    """Return the one or several instants of an assertion in order. Raises BadUseError if one is not aware."""
    several = isinstance(at, Iterable) and not isinstance(at, str)
    return sorted(aware(instant, "at") for instant in (at if several else [at]))


def duration(value: timedelta, what: str) -> timedelta:
    """Return the duration. Raises BadUseError for a bare number, which does not say its unit."""
    if not isinstance(value, timedelta):
        raise BadUseError(f"{what}: {value!r} has no unit; give a timedelta, as timedelta(minutes=5)")
    return value


def task_name(task: Any) -> str:
    """Return the name of a task that is given by its name or as the task itself."""
    return str(getattr(task, "name", task))


def check_name(name: str, kind: str, known: Iterable[str]) -> None:
    """Raise BadUseError for an unknown name, and suggest the known names that are near it."""
    names = {other for other in known if other}
    if name in names:
        return
    near = get_close_matches(name, names)
    others = near or sorted(other for other in names if not other.startswith("celery."))[:LISTED]
    hint = "near names" if near else "known names"
    raise BadUseError(f"no {kind} is named {name!r}; check the spelling; {hint}: {', '.join(others) or 'none'}")


def declared_tasks(app: Any) -> set[str]:
    """Return the tasks that the app defines, schedules or routes."""
    routes = app.conf.task_routes or ()
    tables = routes if isinstance(routes, list | tuple) else (routes,)
    # A table of routes is a mapping or a list of pairs; the other routers are functions, objects and paths to them.
    named = [dict(table) for table in tables if isinstance(table, Mapping | list | tuple)]
    routed = {name for table in named for name in table if isinstance(name, str)}
    return {*app.tasks, *routed, *(entry.get("task", "") for entry in app.conf.beat_schedule.values())}


def declared_queues(app: Any) -> set[str]:
    """Return the queues that the app declares, routes tasks to or names for a task or an entry, and their keys."""
    declared = app.amqp.queues
    routes = app.conf.task_routes or ()
    tables = routes if isinstance(routes, list | tuple) else (routes,)
    options = [*(dict(table).values() for table in tables if isinstance(table, Mapping | list | tuple))]
    named = [route.get("queue") if isinstance(route, Mapping) else route for values in options for route in values]
    named += [(entry.get("options") or {}).get("queue") for entry in app.conf.beat_schedule.values()]
    named += [getattr(task, "queue", None) for task in app.tasks.values()]
    keys = [queue.routing_key for queue in declared.values()]
    return {str(getattr(queue, "name", queue)) for queue in (*declared, *named, *keys) if queue}
