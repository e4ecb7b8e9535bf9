"""Messages under way, in virtual time: at most one for each row that waits, whatever is slow, stopped or lost."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from celery_rehearsal import VirtualCelery
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import transaction

from refunds import tasks
from refunds.domain.returns import Decision
from refunds.domain.sweeps import IdRange
from refunds.models import Chunk, Refund, Sweep
from refunds.notices import sending
from refunds.operations import reconcile, sweeps
from refunds.operations.bulk_payments import pay_refunds
from refunds.operations.decisions import decide_chosen
from refunds.rate import receivers
from refunds.rate.limiter import Throttle
from refunds.rate.pacing import Rate

from ...day import paying
from ...day.conftest import Start, press
from ...factories import HOUR, MINUTE, NOON, SECOND, make_failed, make_requests
from ...gateways.provider import InMemory
from ...notices.mails import make_pending
from .watching import DECISION, MAIL, PAYMENT, Slow, Watch

pytestmark = pytest.mark.django_db(transaction=True)

# One slow worker, which is busy while the reconciler looks.
CREW = {"slow": ["payments", "mail", "decisions"], "reconciling": ["reconciling"]}


def approve(count: int, celery: VirtualCelery, **columns: Any) -> list[int]:
    """Approve so many requests by one click, and return their ids."""
    ids = [row.pk for row in make_requests(count, **columns)]
    decide_chosen(ids, Decision.APPROVE, by=None, note="", now=celery.now)
    return ids


Pay = Callable[..., tuple[VirtualCelery, Slow]]


@pytest.fixture
def pay(start: Start, monkeypatch: pytest.MonkeyPatch) -> Pay:
    """Start a cluster whose tasks pay through a slow provider, at a rate; empty for none."""

    def begin(gateway: Slow, rate: str = "", **options: Any) -> tuple[VirtualCelery, Slow]:
        limiter = Throttle(Rate.parse(rate), "memory://") if rate else None
        monkeypatch.setattr(tasks, "gateway", lambda: gateway)
        monkeypatch.setattr(receivers, "limiter", lambda: limiter)
        celery = start(NOON, **{"workers": CREW, **options})
        gateway.watch = Watch(celery, PAYMENT)
        return celery, gateway

    return begin


@pytest.mark.long
def test_slow_provider_leaves_one_message_for_each_refund(pay: Pay) -> None:
    """3,000 refunds, 50/s, 0.5 s for a call and nothing killed: it was 8,406 messages after five minutes."""
    celery, gateway = pay(Slow(0.5, every=25), "50/s")
    approve(3000, celery)
    celery.advance(5 * MINUTE)
    # What the provider could take in 30 seconds.
    assert gateway.watch.most <= 1500


@pytest.mark.parametrize(("rate", "seconds"), [("", 1.5), ("5/s", 1.5), ("2/s", 0.1)])
@pytest.mark.parametrize("transport", ["memory", pytest.param("fakeredis", marks=pytest.mark.long)])
def test_each_refund_is_requested_once_after_any_wait(pay: Pay, transport: str, rate: str, seconds: float) -> None:
    """This holds until the last of 150 is paid, with a rate limit and without."""
    celery, gateway = pay(Slow(seconds), rate, transport=transport, beats=2)
    ids = approve(150, celery)
    celery.advance(15 * MINUTE)
    assert sorted(gateway.paid) == ids
    assert len(celery.timeline.of("started", "refunds.pay_refund")) <= 1.1 * len(ids)


def test_slow_mail_server_leaves_fewer_messages_than_mails(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """300 customers, 2 s for a mail."""
    celery = start(NOON, workers=CREW)
    watch, send = Watch(celery, MAIL), EmailBackend.send_messages

    def later(backend: EmailBackend, messages: Any) -> int:
        watch.work(2)
        return send(backend, messages)

    monkeypatch.setattr(EmailBackend, "send_messages", later)
    approve(300, celery, customer_email="c@example.com")
    celery.advance(HOUR)
    assert (len(mail.outbox), watch.rows()) == (300, 0)


def test_slow_database_leaves_one_message_for_each_chunk(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """30 chunks, 20 s until the database begins each."""
    monkeypatch.setattr("refunds.domain.sweeps.CHUNK_ROWS", 1)
    celery = start(NOON, workers=CREW)
    watch = Watch(celery, DECISION)
    make_requests(30)
    press(celery)

    def begin(**options: Any) -> Any:
        watch.work(20)
        return transaction.atomic(**options)

    monkeypatch.setattr(sweeps, "transaction", SimpleNamespace(atomic=begin))
    celery.advance(HOUR)
    assert (watch.rows(), Sweep.objects.filter(closed_at=None).count()) == (0, 0)
    assert len(celery.timeline.of("started", "refunds.decide_chunk")) == 30


def test_workers_that_stopped_for_an_hour_find_one_message_for_each_row(pay: Pay) -> None:
    """Plans, chunks, refunds of a waiting range and refunds sent one by one, and mails; two reconcilers go on."""
    idle = {"u1": ["reconciling"], "u2": ["reconciling"]}
    celery, gateway = pay(Slow(0), "1/s", transport="fakeredis", workers=idle, beats=2)
    ids = approve(60, celery)
    pay_refunds(IdRange(ids[0], ids[-1]), celery.now, gateway=gateway)
    approve(60, celery)
    owed = make_failed(150)
    make_pending(owed, NOON)
    sending.send_messages(owed)
    make_requests(3)
    sweep = press(celery)
    Chunk.objects.bulk_create(Chunk(sweep=sweep, first_id=n, last_id=n, dispatched_at=NOON) for n in range(1, 5))
    sweeps.send_chunks(Chunk.objects.all())
    celery.advance(HOUR)
    decisions = Watch(celery, DECISION)
    assert decisions.under_way() == decisions.rows() == 5
    assert Watch(celery, MAIL).under_way() == 2
    # Of 60 + 60 refunds 10 were sent, 20 more filled the queue to what 30 s can take; the range has one message.
    assert gateway.watch.under_way() <= 30 + 1


@pytest.mark.parametrize("transport", ["memory", pytest.param("fakeredis", marks=pytest.mark.long)])
def test_flushed_broker_has_every_message_again_within_two_minutes(pay: Pay, transport: str) -> None:
    """With calls under way: two minutes later each refund that waits has its message, and no more."""
    celery, gateway = pay(Slow(0.5), transport=transport)
    approve(700, celery)
    celery.advance(20 * SECOND)
    celery.broker.lose()
    celery.advance(2 * MINUTE)
    assert gateway.watch.under_way() == gateway.watch.rows() > 300


def test_lost_queue_of_one_range_leaves_the_others_alone(pay: Pay) -> None:
    """What was approved after the flush keeps its one message, what was lost comes back beside it."""
    celery, gateway = pay(Slow(0.5))
    approve(200, celery)
    celery.advance(10 * SECOND)
    celery.broker.lose()
    celery.advance(SECOND)
    approve(100, celery)
    celery.advance(HOUR)
    assert len(gateway.paid) == len(set(gateway.paid)) == 300


def test_look_ups_do_not_pile_up_while_nobody_looks(start: Start, gateway: InMemory) -> None:
    """With no worker on its queue for an hour, a refund under way has one look-up waiting, and then one call."""
    gateway.provider.begins = "pending"
    celery = start(NOON)
    paying.approve(gateway, 20, NOON)
    celery.advance(2 * SECOND)
    celery.stop_worker()
    for minute in range(1, 61):
        celery.advance(MINUTE)
        reconcile.reconcile(celery.now, gateway=gateway)
        assert len(celery.timeline.of("sent", "refunds.look_up_refund")) == 20, minute
    celery.start_worker()
    celery.advance(30 * SECOND)
    assert len(gateway.looked_up) == 20
    assert Refund.objects.filter(status="processing", look_up__look_at__gt=celery.now).count() == 20
