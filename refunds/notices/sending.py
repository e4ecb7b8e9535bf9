"""What customers and admins are told."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from smtplib import SMTPRecipientsRefused
from typing import Final

from django.core.mail import mail_admins
from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone

from .. import outbox, queries
from ..apps import LABEL
from ..domain import addresses, cutoff
from ..domain import sweeps as rules
from ..domain.money import to_major
from ..domain.refunds import RefundStatus
from ..domain.returns import Decision
from ..domain.sweeps import IdRange
from ..errors import UnknownRow
from ..frozen import freeze
from ..models import Refund, ReturnRequest
from ..operations import PATIENCE
from . import letters, opt_outs

logger = logging.getLogger(__name__)

NOTIFY_CUSTOMER: Final = f"{LABEL}.notify_customer"

# How long a mail that is being sent keeps others from sending it: longer than a task may run (90 s).
LEASE: Final = timedelta(seconds=120)
# A mail that could not be sent for this long after the outcome is not sent any more: by then the customer has asked.
WITHIN: Final = timedelta(days=1)
# Where SMTP's permanent answers begin (RFC 5321, 4.2.1). Below it is, for one, greylisting, which wants a second try.
PERMANENT: Final = 500
# Customers that one message is for: a message each costs whoever pays 5,000 of them seconds.
LOT: Final = 100
# How long one message's mails may take, so that its task does not come to its time limit (60 s) in the midst of one.
SPELL: Final = timedelta(seconds=30)


def send_notices(ids: Sequence[int]) -> None:
    """Messages to tell the customers of these refunds, on commit; `ids` rise."""
    lots = [ids[start : start + LOT] for start in range(0, len(ids), LOT)]
    outbox.on_commit(NOTIFY_CUSTOMER, [_message(lot[0], lot[-1]) for lot in lots])


def _message(first_id: int, last_id: int) -> dict[str, int]:
    return {"refund_id": first_id} if first_id == last_id else {"refund_id": first_id, "last_id": last_id}


def notify_customers(id_range: IdRange, clock: Callable[[], datetime]) -> int:
    """Tell those in the range who are owed a mail, one after the other; return how many mails went out.

    Each as `notify_customer` does. One that fails there gets a message of its own, and what is left after a while has
    another for all. Raises what tells of a database that is away.
    """
    began, went = clock(), 0
    owed = Refund.objects.filter(pk__gte=id_range.first_id, pk__lte=id_range.last_id, notify_at__lte=began)
    # Those that have waited long: their message is in hand, neither in the queue nor lost.
    owed.filter(notify_at__lte=began - (PATIENCE - SPELL)).update(notify_at=began)
    for pk in owed.order_by("pk").values_list("pk", flat=True):
        if clock() >= began + SPELL:
            with transaction.atomic():
                owed.filter(pk__gte=pk).update(notify_at=clock())
                outbox.on_commit(NOTIFY_CUSTOMER, [_message(pk, id_range.last_id)])
            break
        try:
            went += notify_customer(pk, clock())
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            logger.exception("refund %d: the mail is left to a message of its own", pk)
            outbox.on_commit(NOTIFY_CUSTOMER, [_message(pk, pk)])
    return went


def notify_customer(refund_id: int, now: datetime) -> bool:
    """Tell the customer how the refund ended, once for each outcome; return whether a mail went out.

    No transaction is held while the mail server is spoken to. A mail that it does not take now stays owed, and is the
    reconciler's. One that can never be sent is suppressed, and the row says why: no mail can be written to the address,
    the server refuses it for good, or the mail is a day late. An error that is not the mail server's is a bug: it
    propagates, and the mail stays owed. Only where the process is killed, or the database goes away, between the
    server's yes and the note of it, the mail goes out twice, with the same Message-ID. Raises UnknownRow.
    """
    refund = _claim(refund_id, now)
    if refund is None:
        return False
    try:
        letters.to_customer(refund).send()
    except OSError as trouble:  # what smtplib raises is one, too
        for_good = _is_for_good(trouble)
        what = "not told, the address is refused" if for_good else "told later"
        logger.warning("%s: the customer is %s: %s", refund, what, trouble)
        _release(refund, None if for_good else now, f"the address is refused: {trouble}" if for_good else "")
        return False
    except Exception:
        _release(refund, now)
        raise
    _note(refund, now)
    return True


def _claim(refund_id: int, now: datetime) -> Refund | None:
    """The refund whose customer is to be told, kept from others for a lease; None where there is nothing to tell."""
    refund = Refund.objects.select_related("request").filter(pk=refund_id).first()
    if refund is None:
        raise UnknownRow("refund", refund_id)
    if refund.notify_at is None or refund.notify_at > now:
        return None
    is_moot = refund.settled_at is None  # tried again since, when the mail of the first try was on its way
    suppressed = "" if is_moot else _suppressed(refund, now)
    until = None if is_moot or suppressed else now + LEASE
    with transaction.atomic(durable=True):
        held = Refund.objects.filter(pk=refund_id, notify_at=refund.notify_at, status=refund.status)
        claimed = held.update(notify_at=until, notice_suppressed=suppressed)
    refund.notify_at = until
    return refund if claimed and until else None


def _suppressed(refund: Refund, now: datetime) -> str:
    """Why no notice is sent about this outcome, now or later; empty where one is."""
    address = refund.request.customer_email
    if opt_outs.has_opted_out(address):
        return "the customer has opted out"
    if problem := addresses.problem(address):
        reason = f"the address {address!a} {problem}"
    elif refund.settled_at is not None and refund.settled_at <= now - WITHIN:
        reason = f"it was due at {refund.settled_at} and could not be sent for a day"
    else:
        return ""
    logger.warning("%s: no notice is sent: %s", refund, reason)
    return reason


def _is_for_good(trouble: OSError) -> bool:
    """Whether the server says that it will never take mail for the address; below 500 it says to come again."""
    if not isinstance(trouble, SMTPRecipientsRefused):
        return False
    return all(code >= PERMANENT for code, _ in trouble.recipients.values())


def _release(refund: Refund, notify_at: datetime | None, suppressed: str = "") -> None:
    held = Refund.objects.filter(pk=refund.pk, notify_at=refund.notify_at)
    held.update(notify_at=notify_at, notice_suppressed=suppressed)


def _note(refund: Refund, now: datetime) -> None:
    """Write down what the customer has been told, and owe what has become of the refund meanwhile."""
    rows = Refund.objects.filter(pk=refund.pk)
    with transaction.atomic():
        current = rows.select_for_update().get()
        is_current = (current.status, current.settled_at) == (refund.status, refund.settled_at)
        # A mail about an earlier outcome that was the slower of two does not hide that the present one has been told.
        if is_current or current.notified_of != current.status:
            rows.update(notified_of=refund.status, notified_at=now)
        if current.notify_at != refund.notify_at:  # the lease was over, and another has taken it
            return
        anew = current.settled_at is not None and current.status != refund.status
        rows.update(notify_at=now if anew else None)
        if anew:
            outbox.on_commit(NOTIFY_CUSTOMER, [{"refund_id": refund.pk}])


def send_digest(now: datetime) -> None:
    """Tell the admins how the day stands: what waits for the next cut-off, what waits to be paid, what failed."""
    waiting = queries.totals(queries.pending(rules.scope(Decision.APPROVE, freeze(), now)))
    lines = [f"{count} waiting, {to_major(total, currency)} {currency}" for currency, count, total in waiting]
    unpaid = Refund.objects.filter(queries.UNPAID).count()
    under_way = Refund.objects.filter(queries.UNDER_WAY).count()
    failed = Refund.objects.filter(status=RefundStatus.FAILED).count()
    declined_at = timezone.localtime(cutoff.upcoming(now), cutoff.ZONE)
    body = "\n".join(
        [
            *(lines or ["nothing waiting"]),
            f"declined at {declined_at:%d %B %H:%M} unless approved before",
            f"{unpaid} refunds to be paid, {under_way} under way at the payment provider, {failed} failed",
        ]
    )
    mail_admins(f"Returns: {ReturnRequest.objects.filter(queries.PENDING).count()} pending", body)
