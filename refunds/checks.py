"""System checks: settings that would be ignored silently, or that would break a promise of the core.

Numbers from 20 on are what a project that copies this app forgets; `python -m refunds copy` prints it all.
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


@register(Tags.compatibility)
def settings_kept(**_: Any) -> list[CheckMessage]:
    """Report each setting that breaks a promise of the core."""
    checks = (_timezone, _json_only, _gateway, _beat_entries, _current_app, _late_acks, _routes, _queues)
    return [message for check in checks for message in check()]


def _celery(name: str) -> Any:
    return getattr(settings, f"CELERY_{name}", None)


def _timezone() -> Iterator[CheckMessage]:
    if _celery("TIMEZONE") != cutoff.ZONE.key:
        said = f"CELERY_TIMEZONE is not {cutoff.ZONE.key!r}: beat would decline at another time than {cutoff.LABEL}."
        hint = "Celery does not read TIME_ZONE. Set CELERY_TIMEZONE, spelled exactly so."
        yield Error(said, hint=hint, id=f"{LABEL}.E002")


def _json_only() -> Iterator[CheckMessage]:
    # A worker that accepts pickle runs the code of anyone who reaches the broker.
    hint = "Accept only JSON, for tasks and for results."
    for name in ("ACCEPT_CONTENT", "RESULT_ACCEPT_CONTENT"):
        if list(_celery(name) or ()) != ["json"]:
            yield Error(f"CELERY_{name} is not ['json'].", hint=hint, id=f"{LABEL}.E003")


def _gateway() -> Iterator[CheckMessage]:
    try:  # otherwise each refund would fail on its own
        gateway()
    except ImproperlyConfigured as error:
        yield Error(str(error), id=f"{LABEL}.E004")


def _beat_entries() -> Iterator[CheckMessage]:
    # Without an entry nothing would be declined at the cutoff, or sent again after a loss.
    sent = {entry.get("task") for entry in (_celery("BEAT_SCHEDULE") or {}).values()}
    hint = f"Merge {__package__}.schedule.beat_schedule() into CELERY_BEAT_SCHEDULE."
    for task in (entry["task"] for entry in beat_schedule().values()):
        if task not in sent:
            yield Error(f"No entry of CELERY_BEAT_SCHEDULE sends {task}.", hint=hint, id=f"{LABEL}.E020")


def _current_app() -> Iterator[CheckMessage]:
    if current_app.conf.task_routes != (_celery("TASK_ROUTES") or None):
        yield Error(
            f"The current Celery app {current_app.main!r} does not have the routes of CELERY_TASK_ROUTES: this process "
            "would publish to another broker or queue.",
            hint="Configure the project's app by config_from_object('django.conf:settings', namespace='CELERY'), and "
            "import it next to the settings: from .celery import app as celery_app in the project's __init__.py.",
            id=f"{LABEL}.E021",
        )


def _late_acks() -> Iterator[CheckMessage]:
    # The work of a lost message waits until the reconciler finds it.
    if not _celery("TASK_ACKS_LATE"):
        said = "CELERY_TASK_ACKS_LATE is not set: a worker that dies takes its message with it."
        hint = f"In the settings: from {__package__}.settings import *, or CELERY_TASK_ACKS_LATE = True."
        yield Warning(said, hint=hint, id=f"{LABEL}.W020")


def _routes() -> Iterator[CheckMessage]:
    # A task of this app or of a room that has no route would wait behind the work of others.
    router = Router(prepare(_celery("TASK_ROUTES")))
    hint = f"Merge the TASK_ROUTES of {__package__}.settings and of each room's settings into it."
    for name in sorted(current_app.tasks):
        if name.startswith(f"{LABEL}.") and not router.lookup_route(name):
            said = f"CELERY_TASK_ROUTES has no route for {name}: it goes to the default queue."
            yield Warning(said, hint=hint, id=f"{LABEL}.W021")


def _queues() -> Iterator[CheckMessage]:
    routes = _celery("TASK_ROUTES")
    if not isinstance(routes, dict):  # patterns and functions cannot be compared with the queues
        return
    used = {route.get("queue") if isinstance(route, dict) else route for route in routes.values()}
    used.add(_celery("TASK_DEFAULT_QUEUE"))
    hint = "Add the route of the tasks that this queue is for, or remove the queue and its worker."
    for name in (getattr(queue, "name", queue) for queue in _celery("TASK_QUEUES") or ()):
        if name not in used:
            unused = f"declares {name!r}, but no route of CELERY_TASK_ROUTES names it: nothing goes to it."
            yield Warning(f"CELERY_TASK_QUEUES {unused}", hint=hint, id=f"{LABEL}.W022")
