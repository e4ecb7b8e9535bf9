"""Presses and workers at once, on connections of their own: PostgreSQL's locks."""

from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from typing import Any

import pytest
from django.db import connection, connections, transaction

from refunds import outbox
from refunds.brakes import cancelling, undoing
from refunds.brakes.models import UndoneChunk
from refunds.domain.sweeps import IdRange
from refunds.errors import BadInput
from refunds.gateways.wallet import Wallet
from refunds.management.audit import run_audit
from refunds.models import Refund, ReturnRequest, WalletEntry
from refunds.operations import bulk_payments, decisions, sweeps

from ..factories import PRESSED, empty_tables
from .approved import approved, by_status, press, small_chunks

__all__ = ["small_chunks"]  # a fixture

pytestmark = pytest.mark.django_db(transaction=True)
# Seconds: more than any statement here takes; a deadlock fails instead of hanging.
LONG = 30


@pytest.fixture(autouse=True)
def tidy(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """Publish nothing, and delete the rows: requests and refunds refer to each other."""
    monkeypatch.setattr(outbox, "_publish", lambda *_: None)
    yield
    empty_tables()


@contextmanager
def beside(call: Callable[[], Any]) -> Generator["Future[Any]"]:
    """Run the call on a connection of its own while the block runs."""

    def run() -> Any:
        try:
            return call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(run)


def wait_for_a_lock() -> None:
    """Return once another connection waits for a lock."""
    with connection.cursor() as cursor:
        for _ in range(100_000):
            # In a transaction, PostgreSQL shows the activity as it was at the first look.
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
            if cursor.fetchone()[0]:
                return
    raise AssertionError("no connection waits for a lock")


def test_cancel_waits_for_the_chunk_in_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """The chunk's rows are decided, and the cancel counts what is left after it."""
    sweep = approved(5, done=0)
    decide, in_hand = decisions.decide, Event()

    def slowly(*args: Any, **columns: Any) -> int:
        count = decide(*args, **columns)
        in_hand.set()
        wait_for_a_lock()
        return count

    monkeypatch.setattr(sweeps, "decide", slowly)
    with beside(lambda: sweeps.decide_chunk(sweep.chunks.earliest("pk").pk, PRESSED)) as deciding:
        assert in_hand.wait(LONG)
        assert cancelling.cancel(sweep.pk, PRESSED) == [("GBP", 3, 3750)]
        assert deciding.result(LONG) == 2
    assert by_status() == {"approved": 2, "requested": 3}


def test_chunk_that_waits_for_a_cancel_decides_nothing() -> None:
    """It asks for its lock before the cancel commits, gets it afterwards, and finds its sweep closed."""
    sweep, marked, cancelled = approved(5, done=0), Event(), Event()

    def stop(execute: Any, sql: str, *args: Any) -> Any:
        if "FOR UPDATE" in sql:
            marked.set()
            cancelled.wait(LONG)
        return execute(sql, *args)

    def decide() -> int:
        with connection.execute_wrapper(stop):
            return sweeps.decide_chunk(sweep.chunks.earliest("pk").pk, PRESSED)

    with beside(decide) as deciding:
        assert marked.wait(LONG)
        with transaction.atomic():
            cancelling.cancel(sweep.pk, PRESSED)
            cancelled.set()
            wait_for_a_lock()
        assert deciding.result(LONG) == 0
    assert by_status() == {"requested": 5}


def test_payment_that_waits_for_an_undo_pays_nothing() -> None:
    """Its statement began before the press was committed; the refunds are gone when it gets their locks."""
    sweep, undone = approved(2), Event()
    (pk,) = sweep.chunks.values_list("first_id", flat=True)
    ids = IdRange(pk, pk + 1)

    def pay() -> int:
        undone.wait(LONG)
        return bulk_payments.pay_refunds(ids, PRESSED, gateway=Wallet())

    with beside(pay) as paying:
        with transaction.atomic():
            press(sweep)
            undoing.undo_chunk(UndoneChunk.objects.get().pk, PRESSED)
            undone.set()
            wait_for_a_lock()
        assert paying.result(LONG) == 0
    assert (by_status(), WalletEntry.objects.count()) == ({"requested": 2}, 0)


def test_undo_that_waits_for_a_payment_takes_nothing_back() -> None:
    """The range is settled and credited, and not yet committed, when the undo wants its locks."""
    sweep, in_hand = approved(2), Event()
    (pk,) = sweep.chunks.values_list("first_id", flat=True)

    class Slow(Wallet):
        def credit_range(self, *args: Any) -> None:
            super().credit_range(*args)
            in_hand.set()
            wait_for_a_lock()

    with beside(lambda: bulk_payments.pay_refunds(IdRange(pk, pk + 1), PRESSED, gateway=Slow())) as paying:
        assert in_hand.wait(LONG)
        press(sweep)
        assert undoing.undo_chunk(UndoneChunk.objects.get().pk, PRESSED) == 0
        assert paying.result(LONG) == 2
    assert (by_status(), WalletEntry.objects.count(), run_audit().problems) == ({"approved": 2}, 2, [])


def test_second_undo_at_once_is_refused() -> None:
    """It waits for the first at the sweep's row, and finds its undo."""
    sweep, pressed = approved(2), Event()
    with beside(lambda: pressed.wait(LONG) and press(sweep)) as second:
        with transaction.atomic():
            press(sweep)
            pressed.set()
            wait_for_a_lock()
        with pytest.raises(BadInput, match="nothing can be taken back"):
            second.result(LONG)
    assert (ReturnRequest.objects.count(), Refund.objects.count()) == (2, 2)
