"""Why a message came again, expired or failed for good: in the words of the timeline."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from celery import Task

from . import databases

if TYPE_CHECKING:
    from .timeline import Timeline

# Looked up before a test can patch it.
RETRY = Task.retry.__code__

BROKEN = (
    "an earlier error of the database broke the test's transaction; in production each process has a connection of its "
    "own: mark the test django_db(transaction=True), or use TransactionTestCase"
)


def of_redelivery(timeline: Timeline, message: Any, now: datetime) -> str:
    """Return what brought a message back; nothing where the timeline does not say it."""
    id_, lost = str((message.headers or {}).get("id", "")), set()
    for record in reversed(timeline):
        if record.kind in {"worker lost", "worker stopped"}:
            lost.add((record.worker, record.kind))
        if record.id != id_ or record.kind not in {"received", "rejected"}:
            continue
        if record.kind == "rejected":
            return "redelivered after it was given back"
        # Redis' alone: another broker notices at once that a worker is gone.
        timeout = getattr(message.channel, "visibility_timeout", None)
        if timeout is not None and now - record.at >= timedelta(seconds=timeout):
            return "redelivered after the visibility timeout"
        kinds = [kind for worker, kind in lost if worker == record.worker]
        return f"redelivered after {record.worker} was {kinds[0].partition(' ')[2]}" if kinds else ""
    return ""


def of_failure(error: BaseException) -> str:
    """Describe the error of a task, with its cause where the error does not say it."""
    return f"{error!r}, {BROKEN}" if databases.is_broken_by_another(error) else repr(error)


def is_exhausted(error: BaseException) -> bool:
    """Whether a task has failed because it asked for a retry and had none left: `retry()` has raised the error."""
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code is RETRY:
            return True
        trace = trace.tb_next
    return False
