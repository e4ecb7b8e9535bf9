"""Sending mails to customers: each outcome once, under a lease."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from smtplib import SMTPRecipientsRefused
from typing import Any, Final

from django.db import InterfaceError, OperationalError, transaction

from .. import outbox
from ..apps import LABEL
from ..domain.sweeps import IdRange
from ..errors import UnknownRow
from ..models import Refund
from ..operations import PATIENCE
from ..text import addresses
from . import letters, opt_outs
from .models import Notice, NoticeStatus
from .queries import OPTED_OUT, REOPENED

logger = logging.getLogger(__name__)

NOTIFY_CUSTOMER: Final = f"{LABEL}.notify_customer"
# How long the sender of a mail excludes others: longer than a task may run (90 s).
LEASE: Final = timedelta(seconds=120)
# How long after the outcome a mail is tried. By then the customer has asked.
WITHIN: Final = timedelta(days=1)
# Where SMTP's permanent answers begin (RFC 5321, 4.2.1). Greylisting, for example, answers below it.
PERMANENT: Final = 500
# Refunds per message: publishing 5,000 messages would cost the payment's transaction seconds.
LOT: Final = 100
# How long the mails of one message may take, so that its task reaches no time limit (60 s) during a mail.
SPELL: Final = timedelta(seconds=30)


def send_messages(ids: Sequence[int]) -> None:
    """Send messages, on commit, to notify the customers of these refunds; `ids` rise."""
    lots = [ids[start : start + LOT] for start in range(0, len(ids), LOT)]
    outbox.on_commit(NOTIFY_CUSTOMER, [_message(lot[0], lot[-1]) for lot in lots])


def _message(first_id: int, last_id: int) -> dict[str, int]:
    return {"refund_id": first_id} if first_id == last_id else {"refund_id": first_id, "last_id": last_id}


def notify_customers(id_range: IdRange, clock: Callable[[], datetime]) -> int:
    """Send each mail in the range that is due, one after the other; return how many were sent.

    A mail that fails as a bug does gets a message of its own. What is left after SPELL gets one message for all. Raises
    the errors of a database that is away.
    """
    began, sent = clock(), 0
    due = Notice.objects.filter(pk__gte=id_range.first_id, pk__lte=id_range.last_id, due_at__lte=began)
    # The message of those that have waited long is in hand: without this the reconciler would take it for lost.
    due.filter(due_at__lte=began - (PATIENCE - SPELL)).update(due_at=began)
    for pk in due.order_by("pk").values_list("pk", flat=True):
        if clock() >= began + SPELL:
            with transaction.atomic():
                due.filter(pk__gte=pk).update(due_at=clock())
                outbox.on_commit(NOTIFY_CUSTOMER, [_message(pk, id_range.last_id)])
            break
        try:
            sent += notify_customer(pk, clock())
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            logger.exception("refund %d: the notice gets a message of its own", pk)
            outbox.on_commit(NOTIFY_CUSTOMER, [_message(pk, pk)])
    return sent


def notify_customer(refund_id: int, now: datetime) -> bool:
    """Send the mail about a refund if it is due, once for each outcome; return whether it was sent.

    No transaction is open while the mail server is called. A mail that the server does not take now stays pending, and
    the reconciler sends its message again. A mail that can never be sent is suppressed, and the row says why: no mail
    can be written to the address, the server refuses the address for good, or the outcome is a day old. Any other error
    is a bug: it propagates, and the mail stays pending. A process that is killed, or loses the database, between the
    server's answer and the note of it leaves a mail that is sent a second time, with the same Message-ID. Raises
    UnknownRow.
    """
    notice = _claim(refund_id, now)
    if notice is None:
        return False
    try:
        letters.to_customer(notice).send()
    except OSError as trouble:  # the base of smtplib's errors too
        if _is_permanent(trouble):
            logger.warning("%s: no notice is sent: the mail server refuses the address: %s", notice.refund, trouble)
            _release(notice, **_suppressed(f"the mail server refuses the address: {trouble}"))
        else:
            logger.warning("%s: the notice is sent later: %s", notice.refund, trouble)
            _release(notice, due_at=now)
        return False
    except Exception:
        _release(notice, due_at=now)
        raise
    _note(notice, now)
    return True


def _claim(refund_id: int, now: datetime) -> Notice | None:
    """Return the notice that is to be sent, with a lease on it; None where nothing is to be sent."""
    notice = Notice.objects.select_related("refund__request").filter(pk=refund_id).first()
    if notice is None and not Refund.objects.filter(pk=refund_id).exists():
        raise UnknownRow("refund", refund_id)
    if notice is None or notice.due_at is None or notice.due_at > now:
        return None
    reason = _why_not(notice, now)
    columns = _suppressed(reason) if reason else {"due_at": now + LEASE}
    outcome = {"status": notice.refund.status, "settled_at": notice.refund.settled_at}
    with transaction.atomic(durable=True):
        # Locked as each outcome locks it: this waits for an outcome that is being written. The next message sends that.
        if Refund.objects.select_for_update().filter(pk=refund_id, **outcome).first() is None:
            return None
        claimed = Notice.objects.filter(pk=refund_id, due_at=notice.due_at).update(**columns)
    notice.due_at = columns["due_at"]
    return notice if claimed and not reason else None


def _why_not(notice: Notice, now: datetime) -> str:
    """Return why no mail is sent about this outcome, now or later; empty where one is sent."""
    refund, address = notice.refund, notice.refund.request.customer_email
    if refund.settled_at is None:  # tried again, while the mail about the failure was being sent by a worker that died
        return REOPENED
    if opt_outs.has_opted_out(address):
        return OPTED_OUT
    if problem := addresses.problem(address):
        reason = f"the address {address!a} {problem}"
    elif refund.settled_at <= now - WITHIN:
        reason = f"it was due at {refund.settled_at} and could not be sent for a day"
    else:
        return ""
    logger.warning("%s: no notice is sent: %s", refund, reason)
    return reason


def _suppressed(reason: str) -> dict[str, Any]:
    return {"status": NoticeStatus.SUPPRESSED, "due_at": None, "reason": reason}


def _is_permanent(trouble: OSError) -> bool:
    """Whether the server says that it will never take mail for the address."""
    if not isinstance(trouble, SMTPRecipientsRefused):
        return False
    return all(code >= PERMANENT for code, _ in trouble.recipients.values())


def _release(notice: Notice, **columns: Any) -> None:
    """Write the columns and end the lease, unless it was over and another sender has one."""
    Notice.objects.filter(pk=notice.pk, due_at=notice.due_at).update(**columns)


def _note(sent: Notice, now: datetime) -> None:
    """Write down what the mail named, and send a message where the refund has another outcome since."""
    with transaction.atomic():
        # The refund first, as an outcome locks them.
        refund = Refund.objects.select_for_update().get(pk=sent.pk)
        notice = Notice.objects.select_for_update().get(pk=sent.pk)
        is_current = (refund.status, refund.settled_at) == (sent.refund.status, sent.refund.settled_at)
        # A slow mail about an earlier outcome must not hide that a faster one has named the present one.
        if is_current or notice.notified_of != refund.status:
            notice.notified_of, notice.notified_at = sent.refund.status, now
        if notice.due_at == sent.due_at and refund.settled_at is not None and refund.status != sent.refund.status:
            notice.due_at = now
            send_messages([refund.pk])
        elif notice.due_at in {sent.due_at, None}:  # otherwise the lease was over, and another sender has one
            notice.status, notice.due_at, notice.reason = NoticeStatus.SENT, None, ""
        notice.save()
