"""A refund that the provider accepts and settles days later, in virtual time: look-ups, outcome and mail."""

import json
from datetime import datetime

import pytest
from celery_rehearsal import VirtualCelery
from django.core import mail
from django.test import Client
from pytest_django import Settings

from refunds.gateways import Answer, TryAgain
from refunds.management.audit import run_audit
from refunds.models import Refund
from refunds.operations import health
from refunds.operations.bulk_payments import try_again
from refunds.schedule import beat_schedule

from ...day.conftest import Schedule, Start
from ...day.paying import approve
from ...factories import DAY, HOUR, MINUTE, NOON, SECOND
from ...gateways.provider import Call, InMemory
from ...notices.mails import FAILURE, SUCCESS
from ...stripe.events import signature_header

pytestmark = pytest.mark.django_db(transaction=True)
REVERSED = "Your refund of 12.50 GBP has failed"
SECRET = "whsec_of_a_test"
# How Stripe ends a refund, what that makes of it here, and the mail.
ENDS = [("succeeded", "succeeded", SUCCESS), ("failed", "failed", FAILURE), ("canceled", "failed", FAILURE)]


class Days:
    """A refund that the provider accepts at noon as re_2, and the days after it."""

    def __init__(self, celery: VirtualCelery, gateway: InMemory) -> None:
        self.celery, self.gateway = celery, gateway
        approve(gateway, 1, NOON, customer_email="c@example.com")
        celery.advance(SECOND)

    @property
    def refund(self) -> Refund:
        """Return the refund as it is now."""
        return Refund.objects.select_related("request").get()

    def looked_up(self) -> list[datetime]:
        """Return the instant of each look-up. Each message is one."""
        instants = [record.at for record in self.celery.timeline.of("started", "refunds.look_up_refund")]
        assert len(instants) == len(self.gateway.looked_up)
        return instants

    def end(self, status: str, *, posts: int = 0) -> None:
        """Give the refund this status at the provider, which says so by its webhook so many times."""
        self.gateway.provider.turn("re_2", status)
        key = self.refund.request.key
        refund_there = {"id": "re_2", "object": "refund", "status": status, "metadata": {"refund": key}}
        event = {"id": "evt_1", "object": "event", "type": "refund.updated", "data": {"object": refund_there}}
        body = json.dumps(event)
        signed = {"stripe-signature": signature_header(body, SECRET, int(self.celery.now.timestamp()))}
        for _ in range(posts):
            response = Client().post("/payments/stripe/", body, "application/json", headers=signed)
            assert response.status_code == 200


@pytest.fixture
def days(start: Start, gateway: InMemory, schedule: Schedule, settings: Settings) -> Days:
    """Return the days of a reconciler that runs each hour: they go by faster."""
    settings.STRIPE_WEBHOOK_SECRET = SECRET
    schedule({"reconcile": {**beat_schedule()["reconcile"], "schedule": HOUR.total_seconds()}})
    gateway.provider.begins = "pending"
    return Days(start(NOON), gateway)


