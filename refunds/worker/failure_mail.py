"""Failed and expired tasks, and refused messages, are reported to the admins by mail (the setting ADMINS)."""

import logging
from typing import Any

from celery.signals import task_failure, task_rejected, task_revoked, task_unknown
from django.core.cache import cache
from django.core.mail import mail_admins

logger = logging.getLogger(__name__)

# Seconds in which one mail speaks for all messages of a task that expire, or fail by the same kind of error: a expired
# sweep may have hundreds of chunks, and a bug in a gateway meets every refund, at every attempt.
QUIET = 300


@task_failure.connect(dispatch_uid="refunds.report_failure")
def report_failure(
    *, sender: Any, task_id: str, exception: BaseException, args: Any, kwargs: Any, einfo: Any, **_newer: Any
) -> None:
    """Mail the task, its id and arguments, and the traceback; of those of a kind the first. Celery logs each."""
    kind = type(exception).__name__
    if not cache.add(f"refunds.failed.{sender.name}.{kind}", value=True, timeout=QUIET):
        return
    mail_admins(
        f"Task {sender.name} failed: {kind}",
        f"Task: {sender.name}\nId: {task_id}\nArguments: {args!r} {kwargs!r}\n\n{einfo}\n"
        f"Others like it within {QUIET} seconds are only logged.",
    )


@task_revoked.connect(dispatch_uid="refunds.report_expiry")
def report_expiry(*, sender: Any, request: Any, expired: bool, **_newer: Any) -> None:
    """Log each message that came too late, and mail the first of a kind."""
    if not expired:
        return
    # A kilobyte: the arguments can be a whole body.
    logger.warning("task %s expired: id %s, arguments %.1024s", sender.name, request.id, repr(request.kwargs))
    if cache.add(f"refunds.expired.{sender.name}", value=True, timeout=QUIET):
        mail_admins(
            f"Task {sender.name} expired",
            f"Task: {sender.name}\nId: {request.id}\nArguments: {request.kwargs!r}\n\n"
            "The message came after its time and was not run, unless this worker's clock is ahead: `python -m refunds "
            f"health` on its machine compares it. Others like it within {QUIET} seconds are only logged.",
        )


@task_rejected.connect(dispatch_uid="refunds.report_refusal")
@task_unknown.connect(dispatch_uid="refunds.report_refusal")
def report_refusal(*, exc: Exception, **_newer: Any) -> None:
    """Mail the first message that the worker refuses or cannot read; its log has each, with the beginning."""
    if cache.add("refunds.refused", value=True, timeout=QUIET):
        mail_admins(
            "A message on the queue was refused",
            f"{exc!r}\n\nIt was not run, and the worker's log has its beginning. None of this project's releases sends "
            "such a message: either somebody else can write to the broker, or a newer release than the worker's does. "
            f"Where it is kept and what to do is in docs/messages.md. Others within {QUIET} seconds are only logged.",
        )
