"""Each outcome is mailed once, and nothing that is no longer true."""

from unittest.mock import Mock

import pytest
from django.core import mail
from django.db import transaction

from refunds.domain.sweeps import IdRange
from refunds.errors import UnknownRow
from refunds.gateways.wallet import Wallet
from refunds.models import Refund
from refunds.notices.models import Notice, NoticeStatus, OptOut
from refunds.notices.sending import LEASE, notify_customer
from refunds.operations.bulk_payments import pay_refunds, try_again

from ..factories import MINUTE, NOON, SECOND, make_refund
from .mails import ADDRESS, FAILED, FAILURE, NO, SUCCEEDED, SUCCESS, YES, late_receipt, notice_of, settle, subjects

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("gateway", "status", "subject"), [(YES, SUCCEEDED, SUCCESS), (NO, FAILED, FAILURE)])
def test_outcome_is_mailed_once(refund: Refund, messages: list[int], gateway: Mock, status: str, subject: str) -> None:
    """A settled refund has one pending notice and one message; however often that comes, one mail is sent."""
    settle(refund, gateway, NOON)
    assert (notice_of(refund), messages) == (("", None, NOON), [refund.pk])
    later = NOON + SECOND
    assert [notify_customer(refund.pk, later + n * LEASE) for n in range(3)] == [True, False, False]
    assert notice_of(refund) == (status, later, None)
    assert [(letter.subject, letter.to) for letter in mail.outbox] == [(subject, [ADDRESS])]
    assert messages == [refund.pk]


def test_refund_without_an_outcome_has_no_mail(refund: Refund, messages: list[int]) -> None:
    """A message about a pending refund sends no mail; a message about an unknown refund fails."""
    assert not notify_customer(refund.pk, NOON)
    with pytest.raises(UnknownRow, match="there is no return request 404; nothing was changed"):
        notify_customer(404, NOON)
    assert (notice_of(refund), mail.outbox, messages) == (("", None, None), [], [])


def test_mail_is_sent_neither_before_it_is_due_nor_inside_a_transaction(refund: Refund) -> None:
    """A transaction would stay open during the mail, and a rollback would lose the note that it was sent."""
    settle(refund, YES, NOON)
    assert not notify_customer(refund.pk, NOON - SECOND)
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        notify_customer(refund.pk, NOON)
    assert (notice_of(refund), mail.outbox) == (("", None, NOON), [])


def test_customer_without_an_address_has_no_notice(messages: list[int]) -> None:
    """There is neither a mail nor a message, whether the refund is paid alone or in a range."""
    single, bulk = make_refund(), make_refund()
    settle(single, YES, NOON)
    pay_refunds(IdRange(bulk.pk, bulk.pk), NOON, gateway=Wallet())
    assert [notice_of(row) for row in (single, bulk)] == [("", None, None)] * 2
    assert messages == []


def test_range_has_a_notice_for_each_refund_that_is_paid(messages: list[int]) -> None:
    """Each customer with an address that has not opted out gets one, by one message; an earlier outcome has none."""
    before = make_refund(customer_email=ADDRESS)
    settle(before, YES, NOON)
    Notice.objects.filter(pk=before.pk).update(status=NoticeStatus.SUPPRESSED, due_at=None, reason="by hand")
    rows = [make_refund(customer_email=ADDRESS) for _ in range(3)]
    OptOut.objects.create(address="out@example.com", created_at=NOON)
    out = make_refund(customer_email="Out@Example.com")
    later = NOON + MINUTE
    assert pay_refunds(IdRange(before.pk, out.pk), later, gateway=Wallet()) == 4
    assert messages == [before.pk, rows[0].pk]
    assert [notice_of(row) for row in (before, *rows, out)] == [
        ("", None, due_at) for due_at in (None, later, later, later, None)
    ]


def test_failure_that_is_tried_again_before_its_mail_is_suppressed(refund: Refund) -> None:
    """The failure is no longer true; its message sends nothing."""
    settle(refund, NO, NOON)
    try_again([refund.pk], NOON)
    assert notice_of(refund) == ("", None, None)
    assert not notify_customer(refund.pk, NOON)
    assert (notice_of(refund), mail.outbox) == (("", None, None), [])
    settle(refund, YES, NOON + MINUTE)
    notify_customer(refund.pk, NOON + MINUTE)
    assert subjects() == [SUCCESS]


def test_mail_names_the_outcome_at_the_time_of_sending(refund: Refund) -> None:
    """A receipt comes before the mail about the failure is sent: the mail names the success."""
    settle(refund, NO, NOON)
    late_receipt(refund, NOON + SECOND)
    assert notify_customer(refund.pk, NOON + SECOND)
    assert (notice_of(refund)[0], subjects()) == (SUCCEEDED, [SUCCESS])
