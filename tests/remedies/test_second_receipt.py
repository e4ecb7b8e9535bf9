"""A receipt that comes after another: the money has possibly moved twice."""

import logging
from typing import Any

import pytest

from refunds import signals
from refunds.errors import BadInput
from refunds.gateways import Refused, TryAgain
from refunds.management.audit import run_audit
from refunds.models import Refund
from refunds.operations import health
from refunds.operations.payments import LEASE, pay_refund
from refunds.remedies import closing
from refunds.remedies.models import SecondReceipt

from ..admin.conftest import unchanged
from ..factories import NOON, PRESSED, make_refund, refund_rows
from ..operations.conftest import published
from ..operations.payers import Scripted, Slow
from .closers import provider, settle

__all__ = ["provider", "published"]  # fixtures

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("provider", "published")]


def settled_during(late: str | Exception, receipt: str = "SEPA 17", **columns: Any) -> Refund:
    """Return a refund that an operator settles while an attempt that outlived its lease is on its way."""
    refund = make_refund(**columns)

    def during() -> None:
        Refund.objects.update(status="failed", failure="gave up", settled_at=NOON, tried_again=1)
        assert settle(Refund.objects.get(), receipt)[0]

    pay_refund(refund.pk, NOON, gateway=Slow(late, during), jitter=0)
    return Refund.objects.get()


def test_late_receipt_is_kept_logged_and_reported(caplog: pytest.LogCaptureFixture) -> None:
    """The operator's receipt stays the first, and `health` reports the refund until an operator has checked it."""
    refund = settled_during("re_1")
    assert (refund.status, refund.receipt, closing.second_receipts(refund)) == ("succeeded", "SEPA 17", ["re_1"])
    ((_, level, text),) = caplog.record_tuples
    assert level == logging.ERROR
    assert "possibly paid twice: it has the receipt SEPA 17, and the payment provider has also answered" in text
    (line,) = health.health(NOON)
    assert line == (
        f"possibly paid twice: 1, the first is refund {refund.pk} with the receipts SEPA 17, re_1; compare them "
        'with the payment provider\'s, then use "Second receipt checked" on its page in the admin'
    )
    assert run_audit().problems == ["refunds possibly paid twice: 1"]


@pytest.mark.parametrize("late", [TryAgain("timeout"), Refused("no"), "SEPA 17"])
def test_late_refusal_or_same_receipt_changes_nothing(late: str | Exception) -> None:
    """A late refusal, and the receipt that the operator had entered, change nothing."""
    refund = settled_during(late)
    assert (refund.status, refund.receipt, closing.second_receipts(refund)) == ("succeeded", "SEPA 17", [])
    assert health.health(NOON) == []


def test_two_receipts_of_the_provider_are_reported_as_well() -> None:
    """An attempt that outlived its lease and the next one are both paid, and a third: each receipt is kept once."""
    refund = make_refund()
    expired = NOON + LEASE

    def third() -> None:
        pay_refund(refund.pk, expired + LEASE, gateway=Scripted("re_1"), jitter=0)

    def second() -> None:
        pay_refund(refund.pk, expired, gateway=Slow("re_2", third), jitter=0)

    pay_refund(refund.pk, NOON, gateway=Slow("re_3", second), jitter=0)
    row = Refund.objects.get()
    signals.second_receipt.send(Refund, refund=row, receipt="re_2", now=PRESSED)
    assert (row.receipt, closing.second_receipts(row)) == ("re_1", ["re_2", "re_3"])
    found = SecondReceipt.objects.order_by("pk").values_list("receipt", "found_at", "checked_at")
    assert list(found) == [("re_2", expired, None), ("re_3", NOON, None)]


def test_checked_refund_is_no_longer_reported() -> None:
    """The row keeps the receipts; a page that showed fewer, and a second press, change nothing."""
    refund = make_refund(status="succeeded", settled_at=NOON, receipt="re_1")
    for receipt in ("re_2", "re_3"):
        signals.second_receipt.send(Refund, refund=refund, receipt=receipt, now=NOON)
    noted: list[Refund] = []

    def clear(seen: int, reason: str = "one was returned") -> bool:
        return closing.clear_second_receipt(refund.pk, reason, PRESSED, seen=seen, note=noted.append)

    with unchanged():
        assert not clear(seen=1)
        with pytest.raises(BadInput, match="the reason is missing"):
            clear(seen=2, reason=" ")
    before = refund_rows()
    assert clear(seen=2)
    with unchanged():
        assert not clear(seen=2)
    assert refund_rows() == before
    assert list(SecondReceipt.objects.values_list("receipt", "checked_at")) == [("re_2", PRESSED), ("re_3", PRESSED)]
    assert noted == [refund]
    assert (run_audit().problems, health.health(PRESSED)) == ([], [])
