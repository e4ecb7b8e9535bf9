"""What customers are told: each outcome once, and nothing that is no longer so."""

from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection, transaction

from refunds.domain.refunds import RefundStatus
from refunds.domain.sweeps import IdRange
from refunds.errors import UnknownRow
from refunds.gateways.wallet import Wallet
from refunds.models import OptOut, Refund
from refunds.notices.sending import LEASE, notify_customer
from refunds.operations import bulk_payments, payments

from ..factories import NOON, make_refund
from ..mails import ADDRESS, FAILURE, NO, SUCCESS, YES, MailServer, Meanwhile, Says, settle, subjects, told

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
SUCCEEDED, FAILED = RefundStatus.SUCCEEDED, RefundStatus.FAILED


@pytest.mark.parametrize(("gateway", "status", "subject"), [(YES, SUCCEEDED, SUCCESS), (NO, FAILED, FAILURE)])
def test_an_outcome_is_told_once(owed: Refund, messages: list[int], gateway: Says, status: str, subject: str) -> None:
    """A settled refund owes one mail and sends one message; however often that comes, one mail goes out."""
    settle(owed, gateway, NOON)
    assert (told(owed), messages) == (("", None, NOON), [owed.pk])
    later = NOON + SECOND
    assert [notify_customer(owed.pk, later + n * LEASE) for n in range(3)] == [True, False, False]
    assert told(owed) == (status, later, None)
    assert [(letter.subject, letter.to) for letter in mail.outbox] == [(subject, [ADDRESS])]
    assert messages == [owed.pk]


def test_nothing_is_told_before_there_is_an_outcome(owed: Refund, messages: list[int]) -> None:
    """A message about a pending refund sends no mail, one about none fails."""
    assert not notify_customer(owed.pk, NOON)
    with pytest.raises(UnknownRow, match="there is no refund 404"):
        notify_customer(404, NOON)
    assert (told(owed), mail.outbox, messages) == (("", None, None), [], [])


def test_a_mail_is_not_sent_before_it_is_owed(owed: Refund) -> None:
    """A worker whose clock is slow leaves the mail to the next message."""
    settle(owed, YES, NOON)
    assert not notify_customer(owed.pk, NOON - SECOND)
    assert (told(owed), mail.outbox) == (("", None, NOON), [])


def test_a_customer_without_an_address_is_owed_nothing(messages: list[int]) -> None:
    """Neither a mail nor a message, whether paid one by one or in a range."""
    single, bulk = make_refund(), make_refund()
    settle(single, YES, NOON)
    bulk_payments.pay_refunds(IdRange(bulk.pk, bulk.pk), NOON, gateway=Wallet())
    assert [told(row) for row in (single, bulk)] == [("", None, None)] * 2
    assert messages == []


def test_a_span_owes_a_mail_for_each_refund_that_it_pays(messages: list[int]) -> None:
    """Paid by the wallet at once, each customer with an address that has not opted out is owed one, by one message."""
    rows = [make_refund(customer_email=ADDRESS) for _ in range(3)]
    OptOut.objects.create(address="out@example.com", created_at=NOON)
    out = make_refund(customer_email="Out@Example.com")
    assert bulk_payments.pay_refunds(IdRange(rows[0].pk, out.pk), NOON, gateway=Wallet()) == 4
    assert messages == [rows[0].pk]
    assert [told(row)[2] for row in (*rows, out)] == [NOON, NOON, NOON, None]


def test_a_span_owes_nothing_for_what_was_settled_before(messages: list[int]) -> None:
    """A mail that was given up is not owed again when a neighbour's payment passes over its refund."""
    before = make_refund(customer_email=ADDRESS)
    settle(before, YES, NOON)
    Refund.objects.filter(pk=before.pk).update(notify_at=None)
    neighbour = make_refund(customer_email=ADDRESS)
    bulk_payments.pay_refunds(IdRange(before.pk, neighbour.pk), NOON + MINUTE, gateway=Wallet())
    assert messages == [before.pk, neighbour.pk]
    assert told(before) == ("", None, None)


def test_a_second_failure_is_not_told_and_the_success_after_it_is(owed: Refund, messages: list[int]) -> None:
    """Failed, told, tried again and failed twice more: one mail. Tried again and paid: a second one."""
    settle(owed, NO, NOON)
    notify_customer(owed.pk, NOON)
    for again in (NOON + MINUTE, NOON + 2 * MINUTE):
        bulk_payments.try_again([owed.pk], again)
        settle(owed, NO, again)
        assert told(owed) == (FAILED, NOON, None)
    paid = NOON + 3 * MINUTE
    bulk_payments.try_again([owed.pk], paid)
    settle(owed, YES, paid)
    assert told(owed) == (FAILED, NOON, paid)
    assert notify_customer(owed.pk, paid)
    assert told(owed) == (SUCCEEDED, paid, None)
    assert (subjects(), messages) == ([FAILURE, SUCCESS], [owed.pk] * 2)


def test_a_failure_that_was_not_told_in_time_is_not_told(owed: Refund) -> None:
    """Tried again before its mail went out, the failure is no longer so; its message sends nothing."""
    settle(owed, NO, NOON)
    bulk_payments.try_again([owed.pk], NOON)
    assert told(owed) == ("", None, None)
    assert not notify_customer(owed.pk, NOON)
    assert (told(owed), mail.outbox) == (("", None, None), [])
    settle(owed, YES, NOON + MINUTE)
    notify_customer(owed.pk, NOON + MINUTE)
    assert subjects() == [SUCCESS]


def test_a_receipt_that_comes_before_the_mail_about_the_failure_is_what_is_told(owed: Refund) -> None:
    """The mail says what is so when it is sent."""
    settle(owed, NO, NOON)
    payments._settle(owed, "re_late", NOON + SECOND)
    assert notify_customer(owed.pk, NOON + SECOND)
    assert (told(owed)[0], subjects()) == (SUCCEEDED, [SUCCESS])


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_held_while_the_mail_server_is_spoken_to(mail_server: MailServer) -> None:
    """A slow mail server holds up no writer."""
    owed = make_refund(customer_email=ADDRESS)
    settle(owed, YES, NOON)
    held: list[bool] = []
    mail_server.answers = [Meanwhile(lambda: held.append(connection.in_atomic_block))]
    assert notify_customer(owed.pk, NOON)
    assert held == [False]


def test_a_customer_cannot_be_told_inside_a_transaction(owed: Refund) -> None:
    """It would be held while the mail server is spoken to, and a rollback would forget that the mail is out."""
    settle(owed, YES, NOON)
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        notify_customer(owed.pk, NOON)
    assert (told(owed), mail.outbox) == (("", None, NOON), [])
