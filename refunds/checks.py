"""System checks: settings that would be ignored silently, or that would break a promise of the core.

Numbers 20 to 29 are what a project that copies this app forgets; `python -m refunds copy` prints it all.
"""

from collections.abc import Iterator
from typing import Any

from celery import current_app
from celery.app.routes import Router, prepare
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004  # its level
from django.core.exceptions import ImproperlyConfigured

from .apps import LABEL
from .domain import cutoff
from .gateways import gateway
from .schedule import beat_schedule

Found = Iterator[tuple[str, str, str | None]]  # the message's id, what is wrong, and what to do


@register(Tags.compatibility)
def settings_kept(**_: Any) -> list[CheckMessage]:
    """Report each setting that breaks a promise of the core."""
    found = (one for check in (_values, _gateway, _beat_entries, _current_app, _routes, _queues) for one in check())
    return [(Error if at[0] == "E" else Warning)(said, hint=hint, id=f"{LABEL}.{at}") for at, said, hint in found]


def _celery(name: str) -> Any:
    return getattr(settings, f"CELERY_{name}", None)


def _values() -> Found:
    if _celery("TIMEZONE") != cutoff.ZONE.key:
        said = f"CELERY_TIMEZONE is not {cutoff.ZONE.key!r}: beat can decline at another time than {cutoff.LABEL}."
        yield "E002", said, "Without it Celery takes TIME_ZONE or UTC. Set CELERY_TIMEZONE, spelled exactly so."
    for name in ("ACCEPT_CONTENT", "RESULT_ACCEPT_CONTENT"):
        if list(_celery(name) or ()) != ["json"]:
            yield "E003", f"CELERY_{name} is not ['json'].", "Accept only JSON, for tasks and for results."
    # The work of a lost message waits until the reconciler finds it.
    if not _celery("TASK_ACKS_LATE"):
        hint = f"In the settings: from {__package__}.settings import *, or CELERY_TASK_ACKS_LATE = True."
        yield "W020", "CELERY_TASK_ACKS_LATE is not set: a worker that dies takes its message with it.", hint


def _gateway() -> Found:
    try:  # otherwise each refund would fail on its own
        gateway()
    except ImproperlyConfigured as error:
        yield "E004", str(error), None


def _beat_entries() -> Found:
    # Without an entry nothing would be declined at the cutoff, or sent again after a loss.
    sent = {entry.get("task") for entry in (_celery("BEAT_SCHEDULE") or {}).values()}
    hint = f"Merge {__package__}.schedule.beat_schedule() into CELERY_BEAT_SCHEDULE."
    for task in (entry["task"] for entry in beat_schedule().values()):
        if task not in sent:
            yield "E020", f"No entry of CELERY_BEAT_SCHEDULE sends {task}.", hint


def _current_app() -> Found:
    if current_app.conf.task_routes != (_celery("TASK_ROUTES") or None):
        said = f"The current Celery app {current_app.main!r} does not have the routes of CELERY_TASK_ROUTES: "
        hint = "Configure the project's app by config_from_object('django.conf:settings', namespace='CELERY'), and "
        load = "import it next to the settings: from .celery import app as celery_app in the project's __init__.py."
        yield "E021", f"{said}this process would publish to another broker or queue.", hint + load


def _routes() -> Found:
    # A task of this app or of a room that has no route would wait behind the work of others.
    router = Router(prepare(_celery("TASK_ROUTES")))
    hint = f"Merge the TASK_ROUTES of {__package__}.settings and of each room's settings into it."
    for name in sorted(current_app.tasks):
        if name.startswith(f"{LABEL}.") and not router.lookup_route(name):
            yield "W021", f"CELERY_TASK_ROUTES has no route for {name}: it goes to the default queue.", hint


def _queues() -> Found:
    routes = _celery("TASK_ROUTES")
    if not isinstance(routes, dict):  # patterns and functions cannot be compared with the queues
        return
    used = {route.get("queue") if isinstance(route, dict) else route for route in routes.values()}
    hint = "Add the route of the tasks that this queue is for, or remove the queue and its worker."
    for name in (getattr(queue, "name", queue) for queue in _celery("TASK_QUEUES") or ()):
        if name not in used | {_celery("TASK_DEFAULT_QUEUE")}:
            unused = f"declares {name!r}, but no route of CELERY_TASK_ROUTES names it: nothing goes to it."
            yield "W022", f"CELERY_TASK_QUEUES {unused}", hint
