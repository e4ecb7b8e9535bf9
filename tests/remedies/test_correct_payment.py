"""The payment of a failed refund, corrected by an operator."""

from datetime import timedelta

import pytest
from pytest_django import Settings

from refunds import outbox
from refunds.errors import BadInput
from refunds.gateways import Settled, TryAgain
from refunds.models import Refund, ReturnRequest
from refunds.operations.payments import LEASE, pay_refund
from refunds.remedies import closing

from ..factories import NOON, PRESSED, make_refund, refund_rows
from ..gateways.provider import InMemory, answer_lost
from ..operations.conftest import Commit, Published, commit, published
from ..operations.payers import Scripted
from .closers import correct, failed_refund, provider, refund, settle, state

__all__ = ["commit", "provider", "published", "refund"]  # fixtures

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("provider")]
MINUTE = timedelta(minutes=1)


def test_correction_tries_the_refund_again(refund: Refund, published: Published, commit: Commit) -> None:
    """It begins a new round with a new key, keeps the old payment, and sends its message on commit."""
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


def test_next_attempt_has_both_payments_and_a_new_key(refund: Refund, published: Published) -> None:
    """Stripe refuses an old key with another payment, whether or not the old one has been refused."""
    Refund.objects.update(key_number=2)
    correct(refund)
    gateway = Scripted("re_1")
    assert pay_refund(refund.pk, PRESSED, gateway=gateway, jitter=0) == Settled("re_1")
    ((order, key),) = gateway.asked
    assert (order.payment, order.earlier_payments, order.asked_before) == ("ch_new", ("ch_old",), True)
    assert (order.reference, key) == (refund.request.key, f"{refund.request.key}:3")


def test_each_payment_has_its_own_key(refund: Refund, published: Published) -> None:
    """A correction, another one and a return to the first payment make three keys, and list the payments to search."""
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


def test_refund_paid_on_the_old_payment_is_found(published: Published) -> None:
    """If the answer was lost and the payment is corrected after the last attempt, nothing is paid twice."""
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


def test_second_press_changes_nothing(refund: Refund, published: Published, commit: Commit) -> None:
    """The page is outdated in a second tab, after "Try again", and after the new round has failed."""
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
def test_refund_that_has_not_failed_keeps_its_payment(status: str, published: Published) -> None:
    """Nothing is changed and nothing noted."""
    columns = {"settled_at": NOON, "receipt": "re_1"} if status == "succeeded" else {}
    refund = make_refund(status=status, payment="ch_old", **columns)
    before = state()
    assert correct(refund) == (False, [])
    assert settle(refund) == (False, [])
    assert state() == before


def test_unknown_refund_is_not_corrected(published: Published) -> None:
    """The refund was deleted, or never existed."""
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
def test_malformed_payment_changes_nothing(refund: Refund, payment: str, why: str) -> None:
    """The error says the reason, and the row is unchanged."""
    before = state()
    with pytest.raises(BadInput, match=why):
        correct(refund, payment)
    assert state() == before


def test_payment_that_the_gateway_refuses_changes_nothing(refund: Refund, settings: Settings) -> None:
    """The provider's ids have a certain shape; the wallet accepts any."""
    before = state()
    with pytest.raises(BadInput, match="not a payment of this provider"):
        correct(refund, "cs_test_1")
    settings.REFUNDS_GATEWAY = "wallet"
    with pytest.raises(BadInput, match="needs no payment"):
        correct(refund)
    assert state() == before


def test_correction_waits_until_the_last_call_is_over(refund: Refund, published: Published) -> None:
    """It is refused for a minute after the failure, because a call that timed out can still pay."""
    before = state()
    for change in (correct, settle):
        with pytest.raises(BadInput, match="failed less than a minute ago"):
            change(refund, now=NOON + LEASE - timedelta(microseconds=1))
    assert state() == before
    assert correct(refund, now=NOON + LEASE)[0]


def test_too_many_corrections_are_refused(refund: Refund) -> None:
    """The error names the other action."""
    Refund.objects.update(earlier_payments="ch_1\nch_2\nch_3", key_number=3)
    before = state()
    with pytest.raises(BadInput, match=r'has 3 earlier payments, .* use "Settled elsewhere"'):
        correct(refund)
    assert state() == before


def test_error_in_the_note_rolls_back_the_correction(refund: Refund, published: Published, commit: Commit) -> None:
    """The history is part of the change."""

    def fail(_: Refund) -> None:
        raise ZeroDivisionError

    before = state()
    for change in (correct, settle):
        with commit(), pytest.raises(ZeroDivisionError):
            change(refund, note=fail)
    assert (state(), published) == (before, [])


def test_empty_payment_is_not_kept_as_an_earlier_one(published: Published) -> None:
    """A request that was imported without a payment has none to search."""
    refund = failed_refund(payment="")
    assert correct(refund)[0]
    assert Refund.objects.get().earlier_payments == ""
