"""A second round for failed refunds, in virtual time: from the press to the receipt."""

import random
from datetime import timedelta

import pytest

from refunds.gateways import Refused
from refunds.management.audit import run_audit
from refunds.models import Refund
from refunds.operations.bulk_payments import try_again

from ..factories import NOON
from ..gateways.provider import InMemory, answer_lost, unreachable
from .conftest import Start
from .paying import approve, timed

pytestmark = pytest.mark.django_db(transaction=True)
LATER = timedelta(minutes=2)
# What waits without a message is found by a look of the reconciler: a patience and half a minute later at the latest.
FOUND = timedelta(seconds=90)


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every wait is the shortest that the policy could draw: twelve attempts are over in seconds."""
    monkeypatch.setattr(random, "random", lambda: 0.0)


def approved(gateway: InMemory) -> Refund:
    """The refund of a request that was paid for at the provider and approved at noon."""
    approve(gateway, 1, NOON, customer_email="c@example.com")
    return Refund.objects.select_related("request").get()


def test_a_refused_refund_is_paid_by_its_second_round(start: Start, gateway: InMemory) -> None:
    """Refused at noon and tried again later by two people: one more call, with a new key."""
    celery = start(NOON)
    gateway.faults.extend(timed(celery, [], Refused("card closed")))
    refund = approved(gateway)
    celery.advance(LATER)
    assert [try_again([refund.pk], celery.now), try_again([refund.pk], celery.now)] == [[refund.pk], []]
    celery.advance(LATER)
    assert [key for _, key in gateway.calls] == [refund.request.key, f"{refund.request.key}:1"]
    refund.refresh_from_db()
    (entry,) = gateway.provider.refunds
    assert (refund.status, refund.receipt, refund.settled_at) == ("succeeded", entry.id, NOON + LATER)
    assert run_audit().problems == []


def test_lost_message_of_a_press_is_sent_again(start: Start, gateway: InMemory) -> None:
    """With the broker wiped after the press the reconciler sends the refund."""
    celery = start(NOON)
    gateway.faults.extend(timed(celery, [], Refused("card closed")))
    refund = approved(gateway)
    celery.advance(LATER)
    try_again([refund.pk], celery.now)
    celery.lose_broker()
    celery.advance(FOUND)
    refund.refresh_from_db()
    assert (refund.status, len(gateway.provider.refunds)) == ("succeeded", 1)


@pytest.mark.usefixtures("soon")
def test_refund_paid_without_an_answer_is_not_paid_again(start: Start, gateway: InMemory) -> None:
    """Paid, the answer lost, eleven attempts without one, given up: the second round asks with the same key."""
    celery = start(NOON)
    gateway.faults.extend([answer_lost, *[unreachable] * 11])
    refund = approved(gateway)
    celery.advance(LATER)
    refund.refresh_from_db()
    assert (refund.status, refund.failure) == ("failed", "gave up after 12 attempts: timeout")
    (entry,) = gateway.provider.refunds
    try_again([refund.pk], celery.now)
    celery.advance(LATER)
    refund.refresh_from_db()
    assert (refund.status, refund.receipt, refund.attempts, refund.tried_again) == ("succeeded", entry.id, 1, 1)
    assert gateway.provider.refunds == [entry]
    assert {key for _, key in gateway.calls} == {refund.request.key}
