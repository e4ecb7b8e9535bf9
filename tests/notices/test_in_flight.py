"""A mail takes seconds: its refund changes during them, or its worker is too slow or dies."""

from collections.abc import Callable
from datetime import datetime
from smtplib import SMTPServerDisconnected
from unittest.mock import Mock

import pytest
from django.core import mail

from refunds.models import Refund
from refunds.notices import sending
from refunds.notices.models import Notice
from refunds.notices.sending import LEASE, notify_customer
from refunds.operations.bulk_payments import try_again

from ..factories import BLINK, MINUTE, NOON, SECOND
from .mail_server import During, MailServer
from .mails import FAILED, FAILURE, NO, SUCCEEDED, SUCCESS, YES, late_receipt, notice_of, settle, subjects

pytestmark = pytest.mark.django_db
LATE = NOON + LEASE


@pytest.mark.parametrize(
    ("gateway", "is_news"), [(NO, False), (YES, True), (None, True)], ids=["failure", "success", "late receipt"]
)
def test_next_outcome_during_a_mail_is_mailed_next_if_it_is_news(
    refund: Refund, messages: list[int], mail_server: MailServer, gateway: Mock | None, is_news: bool
) -> None:
    """A second failure has no mail. The mail about a success waits for the first mail, and has its own message."""
    settle(refund, NO, NOON)

    def again() -> None:
        if gateway is None:
            late_receipt(refund, NOON + SECOND)
        else:
            try_again([refund.pk], NOON + SECOND)
            settle(refund, gateway, NOON + 2 * SECOND)
        assert not notify_customer(refund.pk, NOON + 3 * SECOND)

    mail_server.answers = [During(again)]
    assert notify_customer(refund.pk, NOON)
    assert notice_of(refund) == (FAILED, NOON, NOON if is_news else None)
    assert notify_customer(refund.pk, NOON + MINUTE) == is_news
    assert notice_of(refund) == ((SUCCEEDED, NOON + MINUTE, None) if is_news else (FAILED, NOON, None))
    assert (subjects(), messages) == ([FAILURE, SUCCESS][: 1 + is_news], [refund.pk] * (1 + is_news))


def test_mail_about_a_failure_counts_although_the_refund_is_pending_again(
    refund: Refund, messages: list[int], mail_server: MailServer
) -> None:
    """The refund is tried again while the mail is being sent: the mail is noted, and a second failure is not mailed."""
    settle(refund, NO, NOON)
    mail_server.answers = [During(lambda: try_again([refund.pk], NOON + SECOND))]
    notify_customer(refund.pk, NOON)
    assert (notice_of(refund), messages) == ((FAILED, NOON, None), [refund.pk])
    settle(refund, NO, NOON + MINUTE)
    assert (notice_of(refund), messages) == ((FAILED, NOON, None), [refund.pk])


def test_slow_mail_does_not_overwrite_a_later_outcome(
    refund: Refund, messages: list[int], mail_server: MailServer
) -> None:
    """The mail about the failure ends after another worker has mailed the success: the success stays noted."""
    settle(refund, NO, NOON)

    def overtaken() -> None:
        late_receipt(refund, NOON + SECOND)
        assert not notify_customer(refund.pk, LATE - BLINK)
        assert notify_customer(refund.pk, LATE)

    mail_server.answers = [During(overtaken)]
    assert notify_customer(refund.pk, NOON)
    assert notice_of(refund) == (SUCCEEDED, LATE, None)
    assert (subjects(), messages) == ([SUCCESS, FAILURE], [refund.pk])


@pytest.mark.parametrize("error", [None, SMTPServerDisconnected("gone")], ids=["ends", "fails"])
def test_slow_mail_does_not_end_the_lease_of_the_next_sender(
    refund: Refund, messages: list[int], mail_server: MailServer, error: Exception | None
) -> None:
    """Another worker has taken over after the lease, and is still sending when the slow one ends."""
    settle(refund, YES, NOON)

    def overtaken() -> None:
        Notice.objects.filter(pk=refund.pk).update(due_at=LATE + LEASE)
        if error:
            raise error

    mail_server.answers = [During(overtaken)]
    notify_customer(refund.pk, NOON)
    assert notice_of(refund)[2] == LATE + LEASE
    assert messages == [refund.pk]


def test_mail_of_a_dead_worker_is_suppressed_if_the_refund_was_tried_again(
    refund: Refund, mail_server: MailServer
) -> None:
    """After the lease nothing is sent until the next outcome."""
    settle(refund, NO, NOON)

    def killed() -> None:
        try_again([refund.pk], NOON + SECOND)
        raise SystemExit

    mail_server.answers = [During(killed)]
    with pytest.raises(SystemExit):
        notify_customer(refund.pk, NOON)
    assert notice_of(refund) == ("", None, LATE)
    assert not notify_customer(refund.pk, LATE)
    assert (notice_of(refund), mail.outbox) == (("", None, None), [])
    settle(refund, YES, LATE)
    assert notify_customer(refund.pk, LATE)
    assert subjects() == [SUCCESS]


def just_before_the_claim(monkeypatch: pytest.MonkeyPatch, do: Callable[[], object]) -> None:
    """Do something once, after the row was read."""
    look = sending._why_not

    def look_too_early(read: Notice, now: datetime) -> str:
        monkeypatch.setattr(sending, "_why_not", look)
        found = look(read, now)
        do()
        return found

    monkeypatch.setattr(sending, "_why_not", look_too_early)


def test_one_of_two_workers_sends_the_mail(refund: Refund, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that read the row before another claimed it finds it claimed."""
    settle(refund, YES, NOON)
    just_before_the_claim(monkeypatch, lambda: notify_customer(refund.pk, NOON))
    assert not notify_customer(refund.pk, NOON)
    assert (notice_of(refund), subjects()) == ((SUCCEEDED, NOON, None), [SUCCESS])


def test_outcome_between_the_read_and_the_claim_is_left_to_the_next_message(
    refund: Refund, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mail about the outcome that was read is not sent."""
    settle(refund, NO, NOON)
    just_before_the_claim(monkeypatch, lambda: late_receipt(refund, NOON))
    assert not notify_customer(refund.pk, NOON)
    assert (notice_of(refund), mail.outbox) == (("", None, NOON), [])
