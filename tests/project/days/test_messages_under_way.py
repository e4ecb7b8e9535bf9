"""Messages under way, in virtual time: at most one for each row that waits, whatever is slow, stopped or lost."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from celery_rehearsal import VirtualCelery
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import transaction

from refunds import queries, tasks
from refunds.domain.returns import Decision
from refunds.domain.sweeps import IdRange
from refunds.gateways import Gateway, Order, Settled
from refunds.models import Chunk, Refund, Sweep
from refunds.notices import sending
from refunds.notices.models import Notice
from refunds.operations import sweeps
from refunds.operations.bulk_payments import pay_refunds
from refunds.operations.decisions import decide_chosen
from refunds.rate import receivers
from refunds.rate.limiter import Throttle
from refunds.rate.pacing import Rate

from ...day.conftest import Start, press
from ...factories import MINUTE, NOON, SECOND, make_failed, make_requests
from ...notices.mails import make_pending

pytestmark = pytest.mark.django_db(transaction=True)

PAYING = ("refunds.pay_refund", "refunds.pay_refunds")
SWEEPING = ("refunds.plan_sweep", "refunds.decide_chunk")
TELLING = ("refunds.notify_customer",)
HOUR = timedelta(hours=1)
# One slow worker: of two that sleep at once the kit keeps the first asleep as long as the second is busy.
CREW = {"slow": ["payments", "mail", "decisions"], "reconciling": ["reconciling"]}


class TimeIsOver(AssertionError):
    """Ends a test that checks inside its tasks: no retry swallows this error."""


class Watch:
    """Compares messages under way with rows that wait, from inside of tasks: a slow worker is busy until it is idle."""

    def __init__(self, celery: VirtualCelery, names: tuple[str, ...], rows: Callable[[], int]) -> None:
        self.celery, self.names, self.rows = celery, names, rows
        self.most, self.calls = 0, 0
        self.until = celery.now + 9 * HOUR
        self.at: list[tuple[datetime, Callable[[], object]]] = []

    def under_way(self) -> int:
        """Messages in the queues, and with workers."""
        pending = self.celery.pending()
        return sum(message.task in self.names for message in [*pending.queued, *pending.unacked])

    def look(self) -> None:
        """At most a tenth more messages than rows; at its time what the test wants done, and the end."""
        messages, rows = self.under_way(), self.rows()
        self.most = max(self.most, messages)
        assert messages <= 1.1 * rows, f"{messages} messages for {rows} rows at {self.celery.now}"
        while self.at and self.celery.now >= self.at[0][0]:
            self.at.pop(0)[1]()
        if self.celery.now >= self.until:
            raise TimeIsOver

    def work(self, seconds: float, every: int = 1) -> None:
        """Take so long for a task's work; look before each `every`th."""
        self.calls += 1
        if self.calls % every == 0:
            self.look()
        time.sleep(seconds)


class Slow:
    """A provider that takes its time for each call."""

    def __init__(self, seconds: float, every: int = 1) -> None:
        self.seconds, self.every = seconds, every
        self.paid: list[int] = []
        self.watch: Watch

    def refund(self, order: Order, idempotency_key: str) -> Settled:
        """Pay, later."""
        self.watch.work(self.seconds, self.every)
        self.paid.append(order.refund_id)
        return Settled(f"re_{order.refund_id}")


class SlowDatabase:
    """Stands for Django's transactions where each begins late."""

    def __init__(self, begin: Callable[[], None]) -> None:
        self.begin = begin

    def atomic(self, **options: Any) -> Any:
        """Begin, later."""
        self.begin()
        return transaction.atomic(**options)


def unpaid() -> int:
    """Refunds that wait."""
    return Refund.objects.filter(queries.UNPAID).count()


def untold() -> int:
    """Mails that wait."""
    return Notice.objects.filter(due_at__isnull=False).count()


def undecided() -> int:
    """Plans and chunks that wait."""
    return Sweep.objects.filter(planned_at=None).count() + Chunk.objects.filter(done_at=None).count()


def approve(count: int, celery: VirtualCelery, **columns: Any) -> list[int]:
    """So many refunds, approved by one click."""
    ids = [row.pk for row in make_requests(count, received_at=NOON, **columns)]
    decide_chosen(ids, Decision.APPROVE, by=None, note="", now=celery.now)
    return ids


@pytest.fixture
def pay_by(monkeypatch: pytest.MonkeyPatch) -> Callable[[Gateway, str], None]:
    """Have every task pay through a gateway, at a rate; empty for none."""

    def choose(gateway: Gateway, rate: str) -> None:
        limiter = Throttle(Rate.parse(rate), "memory://") if rate else None
        monkeypatch.setattr(tasks, "gateway", lambda: gateway)
        monkeypatch.setattr(receivers, "limiter", lambda: limiter)

    return choose


PayBy = Callable[[Gateway, str], None]


@pytest.mark.long
def test_a_slow_provider_leaves_one_message_for_each_refund(start: Start, pay_by: PayBy) -> None:
    """3,000 refunds, 50/s, 0.5 s for a call and nothing killed: it was 8,406 messages after five minutes."""
    gateway = Slow(0.5, every=25)
    pay_by(gateway, "50/s")
    celery = start(NOON, workers=CREW)
    gateway.watch = Watch(celery, PAYING, unpaid)
    gateway.watch.until = NOON + 5 * MINUTE
    approve(3000, celery)
    with pytest.raises(TimeIsOver):
        celery.advance(5 * MINUTE)
    # What the provider could take in 30 seconds.
    assert gateway.watch.most <= 1500


