"""Mails to customers in tests: outcomes, and the state of a notice."""

from collections.abc import Sequence
from datetime import datetime
from unittest.mock import Mock

from django.core import mail

from refunds.domain.refunds import RefundStatus
from refunds.gateways import Refused, Settled
from refunds.models import Refund
from refunds.notices.models import Notice, NoticeStatus, OptOut
from refunds.operations import payments

from ..conftest import ADMIN

ADDRESS = "c@example.com"
# The subjects of the mails about a refund of the factories.
SUCCESS, FAILURE = "Your refund of 12.50 GBP", "Your refund of 12.50 GBP is delayed"
SUCCEEDED, FAILED = RefundStatus.SUCCEEDED, RefundStatus.FAILED


def says(**answer: object) -> Mock:
    """Return a gateway with one answer."""
    return Mock(spec=["refund"], refund=Mock(**answer))


YES, NO = says(return_value=Settled("re_1")), says(side_effect=Refused("card closed"))


def settle(refund: Refund, gateway: Mock, now: datetime) -> None:
    """Settle the refund by one attempt to pay it."""
    payments.pay_refund(refund.pk, now, gateway=gateway, jitter=0)


def late_receipt(refund: Refund, now: datetime) -> None:
    """Settle the refund by the receipt of an attempt that outlived its lease."""
    payments._store_answer(refund, Settled("re_late"), now, YES)


def notice_of(refund: Refund) -> tuple[str, datetime | None, datetime | None]:
    """Return the outcome that the last mail named, when it was sent, and when the next mail is due."""
    notice = Notice.objects.filter(pk=refund.pk).first()
    return ("", None, None) if notice is None else (notice.notified_of, notice.notified_at, notice.due_at)


def reason_of(refund: Refund) -> str:
    """Return why the refund's notice was suppressed."""
    notice = Notice.objects.get(pk=refund.pk)
    assert (notice.status == NoticeStatus.SUPPRESSED) == bool(notice.reason)
    return notice.reason


def make_pending(ids: Sequence[int], due_at: datetime) -> None:
    """Give these refunds notices that are to be sent."""
    Notice.objects.bulk_create(Notice(request_id=pk, status=NoticeStatus.PENDING, due_at=due_at) for pk in ids)


def opted_out() -> list[tuple[object, ...]]:
    """Return the address and the instant of each opt-out."""
    return list(OptOut.objects.order_by("pk").values_list("address", "created_at"))


def subjects() -> list[str]:
    """Return the subjects of the mails that went out to customers, in their order."""
    return [str(letter.subject) for letter in mail.outbox if ADMIN not in letter.to]
