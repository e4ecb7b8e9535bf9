"""A receipt that comes after another: the money has possibly moved twice."""

import logging

import pytest

from refunds.errors import BadInput
from refunds.gateways import Refused, TryAgain
from refunds.models import Refund
from refunds.operations import health
from refunds.operations.audit import run_audit
from refunds.operations.payments import LEASE, pay_refund
from refunds.remedies import closing

from ..factories import NOON, PRESSED, make_failed, make_refund, refund_rows
from .closers import any_payment, settle
from .conftest import Commit, Published
from .payers import Scripted, Slow

__all__ = ["any_payment"]  # a fixture

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("any_payment")]


def settled_meanwhile(late: str | Exception, receipt: str = "SEPA 17") -> Refund:
    """A refund that an operator settles while an attempt that outlived its lease is on its way."""
    refund = make_refund(customer_email="c@example.com")

    def meanwhile() -> None:
        Refund.objects.update(status="failed", failure="gave up", settled_at=NOON, tried_again=1)
        assert settle(Refund.objects.get(), receipt)[0]

    pay_refund(refund.pk, NOON, gateway=Slow(late, meanwhile), jitter=0)
    return Refund.objects.get()


def test_a_late_receipt_is_kept_logged_and_reported(
    published: Published, commit: Commit, caplog: pytest.LogCaptureFixture
) -> None:
    """The operator's stays the receipt, the customer is told once, and health says so until it is checked."""
    with commit():
        refund = settled_meanwhile("re_1")
    assert (refund.status, refund.receipt, refund.second_receipts) == ("succeeded", "SEPA 17", "re_1")
    assert len(published) == 1
    ((logger, level, text),) = caplog.record_tuples
    assert (logger, level) == ("refunds.operations.payments", logging.ERROR)
    assert "possibly paid twice: it has the receipt SEPA 17, and the payment provider has also answered" in text
    (line,) = health.health(NOON)
    assert line == (
        f"possibly paid twice: 1, the first is refund {refund.pk} with the receipts SEPA 17, re_1; compare them "
        'with the payment provider\'s, then use "Second receipt checked" on its page in the admin'
    )
    assert run_audit().problems == ["refunds possibly paid twice: 1"]


@pytest.mark.parametrize("late", [TryAgain("timeout"), Refused("no"), "SEPA 17"])
def test_no_second_receipt_is_no_second_payment(late: str | Exception, published: Published) -> None:
    """A late no, and the receipt that the operator found at the provider and entered, change nothing."""
    refund = settled_meanwhile(late)
    assert (refund.status, refund.receipt, refund.second_receipts) == ("succeeded", "SEPA 17", "")
    assert health.health(NOON) == []


def test_two_receipts_of_the_provider_are_reported_as_well(published: Published) -> None:
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


def test_checked_it_is_reported_no_more(published: Published) -> None:
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
    assert (run_audit().problems, health.health(PRESSED)) == ([], [])


def test_failed_refunds_of_before_have_the_key_that_they_had() -> None:
    """Without a correction the key is that of the releases before."""
    (pk,) = make_failed()
    refund = Refund.objects.get()
    assert refund.idempotency_key == refund.request.key
    Refund.objects.update(key_number=2)
    assert Refund.objects.get(pk=pk).idempotency_key == f"{refund.request.key}:2"