@pytest.mark.parametrize(("rate", "seconds"), [("", 1.5), ("5/s", 1.5), ("2/s", 0.1)])
@pytest.mark.parametrize("transport", ["memory", pytest.param("fakeredis", marks=pytest.mark.long)])
def test_each_refund_is_requested_once_after_any_wait(
    start: Start, pay_by: PayBy, transport: str, rate: str, seconds: float
) -> None:
    """This holds until the last of 150 is paid, with a rate limit and without."""
    gateway = Slow(seconds)
    pay_by(gateway, rate)
    celery = start(NOON, transport=transport, workers=CREW, beats=2)
    gateway.watch = Watch(celery, PAYING, unpaid)
    ids = approve(150, celery)
    celery.advance(15 * MINUTE)
    assert sorted(gateway.paid) == ids
    assert len(celery.timeline.of("started", "refunds.pay_refund")) <= 1.1 * len(ids)


def test_a_slow_mail_server_leaves_fewer_messages_than_mails(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """300 customers, 2 s for a mail."""
    celery = start(NOON, workers=CREW)
    watch = Watch(celery, TELLING, untold)
    send = EmailBackend.send_messages

    def later(backend: EmailBackend, messages: Any) -> int:
        watch.work(2)
        return send(backend, messages)

    monkeypatch.setattr(EmailBackend, "send_messages", later)
    approve(300, celery, customer_email="c@example.com")
    celery.advance(HOUR)
    assert (len(mail.outbox), untold()) == (300, 0)


def test_a_slow_database_leaves_one_message_for_each_chunk(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """30 chunks, 20 s until the database begins each."""
    monkeypatch.setattr("refunds.domain.sweeps.CHUNK_ROWS", 1)
    celery = start(NOON, workers=CREW)
    watch = Watch(celery, SWEEPING, undecided)
    make_requests(30)
    press(celery)
    monkeypatch.setattr(sweeps, "transaction", SlowDatabase(lambda: watch.work(20)))
    celery.advance(HOUR)
    assert (undecided(), Sweep.objects.filter(closed_at=None).count()) == (0, 0)
    assert len(celery.timeline.of("started", "refunds.decide_chunk")) == 30


def test_workers_that_stopped_for_an_hour_find_one_message_for_each_row(start: Start, pay_by: PayBy) -> None:
    """Plans, chunks, refunds of a waiting range and refunds sent one by one, and mails; two reconcilers go on."""
    gateway = Slow(0)
    pay_by(gateway, "1/s")
    celery = start(NOON, transport="fakeredis", workers={"u1": ["reconciling"], "u2": ["reconciling"]}, beats=2)
    ids = approve(60, celery)
    pay_refunds(IdRange(ids[0], ids[-1]), celery.now, gateway=gateway)
    approve(60, celery)
    owed = make_failed(150, settled_at=NOON)
    make_pending(owed, NOON)
    sending.send_messages(owed)
    make_requests(3)
    sweep = press(celery)
    Chunk.objects.bulk_create(Chunk(sweep=sweep, first_id=n, last_id=n, dispatched_at=NOON) for n in range(1, 5))
    sweeps.send_chunks(Chunk.objects.all())
    celery.advance(HOUR)
    assert Watch(celery, SWEEPING, undecided).under_way() == undecided() == 5
    assert Watch(celery, TELLING, untold).under_way() == 2
    # Of 60 + 60 refunds 10 were sent, 20 more filled the queue to what 30 s can take; the range has one message.
    assert Watch(celery, PAYING, unpaid).under_way() <= 30 + 1


@pytest.mark.parametrize("transport", ["memory", pytest.param("fakeredis", marks=pytest.mark.long)])
def test_a_flushed_broker_has_every_message_again_within_two_minutes(
    start: Start, pay_by: PayBy, transport: str
) -> None:
    """With calls under way: two minutes later each refund that waits has its message, and no more."""
    gateway = Slow(0.5)
    pay_by(gateway, "")
    celery = start(NOON, transport=transport, workers=CREW)
    watch = gateway.watch = Watch(celery, PAYING, unpaid)
    found: list[int] = []
    watch.at = [
        (NOON + 20 * SECOND, celery.broker.lose),
        (NOON + 140 * SECOND, lambda: found.extend([watch.under_way(), unpaid()])),
    ]
    watch.until = NOON + 140 * SECOND
    approve(700, celery)
    with pytest.raises(TimeIsOver):
        celery.advance(HOUR)
    assert found[0] == found[1] > 300


def test_a_lost_queue_of_one_range_leaves_the_others_alone(start: Start, pay_by: PayBy) -> None:
    """What was approved after the flush keeps its one message, what was lost comes back beside it."""
    gateway = Slow(0.5)
    pay_by(gateway, "")
    celery = start(NOON, workers=CREW)
    watch = gateway.watch = Watch(celery, PAYING, unpaid)
    watch.at = [(NOON + 10 * SECOND, celery.broker.lose), (NOON + 11 * SECOND, lambda: approve(100, celery))]
    approve(200, celery)
    celery.advance(HOUR)
    assert len(gateway.paid) == len(set(gateway.paid)) == 300
