"""A refund that the provider accepts and settles days later, in virtual time: look-ups, outcome and mail."""

import json
from datetime import datetime, timedelta

import pytest
from celery_rehearsal import VirtualCelery
from django.core import mail
from django.test import Client
from pytest_django import Settings

from refunds.gateways import Answer, TryAgain
from refunds.models import Refund
from refunds.operations import health, reconcile
from refunds.operations.audit import run_audit
from refunds.operations.bulk_payments import try_again
from refunds.schedule import beat_schedule
from refunds.tracking.intervals import wait_for_look_up

from ...day.conftest import Schedule, Start
from ...day.paying import MINUTE, approve
from ...factories import NOON
from ...gateways.provider import Call, InMemory
from ...stripe.signature import signature_header

pytestmark = pytest.mark.django_db(transaction=True)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SUCCESS, DELAYED = "Your refund of 12.50 GBP", "Your refund of 12.50 GBP is delayed"
REVERSED = "Your refund of 12.50 GBP has failed"
LOOK_UP = "refunds.look_up_refund"
SECRET = "whsec_of_a_test"


@pytest.fixture
def under_way(start: Start, gateway: InMemory, schedule: Schedule) -> tuple[VirtualCelery, Refund]:
    """A refund that the provider accepts at noon, and a reconciler that runs each hour: days go by faster."""
    entries = beat_schedule()
    schedule({"reconcile": {**entries["reconcile"], "schedule": HOUR.total_seconds()}})
    gateway.provider.begins = "pending"
    celery = start(NOON)
    approve(gateway, 1, NOON, customer_email="c@example.com")
    celery.advance(timedelta(seconds=1))
    return celery, Refund.objects.select_related("request").get()


def looked_up(celery: VirtualCelery, gateway: InMemory) -> list[datetime]:
    """The instant of each look-up. Each message is one."""
    instants = [record.at for record in celery.timeline.of("started", LOOK_UP)]
    assert len(instants) == len(gateway.looked_up)
    return instants


