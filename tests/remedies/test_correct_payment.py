"""The payment of a failed refund, corrected by an operator."""

from datetime import timedelta

import pytest
from pytest_django import Settings

from refunds import outbox
from refunds.errors import BadInput
from refunds.gateways import TryAgain
from refunds.models import Refund, ReturnRequest
from refunds.operations.payments import LEASE, Paid, pay_refund
from refunds.remedies import closing

from ..factories import NOON, PRESSED, make_refund, refund_rows
from ..gateways.provider import InMemory, answer_lost
from ..operations.conftest import Commit, Published, commit, published
from ..operations.payers import Scripted
from .closers import correct, failed_refund, provider, refund, settle, state

__all__ = ["commit", "provider", "published", "refund"]  # fixtures

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("provider")]
MINUTE = timedelta(minutes=1)


def test_it_is_corrected_and_the_refund_tried_again(refund: Refund, published: Published, commit: Commit) -> None:
    """A round of its own, with a key of its own and the old payment kept; noted before, sent on commit."""
    before = refund_rows()[refund.pk]
    with commit():
        done, (noted,) = correct(refund, " ch_new ")
        assert published == []
    assert done
    assert (noted.request.payment, noted.failure) == ("ch_old", "no such charge")
    changed = {"status": "pending", "tried_again": 1, "key_number": 1, "earlier_payments": "ch_old"}
    changed |= {"settled_at": None, "due_at": PRESSED, "dispatched_at": PRESSED}
    assert refund_rows()[refund.pk] == before | changed
    assert ReturnRequest.objects.get().payment == "ch_new"
    assert published == [(outbox.PAY_REFUNDS, [{"first_id": refund.pk, "last_id": refund.pk}])]


def test_the_next_attempt_names_both_payments_and_has_its_own_key(refund: Refund, published: Published) -> None:
    """Stripe refuses an old key with another payment, whether or not the old one has been refused."""
    Refund.objects.update(key_number=2)
    correct(refund)
    gateway = Scripted("re_1")
    assert pay_refund(refund.pk, PRESSED, gateway=gateway, jitter=0) == Paid("re_1")
    ((order, key),) = gateway.asked
    assert (order.payment, order.earlier_payments, order.asked_before) == ("ch_new", ("ch_old",), True)
    assert (order.reference, key) == (refund.request.key, f"{refund.request.key}:3")


def test_no_two_payments_are_asked_for_with_one_key(refund: Refund, published: Published) -> None:
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
        ("ch_b", ("ch_old",), f"{key}:1"),
        ("ch_c", ("ch_old", "ch_b"), f"{key}:2"),
        ("ch_old", ("ch_b", "ch_c"), f"{key}:3"),
    ]


def test_paid_on_the_old_payment_without_an_answer_is_found(published: Published) -> None:
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


def test_a_second_press_changes_nothing(refund: Refund, published: Published, commit: Commit) -> None:
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
def test_what_has_not_failed_keeps_its_payment(status: str, published: Published) -> None:
    """Nothing is changed and nothing noted."""
    columns = {"settled_at": NOON, "receipt": "re_1"} if status == "succeeded" else {}
    refund = make_refund(status=status, payment="ch_old", **columns)
    before = state()
    assert correct(refund) == (False, [])
    assert settle(refund) == (False, [])
    assert state() == before


def test_a_refund_that_is_not_there_is_not_corrected(published: Published) -> None:
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
def test_a_bad_id_changes_nothing(refund: Refund, payment: str, why: str) -> None:
    """The reason is said, and the row stays as it was."""
    before = state()
    with pytest.raises(BadInput, match=why):
        correct(refund, payment)
    assert state() == before


def test_what_the_gateway_takes_for_no_payment_changes_nothing(refund: Refund, settings: Settings) -> None:
    """The shape of a provider's ids; the wallet has none."""
    before = state()
    with pytest.raises(BadInput, match="not a payment of this provider"):
        correct(refund, "cs_test_1")
    settings.REFUNDS_GATEWAY = "wallet"
    with pytest.raises(BadInput, match="needs no payment"):
        correct(refund)
    assert state() == before


def test_a_call_that_can_still_be_carried_out_is_waited_for(refund: Refund, published: Published) -> None:
    """For a minute after the failure: what timed out here can pay there."""
    before = state()
    for change in (correct, settle):
        with pytest.raises(BadInput, match="failed less than a minute ago"):
            change(refund, now=NOON + LEASE - timedelta(microseconds=1))
    assert state() == before
    assert correct(refund, now=NOON + LEASE)[0]


def test_more_corrections_than_an_attempt_can_search_are_refused(refund: Refund) -> None:
    """The way out is named."""
    Refund.objects.update(earlier_payments="ch_1\nch_2\nch_3", key_number=3)
    before = state()
    with pytest.raises(BadInput, match=r'has 3 earlier payments, .* use "Settled elsewhere"'):
        correct(refund)
    assert state() == before


def test_a_note_that_fails_undoes_the_correction(refund: Refund, published: Published, commit: Commit) -> None:
    """The history is part of the change."""

    def fail(_: Refund) -> None:
        raise ZeroDivisionError

    before = state()
    for change in (correct, settle):
        with commit(), pytest.raises(ZeroDivisionError):
            change(refund, note=fail)
    assert (state(), published) == (before, [])


def test_an_empty_payment_is_no_earlier_one(published: Published) -> None:
    """A request that was imported without a payment has none to search."""
    refund = failed_refund(payment="")
    assert correct(refund)[0]
    assert Refund.objects.get().earlier_payments == ""
