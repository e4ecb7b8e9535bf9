"""A refund that an operator has paid by another way."""

import pytest
from django.core import mail
from django.db import transaction

from refunds.errors import BadInput
from refunds.models import Refund, WalletEntry
from refunds.notices.models import Notice
from refunds.notices.sending import NOTIFY_CUSTOMER, notify_customer
from refunds.operations import bulk_payments, health
from refunds.operations.audit import run_audit
from refunds.operations.payments import NotNow, pay_refund

from ..factories import NOON, PRESSED, refund_rows
from .closers import any_payment, failed_refund, refund, settle, state
from .conftest import Commit, Published
from .payers import Scripted

__all__ = ["any_payment", "refund"]  # fixtures

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("any_payment")]


def test_it_has_succeeded_with_the_receipt_and_the_reason(refund: Refund, published: Published, commit: Commit) -> None:
    """As entered, without the spaces around it; nobody is told without an address, and nothing is paid."""
    before = refund_rows()[refund.pk]
    with commit():
        done, (noted,) = settle(refund, " SEPA 17 ", reason=" account\nclosed ")
    assert done
    assert (noted.status, noted.failure) == ("failed", "no such charge")
    changed = {"status": "succeeded", "receipt": "SEPA 17", "settled_elsewhere": "account\nclosed"}
    assert refund_rows()[refund.pk] == before | changed | {"settled_at": PRESSED, "failure": ""}
    assert published == []
    assert pay_refund(refund.pk, PRESSED, gateway=Scripted(), jitter=0) == NotNow()
    assert (run_audit().problems, health.health(PRESSED)) == ([], [])


def test_the_customer_is_told_once_and_honestly(published: Published, commit: Commit) -> None:
    """The mail about the failure had gone out; pressed twice, one more does, with the reference and no reason."""
    refund = failed_refund(customer_email="c@example.com")
    Notice.objects.create(refund=refund, status="sent", notified_of="failed", notified_at=NOON)
    with commit():
        assert settle(refund)[0]
        assert not settle(refund, "another")[0]
    assert published == [(NOTIFY_CUSTOMER, [{"refund_id": refund.pk}])]
    assert [notify_customer(refund.pk, PRESSED) for _ in range(2)] == [True, False]
    (letter,) = mail.outbox
    assert letter.subject == "Your refund of 12.50 GBP"
    assert letter.body == (
        "We have refunded 12.50 GBP for 1001/1 in another way than to your original payment. Reference: SEPA 17."
    )


def test_a_mail_about_the_failure_that_waits_is_not_sent(published: Published, commit: Commit) -> None:
    """The mail server was away: one mail goes out, about what is true now."""
    refund = failed_refund(customer_email="c@example.com")
    Notice.objects.create(refund=refund, status="pending", due_at=NOON)
    with commit():
        assert settle(refund)[0]
    assert published == [(NOTIFY_CUSTOMER, [{"refund_id": refund.pk}])]
    assert notify_customer(refund.pk, PRESSED)
    assert [letter.subject for letter in mail.outbox] == ["Your refund of 12.50 GBP"]


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"receipt": ""}, "the receipt is missing; enter it"),
        ({"receipt": "\t \u3000"}, "the receipt is missing; enter it"),
        ({"reason": "  "}, "the reason is missing; enter it"),
        ({"receipt": "x" * 256}, "the receipt has 256 characters; shorten it to 255"),
        ({"reason": "x" * 501}, "the reason has 501 characters; shorten it to 500"),
        ({"receipt": "a\nb"}, "the receipt has a character that cannot be seen"),
        ({"receipt": "a\x00b"}, "the receipt has a character that cannot be seen"),
        ({"receipt": "a\u202eb"}, r"U\+202E \(RIGHT-TO-LEFT OVERRIDE\) at position 2; remove it"),
        ({"receipt": "\u3164\u3164"}, r"U\+3164 \(HANGUL FILLER\) at position 1"),
        ({"reason": "a\ufeff"}, "the reason has a character that cannot be seen"),
        ({"reason": "a\u2028b"}, "the reason has a character that cannot be seen"),
        ({"receipt": "wallet:1"}, "the receipt begins with wallet:"),
        ({"receipt": " Wallet:1"}, "the receipt begins with wallet:"),
        ({"receipt": "sk_live_1"}, "the receipt has a secret in it, which is not shown"),
        ({"reason": "with whsec_1"}, "the reason has a secret in it, which is not shown"),
    ],
)
def test_bad_fields_change_nothing(refund: Refund, fields: dict[str, str], why: str) -> None:
    """Empty, too long, invisible, one of the wallet's own receipts, or a secret."""
    before = state()
    with pytest.raises(BadInput, match=why) as raised:
        settle(refund, **fields)
    assert state() == before
    assert "sk_live_1" not in str(raised.value)


def test_what_the_wallet_has_credited_is_not_settled_elsewhere(refund: Refund) -> None:
    """The customer would have it twice; the audit counts one that is credited after."""
    WalletEntry.objects.create(refund=refund, amount_minor=1250, currency="GBP")
    before = state()
    with pytest.raises(BadInput, match='the wallet has credited this refund already; use "Try again"'):
        settle(refund)
    assert state() == before
    Refund.objects.update(status="succeeded", receipt="SEPA 17", settled_elsewhere="why", failure="")
    assert run_audit().problems == ["credits for refunds that were settled elsewhere: 1"]


def test_settled_elsewhere_beats_try_again_and_the_other_way_round(published: Published) -> None:
    """Whichever is first; the other finds nothing that has failed."""
    first, second = failed_refund(), failed_refund()
    assert settle(first)[0]
    assert bulk_payments.try_again([first.pk, second.pk], PRESSED) == [second.pk]
    assert not settle(second)[0]


def test_rolled_back_nothing_is_told(published: Published, commit: Commit) -> None:
    """A transaction that fails leaves the refund failed and sends no message."""
    refund = failed_refund(customer_email="c@example.com")
    before = state()
    with commit(), transaction.atomic():
        assert settle(refund)[0]
        transaction.set_rollback(True)
    assert (state(), published) == (before, [])