def expected_until(end: datetime) -> list[datetime]:
    """Return when a refund that was accepted at noon is looked up, by a reconciler that runs at each full hour."""
    return [NOON + n * HOUR for n in (1, 2, 4, 8, *range(14, (end - NOON) // HOUR + 1, 6))]


def test_first_look_ups_come_within_minutes(start: Start, gateway: InMemory) -> None:
    """1, 2, 4, 8, 16 and 32 minutes after the acceptance, by the reconciler as it is scheduled."""
    gateway.provider.begins = "requires_action"
    days = Days(start(NOON), gateway)
    days.celery.advance(HOUR)
    assert days.looked_up() == [NOON + MINUTE * 2**n for n in range(6)]
    assert (days.refund.status, days.refund.failure, len(gateway.calls)) == ("processing", "requires_action", 1)


@pytest.mark.parametrize(("end", "status", "subject"), ENDS)
def test_refund_is_looked_up_for_three_days_and_mailed_once_when_it_ends(
    days: Days, end: str, status: str, subject: str
) -> None:
    """1, 2, 4 and 8 hours after the acceptance and then each six hours; one request, one outcome, one mail."""
    days.celery.advance(3 * DAY)
    refund = days.refund
    assert (refund.status, refund.receipt, refund.settled_at, mail.outbox) == ("processing", "re_2", None, [])
    instants = days.looked_up()
    assert instants == expected_until(days.celery.now)
    days.end(end)
    days.celery.advance(DAY)
    failure = "" if status == "succeeded" else f"refund re_2 {end}"
    refund = days.refund
    *before, last = days.looked_up()
    assert (refund.status, refund.failure, refund.settled_at, refund.look_up.look_at) == (status, failure, last, None)
    assert (before, last <= NOON + 3 * DAY + 6 * HOUR) == (instants, True)
    assert [letter.subject for letter in mail.outbox] == [subject]
    assert len(days.gateway.calls) == len(days.gateway.provider.refunds) == 1
    assert (run_audit().problems, health.health(days.celery.now)) == ([], [])


@pytest.mark.parametrize(("end", "status", "subject"), ENDS)
def test_webhook_ends_the_refund_at_once(days: Days, end: str, status: str, subject: str) -> None:
    """In the second of the event, which Stripe sends twice: one outcome, one mail."""
    days.celery.advance(2 * DAY)
    before, now = len(days.gateway.looked_up), days.celery.now
    days.end(end, posts=2)
    days.celery.advance(SECOND)
    assert (days.refund.status, days.refund.settled_at) == (status, now)
    days.celery.advance(DAY)
    assert len(days.gateway.looked_up) == before + 1
    assert [letter.subject for letter in mail.outbox] == [subject]


def test_event_is_not_lost_with_the_broker(days: Days) -> None:
    """The broker is away when Stripe posts: the reconciler's next run sends the look-up."""
    days.celery.advance(2 * DAY)
    days.celery.fail_publish(4)  # its retries, too
    days.end("succeeded", posts=1)
    days.celery.fail_publish(0)
    days.celery.advance(HOUR)
    assert days.refund.status == "succeeded"


def test_failure_after_success_is_found_mailed_and_tried_again(days: Days) -> None:
    """Succeeded on the second day, returned by the bank on the tenth: a mail, a line in health, and a second refund."""
    celery, gateway = days.celery, days.gateway
    celery.advance(DAY)
    days.end("succeeded")
    celery.advance(9 * DAY)
    assert health.health(celery.now) == []
    failed_at = celery.now
    days.end("failed", posts=1)
    celery.advance(HOUR)
    refund = days.refund
    assert (refund.status, refund.settled_at) == ("failed", failed_at)
    assert refund.failure == "failed after it had succeeded: refund re_2 failed"
    (line,) = health.health(celery.now)
    assert line.startswith("refunds that failed after they had succeeded: 1, ")
    gateway.provider.begins = "succeeded"
    try_again([refund.pk], celery.now)
    celery.advance(HOUR)
    assert (days.refund.status, days.refund.receipt, health.health(celery.now)) == ("succeeded", "re_3", [])
    assert [key for _, key in gateway.calls] == [refund.request.key, f"{refund.request.key}:1"]
    assert [letter.subject for letter in mail.outbox] == [SUCCESS, REVERSED, SUCCESS]
    assert run_audit().problems == []


def test_look_ups_that_fail_for_days_end_nothing(days: Days) -> None:
    """Stripe is away for eight days: health says so after a week, and the refund ends when Stripe is back."""

    def away(_call: Call) -> Answer:
        raise TryAgain("Stripe: Network error")

    days.gateway.look_up_faults.extend([away] * 60)
    days.celery.advance(8 * DAY)
    assert (days.refund.status, days.refund.failure) == ("processing", "Stripe: Network error")
    assert days.looked_up() == expected_until(days.celery.now)
    (line,) = health.health(days.celery.now)
    assert line.startswith("refunds under way: 1 for more than 7 days, ")
    days.gateway.look_up_faults.clear()
    days.end("succeeded")
    days.celery.advance(DAY)
    assert (days.refund.status, health.health(days.celery.now)) == ("succeeded", [])


@pytest.mark.parametrize("transport", ["memory", pytest.param("fakeredis", marks=pytest.mark.long)])
def test_lost_look_up_comes_again(start: Start, gateway: InMemory, transport: str) -> None:
    """The broker forgets the message, and a worker is killed in the middle of a look-up."""
    gateway.provider.begins = "pending"
    days = Days(start(NOON, transport=transport), gateway)
    celery = days.celery

    def die(_call: Call) -> Answer:
        celery.kill_worker()
        raise AssertionError("a dead worker goes on")

    gateway.look_up_faults.append(die)
    celery.advance(2 * MINUTE)
    days.end("succeeded")
    celery.lose_broker()
    celery.start_worker()
    # Redis restores what the killed worker held after the visibility timeout, an hour.
    celery.advance(70 * MINUTE if transport == "fakeredis" else 10 * MINUTE)
    assert (days.refund.status, len(gateway.looked_up)) == ("succeeded", 2)
