"""Compare messages under way with rows that wait, while a slow worker is busy."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from celery_rehearsal import VirtualCelery

from refunds import queries
from refunds.gateways import Order, Settled
from refunds.models import Chunk, Refund, Sweep
from refunds.notices.models import Notice

# What a row waits for: the tasks whose messages are for it, and how many rows there are.
PAYMENT = (("refunds.pay_refund", "refunds.pay_refunds"), lambda: Refund.objects.filter(queries.UNPAID).count())
DECISION = (
    ("refunds.plan_sweep", "refunds.decide_chunk"),
    lambda: Sweep.objects.filter(planned_at=None).count() + Chunk.objects.filter(done_at=None).count(),
)
MAIL = (("refunds.notify_customer",), lambda: Notice.objects.filter(due_at__isnull=False).count())


class Watch:
    """Compares messages under way with rows that wait, from inside of tasks that take a while."""

    def __init__(self, celery: VirtualCelery, of: tuple[tuple[str, ...], Callable[[], int]]) -> None:
        self.celery = celery
        self.names, self.rows = of
        self.most, self.calls = 0, 0

    def under_way(self) -> int:
        """Return how many messages are in the queues, and with workers."""
        pending = self.celery.pending()
        return sum(message.task in self.names for message in [*pending.queued, *pending.unacked])

    def look(self) -> None:
        """Fail for a tenth more messages than rows."""
        messages, rows = self.under_way(), self.rows()
        self.most = max(self.most, messages)
        assert messages <= 1.1 * rows, f"{messages} messages for {rows} rows at {self.celery.now}"

    def work(self, seconds: float, every: int = 1) -> None:
        """Take so long for a task's work; look before each `every`th."""
        self.calls += 1
        if self.calls % every == 0:
            self.look()
        time.sleep(seconds)


@dataclass
class Slow:
    """A provider that takes so many seconds for each call."""

    seconds: float
    every: int = 1
    paid: list[int] = field(default_factory=list)
    watch: Watch = field(init=False)

    def refund(self, order: Order, idempotency_key: str) -> Settled:
        """Pay, later."""
        self.watch.work(self.seconds, self.every)
        self.paid.append(order.refund_id)
        return Settled(f"re_{order.refund_id}")
