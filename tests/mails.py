"""Mails to customers in tests: a mail server that does as it is told, and what has become of a refund's mail."""

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
from refunds.operations import payments

ADDRESS = "c@example.com"
ADMIN = "admin@example.com"
# The subjects of the mails about a refund of the factories.
SUCCESS, FAILURE = "Your refund of 12.50 GBP", "Your refund of 12.50 GBP is delayed"


@dataclass
class Meanwhile:
    """Something that happens while a mail is being sent: before the server takes it, or after."""

    do: Callable[[], object]
    taken: bool = False


class MailServer:
    """Takes customers' mails, unless it is `down` or has an answer left: an error, or something that happens meanwhile.

    `asked` counts them all. Mails to the admins pass by it.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.down = False
        self.answers: list[Exception | Meanwhile] = []
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

    def _answer(self) -> Meanwhile | None:
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
    """One attempt to pay, which settles the refund."""
    payments.pay_refund(refund.pk, now, gateway=gateway, jitter=0)


def told(refund: Refund) -> tuple[str, datetime | None, datetime | None]:
    """Of what the customer was told, when, and from when on a mail is owed."""
    refund.refresh_from_db()
    return refund.notified_of, refund.notified_at, refund.notify_at


def subjects() -> list[str]:
    """Of the mails that went out to customers, in their order."""
    return [str(letter.subject) for letter in mail.outbox if ADMIN not in letter.to]
