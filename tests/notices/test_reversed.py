"""What a customer is told of a refund that is under way, and of one that fails after it succeeded."""

from datetime import datetime, timedelta

import pytest
from django.core import mail

from refunds.domain.refunds import RefundStatus
from refunds.gateways import Refused, UnderWay
from refunds.models import Refund
from refunds.notices.sending import LEASE, notify_customer
from refunds.operations.bulk_payments import try_again
from refunds.operations.payments import pay_refund
from refunds.remedies.closing import settle_elsewhere
from refunds.tracking.look_ups import hint
from refunds.tracking.outcomes import look_up_refund

from ..factories import NOON
from ..mails import FAILURE, SUCCESS, YES, MailServer, Meanwhile, settle, subjects, told
from ..operations.payers import Scripted

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
SUCCEEDED, FAILED = RefundStatus.SUCCEEDED, RefundStatus.FAILED
REVERSED = "Your refund of 12.50 GBP has failed"


def reverse(refund: Refund, now: datetime) -> None:
    """The provider hints that the paid refund has failed, and says so when it is asked."""
    hint(refund.request.key, "re_1", FAILED, now)
    look_up_refund(refund.pk, now, gateway=Scripted(Refused("returned by the bank")))


def accept(refund: Refund) -> None:
    """The provider accepts the refund without settling it."""
    pay_refund(refund.pk, NOON, gateway=Scripted(UnderWay("re_1")), jitter=0)


def test_a_refund_under_way_is_not_told(owed: Refund, messages: list[int]) -> None:
    """No mail while it is under way; one when it has succeeded."""
    accept(owed)
    assert not notify_customer(owed.pk, NOON)
    assert (told(owed), messages, subjects()) == (("", None, None), [], [])
    look_up_refund(owed.pk, NOON + MINUTE, gateway=Scripted("re_1"))
    assert notify_customer(owed.pk, NOON + MINUTE)
    assert (told(owed), messages, subjects()) == ((SUCCEEDED, NOON + MINUTE, None), [owed.pk], [SUCCESS])


def test_a_refund_that_was_under_way_and_failed_is_told_as_delayed(owed: Refund, messages: list[int]) -> None:
    """Nobody had told the customer that it was paid."""
    accept(owed)
    look_up_refund(owed.pk, NOON + MINUTE, gateway=Scripted(Refused("account closed")))
    assert notify_customer(owed.pk, NOON + MINUTE)
    assert (subjects(), messages) == ([FAILURE], [owed.pk])


def test_a_failure_after_success_is_told_once_and_honestly(owed: Refund, messages: list[int]) -> None:
    """The mail says that the announced refund has failed; tried again and paid, the customer hears of that as well."""
    settle(owed, YES, NOON)
    notify_customer(owed.pk, NOON)
    reverse(owed, NOON + MINUTE)
    assert [notify_customer(owed.pk, NOON + MINUTE + n * LEASE) for n in range(2)] == [True, False]
    assert told(owed) == (FAILED, NOON + MINUTE, None)
    letter = mail.outbox[-1]
    assert letter.body.startswith(
        "We told you that we had refunded 12.50 GBP for 1001/1. The payment provider now says that this refund has "
        "failed. We are looking into it; you need not do anything."
    )
    later = NOON + timedelta(days=1)
    try_again([owed.pk], later)
    settle(owed, YES, later)
    notify_customer(owed.pk, later)
    assert told(owed) == (SUCCEEDED, later, None)
    assert (subjects(), messages) == ([SUCCESS, REVERSED, SUCCESS], [owed.pk] * 3)
    # Mail programs show mails with one Message-ID once: the second success is another mail.
    assert len({letter.extra_headers["Message-ID"] for letter in mail.outbox}) == 3


@pytest.mark.parametrize("how", ["tried again", "settled elsewhere"])
def test_a_second_success_is_told_although_the_failure_before_it_was_not(
    owed: Refund, messages: list[int], how: str
) -> None:
    """The mail server was away when the paid refund failed: the customer knows only the receipt that is void."""
    settle(owed, YES, NOON)
    notify_customer(owed.pk, NOON)
    reverse(owed, NOON + MINUTE)
    later = NOON + timedelta(hours=1)
    if how == "tried again":
        try_again([owed.pk], later)
        pay_refund(owed.pk, later, gateway=Scripted("re_2"), jitter=0)
    else:
        assert settle_elsewhere(owed.pk, "re_2", "by hand", later, seen=0, note=lambda _: None)
    assert notify_customer(owed.pk, later)
    assert (subjects(), messages) == ([SUCCESS, SUCCESS], [owed.pk] * 3)
    assert "re_2" in mail.outbox[-1].body
    assert len({letter.extra_headers["Message-ID"] for letter in mail.outbox}) == 2


def test_a_success_that_was_not_told_in_time_is_not_announced(owed: Refund, messages: list[int]) -> None:
    """It fails before its mail goes out: the one mail says that the refund is delayed."""
    settle(owed, YES, NOON)
    reverse(owed, NOON + MINUTE)
    assert [notify_customer(owed.pk, NOON + MINUTE * n) for n in (1, 2)] == [True, False]
    assert (told(owed)[0], subjects(), messages) == (FAILED, [FAILURE], [owed.pk])


def test_a_failure_while_the_mail_about_the_success_is_sent_is_told_next(
    owed: Refund, messages: list[int], mail_server: MailServer
) -> None:
    """The mail about the failure waits for that about the success, and knows of it."""
    settle(owed, YES, NOON)
    mail_server.answers = [Meanwhile(lambda: reverse(owed, NOON + MINUTE))]
    notify_customer(owed.pk, NOON)
    assert (told(owed), messages) == ((SUCCEEDED, NOON, NOON), [owed.pk] * 2)
    assert notify_customer(owed.pk, NOON + 2 * MINUTE)
    assert (told(owed), subjects()) == ((FAILED, NOON + 2 * MINUTE, None), [SUCCESS, REVERSED])


def test_a_slow_mail_about_the_success_does_not_hide_that_the_failure_was_told(
    owed: Refund, messages: list[int], mail_server: MailServer
) -> None:
    """It outlives its lease, and the failure is told by another worker: a later success is told again."""
    settle(owed, YES, NOON)
    late = NOON + LEASE

    def overtaken() -> None:
        reverse(owed, NOON + MINUTE)
        assert notify_customer(owed.pk, late)

    mail_server.answers = [Meanwhile(overtaken)]
    notify_customer(owed.pk, NOON)
    assert told(owed) == (FAILED, late, None)
    try_again([owed.pk], late)
    settle(owed, YES, late)
    assert notify_customer(owed.pk, late)
    assert told(owed)[0] == SUCCEEDED
