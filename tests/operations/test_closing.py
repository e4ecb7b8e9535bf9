"""What an operator does about a failed refund: another payment, or settled elsewhere; and about a second receipt."""

import logging
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import transaction
from pytest_django import Settings

from refunds import dispatch
from refunds.errors import BadInput
from refunds.gateways import Refused, TryAgain
from refunds.models import Refund, ReturnRequest, WalletEntry
from refunds.operations import bulk_payments, closing, upkeep
from refunds.operations.books import close_books
from refunds.operations.notices import notify_customer
from refunds.operations.payments import LEASE, NotNow, Paid, pay_refund

from ..factories import NOON, PRESSED, make_failed, make_refund, refund_rows
from ..gateways.provider import InMemory, answer_lost
from .conftest import NO_GAP, Commit, Published
from .payers import Scripted, Slow

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("any_payment")]
MINUTE = timedelta(minutes=1)


@pytest.fixture
def any_payment(settings: Settings) -> None:
    """A gateway that takes any text for a payment's id."""
    settings.REFUNDS_GATEWAY = "tests.operations.payers.Scripted"


@pytest.fixture
def refund() -> Refund:
    """A refund of `ch_old` that has failed after a refusal."""
    return failed_refund()


def failed_refund(**columns: Any) -> Refund:
    values = {"payment": "ch_old", "status": "failed", "settled_at": NOON, "failure": "no such charge", **columns}
    return make_refund(**values)


def correct(refund: Refund, payment: str = "ch_new", **changes: Any) -> tuple[bool, list[Refund]]:
    """Whether it was corrected, and the rows that were noted."""
    noted: list[Refund] = []
    values: dict[str, Any] = {"seen": refund.tried_again, "now": PRESSED, "note": noted.append, **changes}
    return closing.correct_payment(refund.pk, payment, **values), noted


def settle(refund: Refund, receipt: str = "SEPA 17", **changes: Any) -> tuple[bool, list[Refund]]:
    """Whether it was settled elsewhere, and the rows that were noted."""
    noted: list[Refund] = []
    values: dict[str, Any] = {"reason": "account closed", "seen": refund.tried_again, "now": PRESSED}
    values |= {"note": noted.append, **changes}
    return closing.settle_elsewhere(refund.pk, receipt, **values), noted


def state() -> tuple[Any, ...]:
    return refund_rows(), list(ReturnRequest.objects.order_by("pk").values())


