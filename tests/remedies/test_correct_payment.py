"""The payment of a failed refund, corrected by an operator."""

from collections.abc import Callable
from typing import Any
from unittest.mock import Mock

import pytest

from refunds import outbox
from refunds.errors import BadInput
from refunds.gateways import TryAgain
from refunds.models import Refund, ReturnRequest
from refunds.operations.payments import LEASE, pay_refund
from refunds.remedies import closing

from ..admin.conftest import unchanged
from ..factories import BLINK, MINUTE, NOON, PRESSED, make_refund, refund_rows
from ..gateways.provider import InMemory, answer_lost
from ..operations.conftest import Commit, Published, commit, published
from ..operations.payers import Scripted
from .closers import correct, failed_refund, provider, refund, settle

__all__ = ["commit", "provider", "published", "refund"]  # fixtures

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("provider", "published")]
Change = Callable[..., tuple[bool, list[Refund]]]


def test_correction_tries_the_refund_again(refund: Refund, published: Published, commit: Commit) -> None:
    """It begins a new round with a new key, keeps the old payment, and sends its message on commit.

    A request that was imported without a payment has none to keep.
    """
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
    without = failed_refund(payment="")
    assert correct(without)[0]
    assert refund_rows(without.pk)[without.pk]["earlier_payments"] == ""


def test_each_payment_has_its_own_key(refund: Refund) -> None:
    """A correction, another one and a return to the first payment make three keys, and list the payments to search.

    Stripe refuses an old key with another payment, whether or not the old one has been refused.
    """
    Refund.objects.update(key_number=2)
    gateway, now = Scripted(*[TryAgain("timeout")] * 3), PRESSED
    for payment in ("ch_b", "ch_c", "ch_old"):
        assert correct(Refund.objects.get(), payment, now=now)[0]
        pay_refund(refund.pk, now, gateway=gateway, jitter=0)
        Refund.objects.update(status="failed", failure="gave up", settled_at=now)
        now += MINUTE
    reference = refund.request.key
    assert [(order.payment, order.earlier_payments, key) for order, key in gateway.asked] == [
        ("ch_b", ("ch_old",), f"{reference}:3"),
        ("ch_c", ("ch_old", "ch_b"), f"{reference}:4"),
        ("ch_old", ("ch_b", "ch_c"), f"{reference}:5"),
    ]
    assert {(order.reference, order.asked_before) for order, _ in gateway.asked} == {(reference, True)}


def test_refund_paid_on_the_old_payment_is_found() -> None:
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
    with commit():
        assert correct(refund)[0]
    published.clear()
    for _ in range(2):
        with unchanged():
            assert correct(refund, "ch_other") == (False, [])
        Refund.objects.update(status="failed", failure="no", settled_at=NOON)
    assert published == []


@pytest.mark.parametrize("columns", [{}, {"status": "succeeded", "settled_at": NOON, "receipt": "re_1"}])
@pytest.mark.parametrize("change", [correct, settle])
def test_refund_that_has_not_failed_is_unchanged(change: Change, columns: dict[str, Any]) -> None:
    """Nothing is noted."""
    refund = make_refund(payment="ch_old", **columns)
    with unchanged():
        assert change(refund) == (False, [])


def test_unknown_refund_is_not_corrected() -> None:
    """The refund was deleted, or never existed."""
    noted: list[Refund] = []
    assert closing.correct_payment(7, "ch_new", PRESSED, seen=0, note=noted.append) is False
    assert closing.settle_elsewhere(7, "r", "why", PRESSED, seen=0, note=noted.append) is False
    assert closing.clear_second_receipt(7, "why", PRESSED, seen=1, note=noted.append) is False
    assert noted == []


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
    with unchanged(), pytest.raises(BadInput, match=why):
        correct(refund, payment)


@pytest.mark.parametrize("change", [correct, settle])
def test_change_waits_until_the_last_call_is_over(refund: Refund, change: Change) -> None:
    """It is refused for a minute after the failure, because a call that timed out can still pay."""
    with unchanged(), pytest.raises(BadInput, match="failed less than a minute ago"):
        change(refund, now=NOON + LEASE - BLINK)
    assert change(refund, now=NOON + LEASE)[0]


def test_too_many_corrections_are_refused(refund: Refund) -> None:
    """The error names the other action."""
    Refund.objects.update(earlier_payments="ch_1\nch_2\nch_3", key_number=3)
    with unchanged(), pytest.raises(BadInput, match=r'has 3 earlier payments, .* use "Settled elsewhere"'):
        correct(refund)


@pytest.mark.parametrize("change", [correct, settle])
def test_error_in_the_note_rolls_back_the_change(refund: Refund, published: Published, change: Change) -> None:
    """The history is part of the change."""
    with unchanged(), pytest.raises(ZeroDivisionError):
        change(refund, note=Mock(side_effect=ZeroDivisionError))
    assert published == []
