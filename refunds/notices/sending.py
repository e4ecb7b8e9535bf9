"""Send mails to customers, once for each outcome of a refund and once for a decline, under a lease."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from smtplib import SMTPRecipientsRefused
from typing import Any, Final

from django.db import InterfaceError, OperationalError, transaction

from .. import outbox
from ..apps import LABEL
from ..domain.returns import Status
from ..domain.sweeps import IdRange
from ..errors import UnknownRow
from ..models import Refund, ReturnRequest
from ..operations import PATIENCE
from ..text import addresses
from . import letters, opt_outs
from .models import Notice, NoticeStatus
from .queries import OPTED_OUT, REOPENED

logger = logging.getLogger(__name__)

NOTIFY_CUSTOMER: Final = f"{LABEL}.notify_customer"
# How long the sender of a mail excludes others: longer than the time limit of a task (90 s).
LEASE: Final = timedelta(seconds=120)
# How long after the outcome the mail is retried. By then the customer has asked.
WITHIN: Final = timedelta(days=1)
# SMTP's permanent answers begin here (RFC 5321, 4.2.1). Temporary ones, such as for greylisting, are below.
PERMANENT: Final = 500
# To publish 5,000 messages would take seconds of the payment's transaction.
NOTICES_PER_MESSAGE: Final = 100
# How long one task sends mails: it must not reach its soft time limit (60 s) during a mail.
LONGEST_RUN: Final = timedelta(seconds=30)


def send_messages(ids: Sequence[int]) -> None:
    """Send, on commit, the messages to notify the customers of these refunds. `ids` are in ascending order."""
    groups = [ids[start : start + NOTICES_PER_MESSAGE] for start in range(0, len(ids), NOTICES_PER_MESSAGE)]
    outbox.on_commit(NOTIFY_CUSTOMER, [_message(group[0], group[-1]) for group in groups])


def _message(first_id: int, last_id: int) -> dict[str, int]:
    return {"refund_id": first_id} if first_id == last_id else {"refund_id": first_id, "last_id": last_id}


def notify_customers(id_range: IdRange, clock: Callable[[], datetime]) -> int:
    """Send each due mail in the range, one after the other. Return how many were sent.

    A mail that fails with an unexpected error gets its own message. After LONGEST_RUN, the remaining mails get one
    message. Raises the errors of a database that does not answer.
    """
    began, sent = clock(), 0
    due = Notice.objects.filter(pk__gte=id_range.first_id, pk__lte=id_range.last_id, due_at__lte=began)
    # This task has the message of notices that have waited long. Otherwise the reconciler would count it as lost.
    due.filter(due_at__lte=began - (PATIENCE - LONGEST_RUN)).update(due_at=began)
    for pk in due.order_by("pk").values_list("pk", flat=True):
        if clock() >= began + LONGEST_RUN:
            with transaction.atomic():
                due.filter(pk__gte=pk).update(due_at=clock())
                outbox.on_commit(NOTIFY_CUSTOMER, [_message(pk, id_range.last_id)])
            break
        try:
            sent += notify_customer(pk, clock())
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            logger.exception("return request %d: the notice gets a message of its own", pk)
            outbox.on_commit(NOTIFY_CUSTOMER, [_message(pk, pk)])
    return sent


def notify_customer(request_id: int, now: datetime) -> bool:
    """Send the mail about a refund or a decline if it is due, once for each outcome. Return whether it was sent.

    No transaction is open during the call. If the server does not accept the mail now, the reconciler sends the message
    again. If the address is invalid or refused permanently, or the outcome is a day old, the notice is suppressed.
    After a kill between the server's answer and the commit, the same mail is sent again. Raises UnknownRow.
    """
    notice = _claim(request_id, now)
    if notice is None:
        return False
    try:
        letters.to_customer(notice).send()
    except OSError as trouble:  # the base of smtplib's errors too
        if _is_permanent(trouble):
            logger.warning("%s: no notice is sent: the mail server refuses the address: %s", notice.about, trouble)
            _release(notice, **_suppressed(f"the mail server refuses the address: {trouble}"))
        else:
            logger.warning("%s: the notice is sent later: %s", notice.about, trouble)
            _release(notice, due_at=now)
        return False
    except Exception:  # a bug: the notice stays pending
        _release(notice, due_at=now)
        raise
    if notice.sentence:
        _note_decline(notice, now)
    else:
        _note(notice, now)
    return True


def _claim(request_id: int, now: datetime) -> Notice | None:
    """Return the notice to send, with a lease on it; None if there is nothing to send."""
    notice = Notice.objects.select_related("request__refund").filter(pk=request_id).first()
    if notice is None and not ReturnRequest.objects.filter(pk=request_id).exists():
        raise UnknownRow("return request", request_id)
    if notice is None or notice.due_at is None or notice.due_at > now:
        return None
    reason = _why_not(notice, now)
    columns = _suppressed(reason) if reason else {"due_at": now + LEASE}
    with transaction.atomic(durable=True):
        if not notice.sentence and not _is_current(notice.request.refund):
            return None
        claimed = Notice.objects.filter(pk=request_id, due_at=notice.due_at).update(**columns)
    notice.due_at = columns["due_at"]
    return notice if claimed and not reason else None


def _is_current(read: Refund) -> bool:
    """Lock the refund as each outcome does, and return whether its outcome is still the one that was read.

    Wait for an outcome that is being written: it has its own message. A decline needs no lock, because it is final.
    """
    outcome = {"status": read.status, "settled_at": read.settled_at}
    return Refund.objects.select_for_update().filter(pk=read.pk, **outcome).first() is not None


def _why_not(notice: Notice, now: datetime) -> str:
    """Return why no mail can be sent about this outcome, now or later; an empty text if one can."""
    address, outcome_at = notice.request.customer_email, notice.outcome_at
    if outcome_at is None:  # retried while a worker, which then died, was sending the mail about the failure
        return REOPENED
    if opt_outs.has_opted_out(address):
        return OPTED_OUT
    if problem := addresses.problem(address):
        reason = f"the address {address!a} {problem}"
    elif outcome_at <= now - WITHIN:
        reason = f"it was due at {outcome_at} and could not be sent for a day"
    else:
        return ""
    logger.warning("%s: no notice is sent: %s", notice.about, reason)
    return reason


def _suppressed(reason: str) -> dict[str, Any]:
    return {"status": NoticeStatus.SUPPRESSED, "due_at": None, "reason": reason}


def _is_permanent(trouble: OSError) -> bool:
    """Return whether the server says that it will never accept mail for the address."""
    if not isinstance(trouble, SMTPRecipientsRefused):
        return False
    return all(code >= PERMANENT for code, _ in trouble.recipients.values())


def _release(notice: Notice, **columns: Any) -> None:
    """Write the columns and end the lease, unless it had expired and another sender has one."""
    Notice.objects.filter(pk=notice.pk, due_at=notice.due_at).update(**columns)


def _note_decline(sent: Notice, now: datetime) -> None:
    """Store that the customer was told. Nothing can have happened to the request since: a decline is final."""
    told = {"status": NoticeStatus.SENT, "due_at": None, "reason": ""}
    Notice.objects.filter(pk=sent.pk).update(notified_of=Status.DECLINED, notified_at=now, **told)


def _note(sent: Notice, now: datetime) -> None:
    """Store which outcome of a refund the mail named, and send a message if the refund has another outcome since."""
    with transaction.atomic():
        # Lock the refund first, as an outcome does.
        refund = Refund.objects.select_for_update().get(pk=sent.pk)
        notice = Notice.objects.select_for_update().get(pk=sent.pk)
        named = sent.request.refund
        is_current = (refund.status, refund.settled_at) == (named.status, named.settled_at)
        # A slow mail about an earlier outcome must not hide that a faster one has named the present one.
        if is_current or notice.notified_of != refund.status:
            notice.notified_of, notice.notified_at = named.status, now
        if notice.due_at == sent.due_at and refund.settled_at is not None and refund.status != named.status:
            notice.due_at = now
            send_messages([refund.pk])
        elif notice.due_at in {sent.due_at, None}:  # otherwise the lease had expired, and another sender has one
            notice.status, notice.due_at, notice.reason = NoticeStatus.SENT, None, ""
        notice.save()