class TestCorrectPayment:
    """The payment of a failed refund."""

    def test_it_is_corrected_and_the_refund_tried_again(
        self, refund: Refund, published: Published, commit: Commit
    ) -> None:
        """A round of its own, with a key of its own and the old payment kept; noted before, sent on commit."""
        before = refund_rows()[refund.pk]
        with commit():
            done, (noted,) = correct(refund, " ch_new ")
            assert published == []
        assert done
        assert (noted.request.payment, noted.failure) == ("ch_old", "no such charge")
        changed = {"status": "pending", "tried_again": 1, "corrected": 1, "earlier_payments": "ch_old"}
        changed |= {"settled_at": None, "due_at": PRESSED, "dispatched_at": PRESSED}
        assert refund_rows()[refund.pk] == before | changed
        assert ReturnRequest.objects.get().payment == "ch_new"
        assert published == [(dispatch.PAY_REFUNDS, [{"first_id": refund.pk, "last_id": refund.pk}], NO_GAP)]

    def test_the_next_attempt_names_both_payments_and_has_its_own_key(
        self, refund: Refund, published: Published
    ) -> None:
        """Stripe refuses an old key with another payment, whether or not the old one has been refused."""
        Refund.objects.update(refusals=2)
        correct(refund)
        gateway = Scripted("re_1")
        assert pay_refund(refund.pk, PRESSED, gateway=gateway, jitter=0) == Paid("re_1")
        ((order, key),) = gateway.asked
        assert (order.payment, order.earlier_payments, order.asked_before) == ("ch_new", ("ch_old",), True)
        assert (order.reference, key) == (refund.request.key, f"{refund.request.key}:2:1")

    def test_no_two_payments_are_asked_for_with_one_key(self, refund: Refund, published: Published) -> None:
        """There, elsewhere, and back to the first payment: three keys, and the payments that are left to search."""
        gateway = Scripted(*[TryAgain("timeout")] * 3)
        now, orders = PRESSED, []
        for payment in ("ch_b", "ch_c", "ch_old"):
            assert correct(Refund.objects.get(), payment, now=now)[0]
            pay_refund(refund.pk, now, gateway=gateway, jitter=0)
            Refund.objects.update(status="failed", failure="gave up", settled_at=now)
            now += MINUTE
        orders = [(order.payment, order.earlier_payments, key) for order, key in gateway.asked]
        key = refund.request.key
        assert orders == [
            ("ch_b", ("ch_old",), f"{key}:0:1"),
            ("ch_c", ("ch_old", "ch_b"), f"{key}:0:2"),
            ("ch_old", ("ch_b", "ch_c"), f"{key}:0:3"),
        ]

    def test_paid_on_the_old_payment_without_an_answer_is_found(self, published: Published) -> None:
        """The provider paid, its answer was lost, the refund given up, the payment corrected: nothing is paid twice."""
        gateway = InMemory()
        old, new = gateway.provider.pay(5000), gateway.provider.pay(5000)
        refund = make_refund(payment=old)
        gateway.faults.append(answer_lost)
        pay_refund(refund.pk, NOON, gateway=gateway, jitter=0)
        Refund.objects.update(status="failed", failure="gave up", settled_at=NOON)
        assert correct(refund, new)[0]
        pay_refund(refund.pk, PRESSED, gateway=gateway, jitter=0)
        (entry,) = gateway.provider.refunds
        assert (entry.payment, Refund.objects.get().receipt) == (old, entry.id)

    def test_a_second_press_changes_nothing(self, refund: Refund, published: Published, commit: Commit) -> None:
        """In another tab, after "Try again", and after the new round has failed as well: the page is no longer true."""
        assert correct(refund)[0]
        before = state()
        with commit():
            assert correct(refund, "ch_other") == (False, [])
        assert (state(), published) == (before, [])
        Refund.objects.update(status="failed", failure="no", settled_at=NOON)
        before = state()
        assert correct(refund, "ch_other") == (False, [])
        assert state() == before

    @pytest.mark.parametrize("status", ["pending", "succeeded"])
    def test_what_has_not_failed_keeps_its_payment(self, status: str, published: Published) -> None:
        """Nothing is changed and nothing noted."""
        columns = {"settled_at": NOON, "receipt": "re_1"} if status == "succeeded" else {}
        refund = make_refund(status=status, payment="ch_old", **columns)
        before = state()
        assert correct(refund) == (False, [])
        assert settle(refund) == (False, [])
        assert state() == before

    def test_a_refund_that_is_not_there_is_not_corrected(self, published: Published) -> None:
        """It was deleted, or never was."""
        noted: list[Refund] = []
        assert closing.correct_payment(7, "ch_new", PRESSED, seen=0, note=noted.append) is False
        assert closing.settle_elsewhere(7, "r", "why", PRESSED, seen=0, note=noted.append) is False
        assert closing.clear_second_receipt(7, "why", PRESSED, seen=1, note=noted.append) is False

    @pytest.mark.parametrize(
        ("payment", "why"),
        [
            ("", "the payment's id is missing"),
            (" \n ", "the payment's id is missing"),
            ("x" * 256, "the payment's id has 256 characters; shorten it to 255"),
            ("ch_\u200b1", r"U\+200B \(ZERO WIDTH SPACE\) at position 4"),
            ("ch_\x001", r"U\+0000 \(a control character\) at position 4"),
            ("ch_1\nch_2", r"U\+000A \(a control character\) at position 5"),
            ("sk_live_x", "the payment's id has a secret in it, which is not shown"),
            ("ch_old", 'this is the refund\'s payment already; use "Try again"'),
        ],
    )
    def test_a_bad_id_changes_nothing(self, refund: Refund, payment: str, why: str) -> None:
        """The reason is said, and the row stays as it was."""
        before = state()
        with pytest.raises(BadInput, match=why):
            correct(refund, payment)
        assert state() == before

    def test_what_the_gateway_takes_for_no_payment_changes_nothing(self, refund: Refund, settings: Settings) -> None:
        """Stripe's shape of an id; the wallet has none."""
        before = state()
        settings.REFUNDS_GATEWAY = "stripe"
        with pytest.raises(BadInput, match="Checkout session"):
            correct(refund, "cs_test_1")
        settings.REFUNDS_GATEWAY = "wallet"
        with pytest.raises(BadInput, match="needs no payment"):
            correct(refund)
        assert state() == before

    def test_a_call_that_can_still_be_carried_out_is_waited_for(self, refund: Refund, published: Published) -> None:
        """For a minute after the failure: what timed out here can pay there."""
        before = state()
        for change in (correct, settle):
            with pytest.raises(BadInput, match="failed less than a minute ago"):
                change(refund, now=NOON + LEASE - timedelta(microseconds=1))
        assert state() == before
        assert correct(refund, now=NOON + LEASE)[0]

    def test_more_corrections_than_an_attempt_can_search_are_refused(self, refund: Refund) -> None:
        """The way out is named."""
        Refund.objects.update(earlier_payments="ch_1\nch_2\nch_3", corrected=3)
        before = state()
        with pytest.raises(BadInput, match=r'corrected 3 times, .* use "Settled elsewhere"'):
            correct(refund)
        assert state() == before

    def test_a_note_that_fails_undoes_the_correction(
        self, refund: Refund, published: Published, commit: Commit
    ) -> None:
        """The history is part of the change."""

        def fail(_: Refund) -> None:
            raise ZeroDivisionError

        before = state()
        for change in (correct, settle):
            with commit(), pytest.raises(ZeroDivisionError):
                change(refund, note=fail)
        assert (state(), published) == (before, [])

    def test_an_empty_payment_is_no_earlier_one(self, published: Published) -> None:
        """A request that was imported without a payment has none to search."""
        refund = failed_refund(payment="")
        assert correct(refund)[0]
        assert Refund.objects.get().earlier_payments == ""


