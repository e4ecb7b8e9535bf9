"""Messages under way, in virtual time: at most one for each row that waits, whatever is slow, stopped or lost."""

import time
from collections.abc import Callable
from datetime import timedelta

import pytest

from refunds import store, tasks
from refunds.domain.pacing import Rate
from refunds.domain.returns import Decision
from refunds.gateways import Order
from refunds.gateways.limiter import Throttle
from refunds.models import Refund
from refunds.operations.decisions import decide_chosen
from refunds.testkit import VirtualCelery

from ..factories import NOON, make_requests
from .conftest import Start
from .paying import MINUTE

pytestmark = pytest.mark.django_db(transaction=True)

PAYING = ("refunds.pay_refund", "refunds.pay_refunds")


class FiveMinutesAreOver(AssertionError):
    """What ends a test that watches from inside its tasks: no retry swallows an AssertionError."""


class Watch:
    """Compares messages under way with rows that wait, from inside of tasks: a slow worker is busy until it is idle."""

    def __init__(self, celery: VirtualCelery, names: tuple[str, ...], rows: Callable[[], int]) -> None:
        self.celery, self.names, self.rows = celery, names, rows
        self.most, self.calls = 0, 0
        self.until = celery.now + timedelta(hours=9)

    def look(self) -> None:
        """At most a tenth more messages than rows."""
        pending = self.celery.pending()
        messages = sum(message.task in self.names for message in [*pending.queued, *pending.unacked])
        rows = self.rows()
        self.most = max(self.most, messages)
        assert messages <= 1.1 * rows, f"{messages} messages for {rows} rows at {self.celery.now}"
        if self.celery.now >= self.until:
            raise FiveMinutesAreOver

    def work(self, seconds: float, every: int = 1) -> None:
        """Take so long for a task's work; look before and after each `every`th."""
        self.calls += 1
        if self.calls % every == 0:
            self.look()
        time.sleep(seconds)


class Slow:
    """A provider that takes its time for each call."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.paid: list[int] = []
        self.watch: Watch | None = None

    def refund(self, order: Order, idempotency_key: str) -> str:
        """Pay, later."""
        if self.watch is None:
            time.sleep(self.seconds)
        else:
            self.watch.work(self.seconds, every=25)
        self.paid.append(order.refund_id)
        return f"re_{order.refund_id}"


def unpaid() -> int:
    return Refund.objects.filter(store.UNPAID).count()


def approve(count: int, celery: VirtualCelery) -> None:
    """So many refunds, approved by one click."""
    rows = make_requests(count, received_at=NOON)
    decide_chosen([row.pk for row in rows], Decision.APPROVE, by=None, note="", now=celery.now)


def test_a_slow_provider_leaves_one_message_for_each_refund(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """3,000 refunds, 50/s, 0.5 s for a call and nothing killed: it was 8,406 messages after five minutes."""
    gateway, limiter = Slow(0.5), Throttle(Rate.parse("50/s"), "memory://")
    monkeypatch.setattr(tasks, "gateway", lambda: gateway)
    monkeypatch.setattr(tasks, "limiter", lambda: limiter)
    celery = start(NOON, workers={"p1": ["payments"], "p2": ["payments"], "u": ["upkeep"]})
    gateway.watch = Watch(celery, PAYING, unpaid)
    gateway.watch.until = NOON + 5 * MINUTE
    approve(3000, celery)
    with pytest.raises(FiveMinutesAreOver):
        celery.advance(5 * MINUTE)
    assert gateway.watch.most <= 1500
