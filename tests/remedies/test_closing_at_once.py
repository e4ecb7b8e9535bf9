"""Two operators, two tabs, and a payment at once, on connections of their own."""

from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from typing import Any

import pytest
from django.db import connections
from pytest_django import Settings

from refunds import outbox
from refunds.models import Refund, ReturnRequest
from refunds.operations import bulk_payments
from refunds.operations.payments import pay_refund
from refunds.remedies import closing

from ..factories import NOON, PRESSED, empty_tables
from ..operations.conftest import Published, published
from ..operations.payers import Scripted, Slow
from .closers import correct, failed_refund, settle

__all__ = ["published"]  # a fixture

pytestmark = pytest.mark.django_db(transaction=True)

# Seconds: more than any statement here takes; a deadlock fails instead of hanging.
LONG = 30


@pytest.fixture
def refund(settings: Settings) -> Generator[Refund]:
    """Yield a refund that failed at noon."""
    settings.REFUNDS_GATEWAY = "tests.operations.payers.Scripted"
    yield failed_refund()
    empty_tables()


def try_again(refund: Refund) -> bool:
    return bool(bulk_payments.try_again([refund.pk], PRESSED))


def at_once(*calls: Callable[[], bool]) -> list[bool]:
    """Return what each says; they start together, each on a connection of its own."""
    start = Barrier(len(calls))

    def run(call: Callable[[], bool]) -> bool:
        try:
            start.wait(LONG)
            return call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result(LONG) for future in [pool.submit(run, call) for call in calls]]


@pytest.mark.parametrize("_attempt", range(5))
@pytest.mark.parametrize("press", [correct, settle])
def test_eight_presses_at_once_change_the_refund_once(
    refund: Refund, published: Published, press: Any, _attempt: int
) -> None:
    """One changes the refund and notes it; seven find it changed."""
    noted: list[Refund] = []
    said = at_once(*[lambda value=f"x{number}": press(refund, value, note=noted.append)[0] for number in range(8)])
    assert sorted(said) == [False] * 7 + [True]
    assert (len(noted), len(published)) == (1, 1 if press is correct else 0)


@pytest.mark.parametrize("_attempt", range(5))
def test_only_one_of_two_actions_at_once_succeeds(refund: Refund, published: Published, _attempt: int) -> None:
    """The row has all columns of one action: corrected, settled elsewhere or tried again."""
    said = at_once(lambda: correct(refund)[0], lambda: settle(refund)[0], lambda: try_again(refund))
    assert said.count(True) == 1
    row, payment = Refund.objects.get(), ReturnRequest.objects.get().payment
    assert (row.status, row.key_number, row.receipt, payment) == {
        0: ("pending", 1, "", "ch_new"),
        1: ("succeeded", 0, "SEPA 17", "ch_old"),
        2: ("pending", 0, "", "ch_old"),
    }[said.index(True)]
    tasks = [name for name, _ in published]
    assert tasks == ([] if said[1] else [outbox.PAY_REFUNDS])


@pytest.mark.parametrize("_attempt", range(5))
def test_late_receipt_is_stored_as_first_or_second(refund: Refund, published: Published, _attempt: int) -> None:
    """A receipt that comes during the operator's press is not lost, nor is the operator's."""
    Refund.objects.update(status="pending", settled_at=None)
    both = Barrier(2)

    def fail() -> None:
        Refund.objects.update(status="failed", failure="gave up", settled_at=NOON)
        both.wait(LONG)

    def pay() -> bool:
        return bool(pay_refund(refund.pk, NOON, gateway=Slow("re_late", fail), jitter=0))

    def press() -> bool:
        both.wait(LONG)
        return settle(refund)[0]

    _, settled = at_once(pay, press)
    row = Refund.objects.get()
    assert (row.receipt, closing.second_receipts(row)) == (("SEPA 17", ["re_late"]) if settled else ("re_late", []))
    assert published == []


def test_second_press_waits_for_the_first_and_changes_nothing(refund: Refund, published: Published) -> None:
    """The first transaction is held open; the second waits for its row, and finds it changed."""
    held, go_on = Event(), Event()

    def hold(_: Refund) -> None:
        held.set()
        assert go_on.wait(LONG)

    def second() -> bool:
        assert held.wait(LONG)
        go_on.set()
        return settle(refund, "another")[0]

    assert at_once(lambda: settle(refund, note=hold)[0], second) == [True, False]
    assert Refund.objects.get().receipt == "SEPA 17"


def test_corrected_refund_is_paid_once_by_two_workers(refund: Refund, published: Published) -> None:
    """The correction's message, delivered twice, makes one attempt."""
    correct(refund)
    gateway = Scripted("re_1", "re_2")
    at_once(*[lambda: bool(pay_refund(refund.pk, PRESSED, gateway=gateway, jitter=0))] * 2)
    assert [order.payment for order, _ in gateway.asked] == ["ch_new"]
    row = Refund.objects.get()
    assert (row.receipt, closing.second_receipts(row)) == ("re_1", [])