class TestSettledElsewhere:
    """A refund that an operator has paid by another way."""

    def test_it_has_succeeded_with_the_receipt_and_the_reason(
        self, refund: Refund, published: Published, commit: Commit
    ) -> None:
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
        assert (close_books().problems, upkeep.health(PRESSED)) == ([], [])

    def test_the_customer_is_told_once_and_honestly(self, published: Published, commit: Commit) -> None:
        """The mail about the failure had gone out; pressed twice, one more does, with the reference and no reason."""
        refund = failed_refund(customer_email="c@example.com", notified_of="failed", notified_at=NOON)
        with commit():
            assert settle(refund)[0]
            assert not settle(refund, "another")[0]
        assert published == [(dispatch.NOTIFY_CUSTOMER, [{"refund_id": refund.pk}], NO_GAP)]
        assert [notify_customer(refund.pk, PRESSED) for _ in range(2)] == [True, False]
        (letter,) = mail.outbox
        assert letter.subject == "Your refund of 12.50 GBP"
        assert letter.body == (
            "We have refunded 12.50 GBP for 1001/1 in another way than to your original payment. Reference: SEPA 17."
        )

    def test_a_mail_about_the_failure_that_waits_is_not_sent(self, published: Published, commit: Commit) -> None:
        """The mail server was away: one mail goes out, about what is true now."""
        refund = failed_refund(customer_email="c@example.com", notify_at=NOON)
        with commit():
            assert settle(refund)[0]
        assert published == [(dispatch.NOTIFY_CUSTOMER, [{"refund_id": refund.pk}], NO_GAP)]
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
    def test_bad_fields_change_nothing(self, refund: Refund, fields: dict[str, str], why: str) -> None:
        """Empty, too long, invisible, one of the wallet's own receipts, or a secret."""
        before = state()
        with pytest.raises(BadInput, match=why) as raised:
            settle(refund, **fields)
        assert state() == before
        assert "sk_live_1" not in str(raised.value)

    def test_what_the_wallet_has_credited_is_not_settled_elsewhere(self, refund: Refund) -> None:
        """The customer would have it twice; the audit counts one that is credited after."""
        WalletEntry.objects.create(refund=refund, amount_minor=1250, currency="GBP")
        before = state()
        with pytest.raises(BadInput, match='the wallet has credited this refund already; use "Try again"'):
            settle(refund)
        assert state() == before
        Refund.objects.update(status="succeeded", receipt="SEPA 17", settled_elsewhere="why", failure="")
        assert close_books().problems == ["credits for refunds that were settled elsewhere: 1"]

    def test_settled_elsewhere_beats_try_again_and_the_other_way_round(self, published: Published) -> None:
        """Whichever is first; the other finds nothing that has failed."""
        first, second = failed_refund(), failed_refund()
        assert settle(first)[0]
        assert bulk_payments.try_again([first.pk, second.pk], PRESSED) == [second.pk]
        assert not settle(second)[0]

    def test_rolled_back_nothing_is_told(self, published: Published, commit: Commit) -> None:
        """A transaction that fails leaves the refund failed and sends no message."""
        refund = failed_refund(customer_email="c@example.com")
        before = state()
        with commit(), transaction.atomic():
            assert settle(refund)[0]
            transaction.set_rollback(True)
        assert (state(), published) == (before, [])


