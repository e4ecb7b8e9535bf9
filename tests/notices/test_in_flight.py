"""A mail takes seconds: what happens to its refund meanwhile, and to the mail when its worker is too slow or dies."""

import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from smtplib import SMTPServerDisconnected

import pytest
from django.core import mail

from refunds.domain.refunds import RefundStatus
from refunds.models import Refund
from refunds.notices import sending
from refunds.notices.sending import LEASE, notify_customer
from refunds.operations import payments
from refunds.operations.bulk_payments import try_again

from ..factories import NOON
from ..mails import FAILURE, NO, SUCCESS, YES, MailServer, Meanwhile, settle, subjects, told

pytestmark = pytest.mark.django_db
BLINK = timedelta(microseconds=1)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
LATE = NOON + LEASE
SUCCEEDED, FAILED = RefundStatus.SUCCEEDED, RefundStatus.FAILED


def test_a_failure_that_repeats_itself_is_told_once(owed: Refund, messages: list[int], mail_server: MailServer) -> None:
    """Tried again, and failed again, while the mail about the first failure is on its way."""
    settle(owed, NO, NOON)

    def again() -> None:
        try_again([owed.pk], NOON + SECOND)
        settle(owed, NO, NOON + 2 * SECOND)
        assert not notify_customer(owed.pk, NOON + 3 * SECOND)

    mail_server.answers = [Meanwhile(again)]
    assert notify_customer(owed.pk, NOON)
    assert told(owed) == (FAILED, NOON, None)
    assert (subjects(), messages) == ([FAILURE], [owed.pk])


def test_a_failure_that_is_pending_again_has_been_told(
    owed: Refund, messages: list[int], mail_server: MailServer
) -> None:
    """Tried again while the mail about it is on its way: it is noted, and a second failure is not told."""
    settle(owed, NO, NOON)
    mail_server.answers = [Meanwhile(lambda: try_again([owed.pk], NOON + SECOND))]
    notify_customer(owed.pk, NOON)
    assert (told(owed), messages) == ((FAILED, NOON, None), [owed.pk])
    settle(owed, NO, NOON + MINUTE)
    assert (told(owed), messages) == ((FAILED, NOON, None), [owed.pk])


def test_a_success_meanwhile_is_told_next(owed: Refund, messages: list[int], mail_server: MailServer) -> None:
    """The mail about the success waits for that about the failure, and has a message of its own."""
    settle(owed, NO, NOON)

    def paid() -> None:
        try_again([owed.pk], NOON + SECOND)
        settle(owed, YES, NOON + 2 * SECOND)
        assert not notify_customer(owed.pk, NOON + 3 * SECOND)

    mail_server.answers = [Meanwhile(paid)]
    notify_customer(owed.pk, NOON)
    assert (told(owed), messages) == ((FAILED, NOON, NOON), [owed.pk] * 2)
    assert notify_customer(owed.pk, NOON + MINUTE)
    assert told(owed) == (SUCCEEDED, NOON + MINUTE, None)
    assert (subjects(), messages) == ([FAILURE, SUCCESS], [owed.pk] * 2)


def test_a_slow_mail_takes_nothing_back(owed: Refund, messages: list[int], mail_server: MailServer) -> None:
    """A mail about the failure that ends after another worker has told of the success: success is the last word."""
    settle(owed, NO, NOON)

    def overtaken() -> None:
        payments._settle(owed, "re_late", NOON + SECOND)
        assert not notify_customer(owed.pk, LATE - BLINK)
        assert notify_customer(owed.pk, LATE)

    mail_server.answers = [Meanwhile(overtaken)]
    assert notify_customer(owed.pk, NOON)
    assert told(owed) == (SUCCEEDED, LATE, None)
    assert (subjects(), messages) == ([SUCCESS, FAILURE], [owed.pk])


@pytest.mark.parametrize("error", [None, SMTPServerDisconnected("gone")], ids=["ends", "fails"])
def test_a_slow_mail_lets_no_third_one_begin(
    owed: Refund, messages: list[int], mail_server: MailServer, error: Exception | None
) -> None:
    """Another worker has taken over after the lease, and still sends when the slow one comes to its end."""
    settle(owed, YES, NOON)

    def overtaken() -> None:
        Refund.objects.filter(pk=owed.pk).update(notify_at=LATE + LEASE)
        if error:
            raise error

    mail_server.answers = [Meanwhile(overtaken)]
    notify_customer(owed.pk, NOON)
    assert told(owed)[2] == LATE + LEASE
    assert messages == [owed.pk]


def test_a_mail_that_died_with_its_worker_is_sent_after_the_lease(owed: Refund, mail_server: MailServer) -> None:
    """Killed before the server took it; until the lease is over no message sends it."""
    settle(owed, YES, NOON)
    mail_server.answers = [Meanwhile(sys.exit)]
    with pytest.raises(SystemExit):
        notify_customer(owed.pk, NOON)
    assert (told(owed), mail.outbox) == (("", None, LATE), [])
    assert not notify_customer(owed.pk, LATE - BLINK)
    assert notify_customer(owed.pk, LATE)
    assert (told(owed), subjects()) == ((SUCCEEDED, LATE, None), [SUCCESS])


def test_a_mail_that_died_is_not_sent_of_a_refund_that_was_tried_again(owed: Refund, mail_server: MailServer) -> None:
    """After the lease there is nothing to tell until the next outcome."""
    settle(owed, NO, NOON)

    def killed() -> None:
        try_again([owed.pk], NOON + SECOND)
        raise SystemExit

    mail_server.answers = [Meanwhile(killed)]
    with pytest.raises(SystemExit):
        notify_customer(owed.pk, NOON)
    assert told(owed) == ("", None, LATE)
    assert not notify_customer(owed.pk, LATE)
    assert (told(owed), mail.outbox) == (("", None, None), [])
    settle(owed, YES, LATE)
    assert notify_customer(owed.pk, LATE)
    assert subjects() == [SUCCESS]


def just_before_the_claim(monkeypatch: pytest.MonkeyPatch, do: Callable[[], object]) -> None:
    """Let something happen once, after the row was read."""
    look = sending._suppressed

    def look_too_early(read: Refund, now: datetime) -> str:
        monkeypatch.setattr(sending, "_suppressed", look)
        found = look(read, now)
        do()
        return found

    monkeypatch.setattr(sending, "_suppressed", look_too_early)


def test_of_two_workers_one_tells(owed: Refund, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that has read the row before another claimed it finds it taken."""
    settle(owed, YES, NOON)
    just_before_the_claim(monkeypatch, lambda: notify_customer(owed.pk, NOON))
    assert not notify_customer(owed.pk, NOON)
    assert (told(owed), subjects()) == ((SUCCEEDED, NOON, None), [SUCCESS])


def test_a_refund_that_is_settled_anew_just_then_is_left_to_the_next_message(
    owed: Refund, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mail would speak of what was read, and is not sent."""
    settle(owed, NO, NOON)
    just_before_the_claim(monkeypatch, lambda: payments._settle(owed, "re_late", NOON))
    assert not notify_customer(owed.pk, NOON)
    assert (told(owed), mail.outbox) == (("", None, NOON), [])