def expected_until(end: datetime) -> list[datetime]:
    """When a refund that was accepted at noon is looked up, by a reconciler that runs at each full hour."""
    instants: list[datetime] = []
    at = NOON
    while (at := NOON - (NOON - at - wait_for_look_up(at - NOON)) // HOUR * HOUR) <= end:
        instants.append(at)
    return instants


def post(refund: Refund, status: str, now: datetime) -> None:
    """Stripe says by the webhook that the refund has this status."""
    refund_there = {"id": "re_2", "object": "refund", "status": status, "metadata": {"refund": refund.request.key}}
    event = {"id": "evt_1", "object": "event", "type": "refund.updated", "data": {"object": refund_there}}
    body = json.dumps(event)
    signature = signature_header(body, SECRET, int(now.timestamp()))
    response = Client().post("/payments/stripe/", body, "application/json", headers={"stripe-signature": signature})
    assert response.status_code == 200


def test_the_first_look_ups_come_within_minutes(start: Start, gateway: InMemory) -> None:
    """1, 2, 4, 8, 16 and 32 minutes after the acceptance, by the reconciler as it is scheduled."""
    gateway.provider.begins = "requires_action"
    celery = start(NOON)
    approve(gateway, 1, NOON)
    celery.advance(HOUR)
    assert looked_up(celery, gateway) == [NOON + MINUTE * 2**n for n in range(6)]
    refund = Refund.objects.get()
    assert (refund.status, refund.failure, len(gateway.calls)) == ("processing", "requires_action", 1)


ENDS = {
    "succeeded": ("succeeded", SUCCESS, ""),
    "failed": ("failed", DELAYED, "refund re_2 failed"),
    "canceled": ("failed", DELAYED, "refund re_2 canceled"),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_refund_is_looked_up_for_three_days_and_told_once_when_it_ends(
    under_way: tuple[VirtualCelery, Refund], gateway: InMemory, end: str
) -> None:
    """1, 2, 4 and 8 hours after the acceptance and then each six hours; one request, one outcome, one mail."""
    celery, refund = under_way
    celery.advance(3 * DAY)
    refund.refresh_from_db()
    assert (refund.status, refund.receipt, refund.settled_at, mail.outbox) == ("processing", "re_2", None, [])
    instants = looked_up(celery, gateway)
    assert instants == expected_until(celery.now)
    assert instants[:6] == [NOON + n * HOUR for n in (1, 2, 4, 8, 14, 20)]
    gateway.provider.turn("re_2", end)
    celery.advance(DAY)
    status, subject, failure = ENDS[end]
    refund.refresh_from_db()
    (*_, last) = looked_up(celery, gateway)
    assert (refund.status, refund.failure, refund.settled_at, refund.look_up.look_at) == (
        *(status, failure, last, None),
    )
    assert instants == looked_up(celery, gateway)[:-1]
    assert last <= NOON + 3 * DAY + 6 * HOUR
    assert [letter.subject for letter in mail.outbox] == [subject]
    assert len(gateway.calls) == len(gateway.provider.refunds) == 1
    assert (run_audit().problems, health.health(celery.now)) == ([], [])


@pytest.mark.parametrize("end", ENDS)
def test_a_webhook_ends_the_refund_at_once(
    under_way: tuple[VirtualCelery, Refund], gateway: InMemory, settings: Settings, end: str
) -> None:
    """In the second of the event, which Stripe sends twice: one outcome, one mail."""
    settings.STRIPE_WEBHOOK_SECRET = SECRET
    celery, refund = under_way
    celery.advance(2 * DAY)
    gateway.provider.turn("re_2", end)
    before, now = len(gateway.looked_up), celery.now
    for _ in range(2):
        post(refund, end, now)
    celery.advance(timedelta(seconds=1))
    status, subject, _ = ENDS[end]
    refund.refresh_from_db()
    assert (refund.status, refund.settled_at) == (status, now)
    celery.advance(DAY)
    assert len(gateway.looked_up) == before + 1
    assert [letter.subject for letter in mail.outbox] == [subject]


def test_an_event_is_not_lost_with_the_broker(
    under_way: tuple[VirtualCelery, Refund], gateway: InMemory, settings: Settings
) -> None:
    """The broker is away when Stripe posts: the reconciler's next run sends the look-up."""
    settings.STRIPE_WEBHOOK_SECRET = SECRET
    celery, refund = under_way
    celery.advance(2 * DAY)
    gateway.provider.turn("re_2", "succeeded")
    celery.fail_publish(4)  # its retries, too
    post(refund, "succeeded", celery.now)
    celery.fail_publish(0)
    celery.advance(HOUR)
    refund.refresh_from_db()
    assert refund.status == "succeeded"


def test_a_failure_after_success_is_found_told_and_tried_again(
    under_way: tuple[VirtualCelery, Refund], gateway: InMemory, settings: Settings
) -> None:
    """Succeeded on the second day, returned by the bank on the tenth: a mail, a line in health, and a second refund."""
    settings.STRIPE_WEBHOOK_SECRET = SECRET
    celery, refund = under_way
    celery.advance(DAY)
    gateway.provider.turn("re_2", "succeeded")
    celery.advance(9 * DAY)
    assert health.health(celery.now) == []
    gateway.provider.turn("re_2", "failed")
    post(refund, "failed", celery.now)
    failed_at = celery.now
    celery.advance(HOUR)
    refund.refresh_from_db()
    assert (refund.status, refund.settled_at) == ("failed", failed_at)
    assert refund.failure == "failed after it had succeeded: refund re_2 failed"
    (line,) = health.health(celery.now)
    assert line.startswith("refunds that failed after they had succeeded: 1, ")
    gateway.provider.begins = "succeeded"
    try_again([refund.pk], celery.now)
    celery.advance(HOUR)
    refund.refresh_from_db()
    assert (refund.status, refund.receipt, health.health(celery.now)) == ("succeeded", "re_3", [])
    assert [key for _, key in gateway.calls] == [refund.request.key, f"{refund.request.key}:1"]
    assert [letter.subject for letter in mail.outbox] == [SUCCESS, REVERSED, SUCCESS]
    assert run_audit().problems == []


def test_look_ups_that_fail_for_days_end_nothing(under_way: tuple[VirtualCelery, Refund], gateway: InMemory) -> None:
    """Stripe is away for eight days: health says so after a week, and the refund ends when Stripe is back."""
    celery, refund = under_way

    def away(_call: Call) -> Answer:
        raise TryAgain("Stripe: Network error")

    gateway.look_up_faults.extend([away] * 60)
    celery.advance(8 * DAY)
    refund.refresh_from_db()
    assert (refund.status, refund.failure) == ("processing", "Stripe: Network error")
    assert looked_up(celery, gateway) == expected_until(celery.now)
    (line,) = health.health(celery.now)
    assert line.startswith("refunds under way: 1 for more than 7 days, ")
    gateway.look_up_faults.clear()
    gateway.provider.turn("re_2", "succeeded")
    celery.advance(DAY)
    refund.refresh_from_db()
    assert (refund.status, health.health(celery.now)) == ("succeeded", [])


@pytest.mark.parametrize("transport", ["memory", pytest.param("fakeredis", marks=pytest.mark.long)])
def test_a_lost_look_up_comes_again(start: Start, gateway: InMemory, transport: str) -> None:
    """The broker forgets the message, and a worker is killed in the middle of a look-up."""
    gateway.provider.begins = "pending"
    celery = start(NOON, transport=transport)
    approve(gateway, 1, NOON)

    def die(_call: Call) -> Answer:
        celery.kill_worker()
        raise AssertionError("a dead worker goes on")

    gateway.look_up_faults.append(die)
    celery.advance(2 * MINUTE)
    gateway.provider.turn("re_2", "succeeded")
    celery.lose_broker()
    celery.start_worker()
    # Redis restores what the killed worker held after the visibility timeout, an hour.
    celery.advance(70 * MINUTE if transport == "fakeredis" else 10 * MINUTE)
    refund = Refund.objects.get()
    assert (refund.status, len(gateway.looked_up)) == ("succeeded", 2)


def test_messages_do_not_pile_up_while_nobody_looks(start: Start, gateway: InMemory) -> None:
    """With no worker on its queue for an hour, a refund under way has one look-up waiting, and then one call."""
    gateway.provider.begins = "pending"
    celery = start(NOON)
    approve(gateway, 20, NOON)
    celery.advance(timedelta(seconds=2))
    celery.stop_worker()
    for minute in range(1, 61):
        celery.advance(MINUTE)
        reconcile.reconcile(celery.now, gateway=gateway)
        assert len(celery.timeline.of("sent", LOOK_UP)) == 20, minute
    celery.start_worker()
    celery.advance(timedelta(seconds=30))
    assert len(gateway.looked_up) == 20
    assert Refund.objects.filter(status="processing", look_up__look_at__gt=celery.now).count() == 20
