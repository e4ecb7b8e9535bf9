"""System checks: settings that would be ignored silently, or that would break a promise of the core."""

from typing import Any

from celery import current_app
from celery.app.routes import Router, prepare
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004  # its level
from django.core.exceptions import ImproperlyConfigured

from .apps import LABEL
from .domain import cutoff
from .gateways import gateway, limiter
from .schedule import beat_schedule


@register(Tags.compatibility)
def celery_timezone(**_: Any) -> list[CheckMessage]:
    """Report a CELERY_TIMEZONE other than the cutoff's: beat reads its schedule in it, and not in TIME_ZONE."""
    if getattr(settings, "CELERY_TIMEZONE", None) == cutoff.ZONE.key:
        return []
    return [
        Error(
            f"CELERY_TIMEZONE is not {cutoff.ZONE.key!r}: beat would decline at another time than {cutoff.LABEL}.",
            hint="Celery does not read TIME_ZONE. Set CELERY_TIMEZONE, spelled exactly so.",
            id=f"{LABEL}.E002",
        )
    ]


@register(Tags.security)
def celery_json_only(**_: Any) -> list[CheckMessage]:
    """Report any content but JSON: a worker that accepts pickle runs the code of anyone who reaches the broker."""
    return [
        Error(f"{name} is not ['json'].", hint="Accept only JSON, for tasks and for results.", id=f"{LABEL}.E003")
        for name in ("CELERY_ACCEPT_CONTENT", "CELERY_RESULT_ACCEPT_CONTENT")
        if list(getattr(settings, name, None) or ()) != ["json"]
    ]


@register(Tags.compatibility)
def gateway_configured(**_: Any) -> list[CheckMessage]:
    """The gateway and its limiter can be made of the settings; otherwise each refund would fail on its own."""
    try:
        gateway()
        limiter()
    except ImproperlyConfigured as error:
        return [Error(str(error), id=f"{LABEL}.E004")]
    return []


# What a project that copies this app forgets; `python -m refunds copy` prints it all.


@register(Tags.compatibility)
def beat_entries_declared(**_: Any) -> list[CheckMessage]:
    """Report each entry that beat lacks: nothing would be declined at the cutoff, or sent again after a loss."""
    sent = {entry.get("task") for entry in (getattr(settings, "CELERY_BEAT_SCHEDULE", None) or {}).values()}
    return [
        Error(
            f"No entry of CELERY_BEAT_SCHEDULE sends {entry['task']}.",
            hint=f"Merge {__package__}.schedule.beat_schedule() into CELERY_BEAT_SCHEDULE.",
            id=f"{LABEL}.E020",
        )
        for entry in beat_schedule().values()
        if entry["task"] not in sent
    ]


@register(Tags.compatibility)
def celery_app_is_current(**_: Any) -> list[CheckMessage]:
    """Report a current Celery app that has other settings: this process would publish elsewhere than workers read."""
    if current_app.conf.task_routes == (getattr(settings, "CELERY_TASK_ROUTES", None) or None):
        return []
    return [
        Error(
            f"The current Celery app {current_app.main!r} does not have the routes of CELERY_TASK_ROUTES: this process "
            "would publish to another broker or queue.",
            hint="Configure the project's app by config_from_object('django.conf:settings', namespace='CELERY'), and "
            "import it next to the settings: from .celery import app as celery_app in the project's __init__.py.",
            id=f"{LABEL}.E021",
        )
    ]


@register(Tags.compatibility)
def messages_survive_workers(**_: Any) -> list[CheckMessage]:
    """Report early acknowledgement: the message of a worker that dies is lost until the reconciler finds its work."""
    if getattr(settings, "CELERY_TASK_ACKS_LATE", False):
        return []
    return [
        Warning(
            "CELERY_TASK_ACKS_LATE is not set: a worker that dies takes its message with it.",
            hint=f"In the settings: from {__package__}.settings import *, or CELERY_TASK_ACKS_LATE = True.",
            id=f"{LABEL}.W020",
        )
    ]


@register(Tags.compatibility)
def tasks_routed(**_: Any) -> list[CheckMessage]:
    """Report each task of this app and its rooms that has no route: it would wait behind the work of others."""
    router = Router(prepare(getattr(settings, "CELERY_TASK_ROUTES", None)))
    return [
        Warning(
            f"CELERY_TASK_ROUTES has no route for {name}: it goes to the default queue.",
            hint=f"Merge the TASK_ROUTES of {__package__}.settings and of each room's settings into it.",
            id=f"{LABEL}.W021",
        )
        for name in sorted(current_app.tasks)
        if name.startswith(f"{LABEL}.") and not router.lookup_route(name)
    ]


@register(Tags.compatibility)
def queues_used(**_: Any) -> list[CheckMessage]:
    """Report each declared queue that no route names; routes that are patterns or functions count only as mappings."""
    routes = getattr(settings, "CELERY_TASK_ROUTES", None)
    if not isinstance(routes, dict):
        return []
    used = {route.get("queue") if isinstance(route, dict) else route for route in routes.values()}
    used.add(getattr(settings, "CELERY_TASK_DEFAULT_QUEUE", None))
    declared = [getattr(queue, "name", queue) for queue in getattr(settings, "CELERY_TASK_QUEUES", None) or ()]
    return [
        Warning(
            f"CELERY_TASK_QUEUES declares {name!r}, but no route of CELERY_TASK_ROUTES names it: nothing goes to it.",
            hint="Add the route of the tasks that this queue is for, or remove the queue and its worker.",
            id=f"{LABEL}.W022",
        )
        for name in declared
        if name not in used
    ]