class TestSecondReceipt:
    """A receipt that comes after another: the money has possibly moved twice."""

    def settled_meanwhile(self, late: str | Exception, receipt: str = "SEPA 17") -> Refund:
        """A refund that an operator settles while an attempt that outlived its lease is on its way."""
        refund = make_refund(customer_email="c@example.com")

        def meanwhile() -> None:
            Refund.objects.update(status="failed", failure="gave up", settled_at=NOON, tried_again=1)
            assert settle(Refund.objects.get(), receipt)[0]

        pay_refund(refund.pk, NOON, gateway=Slow(late, meanwhile), jitter=0)
        return Refund.objects.get()

    def test_a_late_receipt_is_kept_logged_and_reported(
        self, published: Published, commit: Commit, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The operator's stays the receipt, the customer is told once, and health says so until it is checked."""
        with commit():
            refund = self.settled_meanwhile("re_1")
        assert (refund.status, refund.receipt, refund.second_receipts) == ("succeeded", "SEPA 17", "re_1")
        assert len(published) == 1
        ((logger, level, text),) = caplog.record_tuples
        assert (logger, level) == ("refunds.operations.closing", logging.ERROR)
        assert "possibly paid twice: it has the receipt SEPA 17, and the payment provider has also answered" in text
        (line,) = upkeep.health(NOON)
        assert line == (
            f"possibly paid twice: 1, the first is refund {refund.pk} with the receipts SEPA 17, re_1; compare them "
            'with the payment provider\'s, then use "Second receipt checked" on its page in the admin'
        )
        assert close_books().problems == ["refunds possibly paid twice: 1"]

    @pytest.mark.parametrize("late", [TryAgain("timeout"), Refused("no"), "SEPA 17"])
    def test_no_second_receipt_is_no_second_payment(self, late: str | Exception, published: Published) -> None:
        """A late no, and the receipt that the operator found at the provider and entered, change nothing."""
        refund = self.settled_meanwhile(late)
        assert (refund.status, refund.receipt, refund.second_receipts) == ("succeeded", "SEPA 17", "")
        assert upkeep.health(NOON) == []

    def test_two_receipts_of_the_provider_are_reported_as_well(self, published: Published) -> None:
        """An attempt that outlived its lease and the next one are both paid, and a third: each receipt is kept once."""
        refund = make_refund()
        expired = NOON + LEASE

        def third() -> None:
            pay_refund(refund.pk, expired + LEASE, gateway=Scripted("re_1"), jitter=0)

        def second() -> None:
            pay_refund(refund.pk, expired, gateway=Slow("re_2", third), jitter=0)

        pay_refund(refund.pk, NOON, gateway=Slow("re_3", second), jitter=0)
        closing.keep_second_receipt(refund.pk, "re_2", PRESSED)
        row = Refund.objects.get()
        assert (row.receipt, row.second_receipts, row.second_receipt_at) == ("re_1", "re_2\nre_3", NOON)

    def test_checked_it_is_reported_no_more(self, published: Published) -> None:
        """The row keeps the receipts; a page that showed fewer, and a second press, change nothing."""
        second = {"second_receipts": "re_2\nre_3", "second_receipt_at": NOON}
        refund = make_refund(status="succeeded", settled_at=NOON, receipt="re_1", **second)
        before = refund_rows()[refund.pk]
        noted: list[Refund] = []

        def clear(seen: int, reason: str = "one was returned") -> bool:
            return closing.clear_second_receipt(refund.pk, reason, PRESSED, seen=seen, note=noted.append)

        assert not clear(seen=1)
        with pytest.raises(BadInput, match="the reason is missing"):
            clear(seen=2, reason=" ")
        assert refund_rows()[refund.pk] == before
        assert clear(seen=2)
        assert not clear(seen=2)
        assert refund_rows()[refund.pk] == before | {"second_receipt_at": None}
        assert [row.second_receipts for row in noted] == ["re_2\nre_3"]
        assert (close_books().problems, upkeep.health(PRESSED)) == ([], [])


def test_failed_refunds_of_before_have_the_key_that_they_had() -> None:
    """Without a correction the key is that of the releases before."""
    (pk,) = make_failed()
    refund = Refund.objects.get()
    assert refund.idempotency_key == refund.request.key
    Refund.objects.update(refusals=2)
    assert Refund.objects.get(pk=pk).idempotency_key == f"{refund.request.key}:2"
