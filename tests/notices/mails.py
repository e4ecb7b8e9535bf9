"""Mails to customers in tests: a mail server with scripted answers, outcomes, and the state of a notice."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.core.mail.backends.locmem import EmailBackend

from refunds.gateways import Answer, Refused, Settled
from refunds.models import Refund
from refunds.notices.models import Notice, NoticeStatus
from refunds.operations import payments

from ..conftest import ADMIN

ADDRESS = "c@example.com"
# The subjects of the mails about a refund of the factories.
SUCCESS, FAILURE = "Your refund of 12.50 GBP", "Your refund of 12.50 GBP is delayed"


@dataclass
class During:
    """Something that happens while a mail is being sent: before the server takes it, or after."""

    do: Callable[[], object]
    taken: bool = False


class MailServer:
    """Takes customers' mails, unless it is `down` or has an answer left: an error, or something to do during the call.

    `asked` counts the calls. Mails to the admins do not count.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.down = False
        self.answers: list[Exception | During] = []
        self.asked = 0
        take: Callable[[Any, Sequence[EmailMessage]], int] = EmailBackend.send_messages

        def send_messages(backend: Any, letters: Sequence[EmailMessage]) -> int:
            if any(ADMIN in letter.to for letter in letters):
                return take(backend, letters)
            answer = self._answer()
            if answer and not answer.taken:
                answer.do()
            taken = take(backend, letters)
            if answer and answer.taken:
                answer.do()
            return taken

        monkeypatch.setattr(EmailBackend, "send_messages", send_messages)

    def _answer(self) -> During | None:
        self.asked += 1
        if self.down:
            raise ConnectionRefusedError("the mail server is away")
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer


class Says:
    """A gateway with one answer."""

    def __init__(self, answer: Answer | Refused) -> None:
        self.answer = answer

    def refund(self, *_: object) -> Answer:
        if isinstance(self.answer, Refused):
            raise self.answer
        return self.answer


YES, NO = Says(Settled("re_1")), Says(Refused("card closed"))


def settle(refund: Refund, gateway: Says, now: datetime) -> None:
    """Settle the refund by one attempt to pay it."""
    payments.pay_refund(refund.pk, now, gateway=gateway, jitter=0)


def late_receipt(refund: Refund, now: datetime) -> None:
    """Settle the refund by the receipt of an attempt that outlived its lease."""
    payments._settle(refund, "re_late", now)


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
    Notice.objects.bulk_create(Notice(refund_id=pk, status=NoticeStatus.PENDING, due_at=due_at) for pk in ids)


def subjects() -> list[str]:
    """Of the mails that went out to customers, in their order."""
    return [str(letter.subject) for letter in mail.outbox if ADMIN not in letter.to]
