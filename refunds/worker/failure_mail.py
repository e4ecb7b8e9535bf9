"""Mail the admins (the setting ADMINS) about failed and expired tasks, and about refused messages."""

import logging
from typing import Any

from celery.signals import task_failure, task_rejected, task_revoked, task_unknown
from django.core.cache import cache
from django.core.mail import mail_admins

logger = logging.getLogger(__name__)

# Seconds in which one mail reports all messages of a task that expire or fail with the same kind of error. Hundreds of
# messages can expire together, and a bug can fail each attempt of each message.
QUIET = 300


@task_failure.connect(dispatch_uid=f"{__name__}.report_failure")
def report_failure(
    *, sender: Any, task_id: str, exception: BaseException, args: Any, kwargs: Any, einfo: Any, **_newer: Any
) -> None:
    """Mail the task, id, arguments and traceback of the first failure of a kind. Celery logs each failure."""
    kind = type(exception).__name__
    if not cache.add(f"{__name__}.failed.{sender.name}.{kind}", value=True, timeout=QUIET):
        return
    mail_admins(
        f"Task {sender.name} failed: {kind}",
        f"Task: {sender.name}\nId: {task_id}\nArguments: {args!r} {kwargs!r}\n\n{einfo}\n"
        f"Others like it within {QUIET} seconds are only logged.",
    )


@task_revoked.connect(dispatch_uid=f"{__name__}.report_expiry")
def report_expiry(*, sender: Any, request: Any, expired: bool, **_newer: Any) -> None:
    """Log each expired message, and mail the admins about the first one of a task."""
    if not expired:
        return
    # Log only a kilobyte: the arguments can fill the largest body.
    logger.warning("task %s expired: id %s, arguments %.1024s", sender.name, request.id, repr(request.kwargs))
    if cache.add(f"{__name__}.expired.{sender.name}", value=True, timeout=QUIET):
        mail_admins(
            f"Task {sender.name} expired",
            f"Task: {sender.name}\nId: {request.id}\nArguments: {request.kwargs!r}\n\n"
            "The message was not run, because it had expired when the worker took it. If the worker's clock is ahead, "
            "set the clock: the command `health` on the worker's machine compares it with the database's. "
            f"Others like it within {QUIET} seconds are only logged.",
        )


@task_rejected.connect(dispatch_uid=f"{__name__}.report_refusal")
@task_unknown.connect(dispatch_uid=f"{__name__}.report_refusal")
def report_refusal(*, exc: Exception, **_newer: Any) -> None:
    """Mail the admins about the first message that a worker refuses or cannot read. The worker's log has each one."""
    if cache.add(f"{__name__}.refused", value=True, timeout=QUIET):
        mail_admins(
            "A message on the queue was refused",
            f"{exc!r}\n\nIt was not run, and the worker's log has its beginning. No release of this project sends such "
            "a message: either another program writes to the broker, or a release that is newer than this worker does. "
            "Usually there is nothing to do: the reconciler sends again what the rows need. "
            f"Others within {QUIET} seconds are only logged.",
        )
