"""A mail server with scripted answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from smtplib import SMTPRecipientsRefused
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.core.mail.backends.locmem import EmailBackend

from ..conftest import ADMIN
from .mails import ADDRESS


@dataclass
class During:
    """Something that happens while a mail is being sent: before the server takes it, or after."""

    do: Callable[[], object] = lambda: None
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
            answer = During() if any(ADMIN in letter.to for letter in letters) else self._answer()
            if not answer.taken:
                answer.do()
            taken = take(backend, letters)
            if answer.taken:
                answer.do()
            return taken

        monkeypatch.setattr(EmailBackend, "send_messages", send_messages)

    def _answer(self) -> During:
        self.asked += 1
        if self.down:
            raise ConnectionRefusedError("the mail server is away")
        answer = self.answers.pop(0) if self.answers else During()
        if isinstance(answer, Exception):
            raise answer
        return answer


def refusal(code: int) -> SMTPRecipientsRefused:
    """Return the mail server's refusal of the customer's address."""
    return SMTPRecipientsRefused({ADDRESS: (code, b"no such user")})
