"""A payer of moods, the same for each refund on every deployment; and a letter box that keeps what it is given."""

import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from refunds.gateways import Order, Refused, Settled, TryAgain
from refunds.gateways.wallet import Wallet

# Seconds that it asks to be left alone for: a message with a countdown.
BUSY = timedelta(seconds=1)


class Moody:
    """The wallet, one refund at a time, with one answer for the first attempt and another for those after it."""

    def refund(self, order: Order, idempotency_key: str) -> Settled:
        """Refuse one in ten, be busy at first for one in four, and break for one in twenty-five."""
        if order.refund_id % 10 == 0:
            raise Refused("card closed")
        if order.refund_id % 25 == 1:
            raise ZeroDivisionError("a payer that breaks")
        if order.refund_id % 4 == 1 and not order.asked_before:
            raise TryAgain("busy", after=BUSY)
        return Wallet().refund(order, idempotency_key)


class LetterBox(BaseEmailBackend):
    """Writes a line for each mail to the file that REFUNDS_SITE_LETTERS names."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """One write for each: lines of several processes do not mix."""
        with Path(os.environ["REFUNDS_SITE_LETTERS"]).open("ab", buffering=0) as box:
            for letter in email_messages:
                box.write(f"{','.join(letter.to)}\t{letter.subject}\n".encode())
        return len(email_messages)
