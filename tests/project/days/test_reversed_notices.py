"""Notices of refunds that are under way, or that fail after they succeeded."""

from datetime import datetime

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

from ...factories import DAY, HOUR, MINUTE, NOON
from ...notices.mail_server import During, MailServer
from ...notices.mails import FAILURE, SUCCESS, YES, notice_of, settle, subjects
from ...operations.payers import Scripted

pytestmark = pytest.mark.django_db
SUCCEEDED, FAILED = RefundStatus.SUCCEEDED, RefundStatus.FAILED
REVERSED = "Your refund of 12.50 GBP has failed"


def reverse(refund: Refund, now: datetime) -> None:
    """The provider hints that the paid refund has failed, and says so when it is asked."""
    hint(refund.request.key, "re_1", FAILED, now)
    look_up_refund(refund.pk, now, gateway=Scripted(Refused("returned by the bank")))


def mail_success_and_reverse(refund: Refund) -> None:
    """Pay the refund, tell the customer, and have it fail a minute later."""
    settle(refund, YES, NOON)
    notify_customer(refund.pk, NOON)
    reverse(refund, NOON + MINUTE)


@pytest.mark.parametrize(
    ("answer", "outcome", "subject"),
    [("re_1", SUCCEEDED, SUCCESS), (Refused("account closed"), FAILED, FAILURE)],
    ids=["succeeds", "fails"],
)
def test_refund_under_way_is_mailed_when_it_ends(
    refund: Refund, messages: list[int], answer: str | Refused, outcome: str, subject: str
) -> None:
    """No mail while it is under way; then one, which says that it is paid, or that it is delayed."""
    pay_refund(refund.pk, NOON, gateway=Scripted(UnderWay("re_1")), jitter=0)
    assert not notify_customer(refund.pk, NOON)
    assert (notice_of(refund), messages, subjects()) == (("", None, None), [], [])
    look_up_refund(refund.pk, NOON + MINUTE, gateway=Scripted(answer))
    assert notify_customer(refund.pk, NOON + MINUTE)
    assert (notice_of(refund), messages, subjects()) == ((outcome, NOON + MINUTE, None), [refund.pk], [subject])


def test_failure_after_success_is_mailed_once(refund: Refund, messages: list[int]) -> None:
    """The mail says that the announced refund has failed; tried again and paid, there is another mail."""
    mail_success_and_reverse(refund)
    assert [notify_customer(refund.pk, NOON + MINUTE + n * LEASE) for n in range(2)] == [True, False]
    assert notice_of(refund) == (FAILED, NOON + MINUTE, None)
    letter = mail.outbox[-1]
    assert letter.body.startswith(
        "We told you that we had refunded 12.50 GBP for 1001/1. The payment provider now says that this refund has "
        "failed. We are looking into it; you need not do anything."
    )
    later = NOON + DAY
    try_again([refund.pk], later)
    settle(refund, YES, later)
    notify_customer(refund.pk, later)
    assert notice_of(refund) == (SUCCEEDED, later, None)
    assert (subjects(), messages) == ([SUCCESS, REVERSED, SUCCESS], [refund.pk] * 3)
    # Mail programs show mails with one Message-ID once: the second success is another mail.
    assert len({letter.extra_headers["Message-ID"] for letter in mail.outbox}) == 3


@pytest.mark.parametrize("how", ["tried again", "settled elsewhere"])
def test_second_success_is_mailed_although_the_failure_before_it_was_not(
    refund: Refund, messages: list[int], how: str
) -> None:
    """The mail server was away when the paid refund failed: the customer knows only the void receipt."""
    mail_success_and_reverse(refund)
    later = NOON + HOUR
    if how == "tried again":
        try_again([refund.pk], later)
        pay_refund(refund.pk, later, gateway=Scripted("re_2"), jitter=0)
    else:
        assert settle_elsewhere(refund.pk, "re_2", "by hand", later, seen=0, note=lambda _: None)
    assert notify_customer(refund.pk, later)
    assert (subjects(), messages) == ([SUCCESS, SUCCESS], [refund.pk] * 3)
    assert "re_2" in mail.outbox[-1].body
    assert len({letter.extra_headers["Message-ID"] for letter in mail.outbox}) == 2


def test_success_that_fails_before_its_mail_is_not_mailed(refund: Refund, messages: list[int]) -> None:
    """It fails before its mail goes out: the one mail says that the refund is delayed."""
    settle(refund, YES, NOON)
    reverse(refund, NOON + MINUTE)
    assert [notify_customer(refund.pk, NOON + MINUTE * n) for n in (1, 2)] == [True, False]
    assert (notice_of(refund)[0], subjects(), messages) == (FAILED, [FAILURE], [refund.pk])


def test_failure_during_the_mail_about_the_success_is_mailed_next(
    refund: Refund, messages: list[int], mail_server: MailServer
) -> None:
    """The mail about the failure waits for the mail about the success, and refers to it."""
    settle(refund, YES, NOON)
    mail_server.answers = [During(lambda: reverse(refund, NOON + MINUTE))]
    notify_customer(refund.pk, NOON)
    assert (notice_of(refund), messages) == ((SUCCEEDED, NOON, NOON), [refund.pk] * 2)
    assert notify_customer(refund.pk, NOON + 2 * MINUTE)
    assert (notice_of(refund), subjects()) == ((FAILED, NOON + 2 * MINUTE, None), [SUCCESS, REVERSED])


def test_slow_mail_about_the_success_does_not_hide_the_mail_about_the_failure(
    refund: Refund, messages: list[int], mail_server: MailServer
) -> None:
    """It outlives its lease, and another worker mails the failure: a later success is mailed again."""
    settle(refund, YES, NOON)
    late = NOON + LEASE

    def overtaken() -> None:
        reverse(refund, NOON + MINUTE)
        assert notify_customer(refund.pk, late)

    mail_server.answers = [During(overtaken)]
    notify_customer(refund.pk, NOON)
    assert notice_of(refund) == (FAILED, late, None)
    try_again([refund.pk], late)
    settle(refund, YES, late)
    assert notify_customer(refund.pk, late)
    assert notice_of(refund)[0] == SUCCEEDED
