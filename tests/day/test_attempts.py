"""When a refund is attempted again, in virtual time, and when it is given up."""

import random
import time
from datetime import datetime, timedelta

import pytest

from refunds.domain.refunds import RefundStatus
from refunds.gateways import Answer, Refused, TryAgain
from refunds.management.audit import run_audit
from refunds.models import Refund
from refunds.operations.payments import POLICY

from ..factories import NOON
from ..gateways.provider import Call, InMemory
from .conftest import Start, on_both_transports
from .paying import MINUTE, SECOND, approve, look_after, timed

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def halfway(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every wait is half of the longest that the policy could draw."""
    monkeypatch.setattr(random, "random", lambda: 0.5)


@pytest.mark.usefixtures("halfway")
@on_both_transports
def test_attempts_come_when_the_policy_says(start: Start, gateway: InMemory, transport: str) -> None:
    """1, 2, 4, 8, 16 and 32 seconds by message, longer waits at the reconciler's next look; the twelfth gives up."""
    celery = start(NOON, transport=transport)
    instants: list[datetime] = []
    gateway.faults.extend(timed(celery, instants, *[TryAgain("timeout")] * 20))
    approve(gateway, 1, NOON)
    expected = [NOON]
    for attempt in range(1, POLICY.max_attempts):
        due = expected[-1] + min(2**attempt * SECOND, 10 * MINUTE) / 2
        expected.append(due if due - expected[-1] <= MINUTE else look_after(due))
    celery.run_until(expected[-1] + 10 * MINUTE)
    assert instants == expected
    refund = Refund.objects.get()
    ended = (RefundStatus.FAILED, "gave up after 12 attempts: timeout", expected[-1])
    assert (refund.status, refund.failure, refund.settled_at) == ended
    assert {key for _, key in gateway.calls} == {refund.request.key}


@pytest.mark.usefixtures("halfway")
@pytest.mark.parametrize(("after", "by_message"), [(45 * SECOND, True), (60 * SECOND, True), (301 * SECOND, False)])
def test_retry_after_is_respected(start: Start, gateway: InMemory, after: timedelta, by_message: bool) -> None:
    """A wait of up to a minute is a countdown, to the second; after a longer one the reconciler sends a message."""
    celery = start(NOON)
    instants: list[datetime] = []
    gateway.faults.extend(timed(celery, instants, TryAgain("429", after=after), None))
    approve(gateway, 1, NOON)
    celery.advance(SECOND)
    waiting = [message.task for message in celery.pending().scheduled]
    assert waiting.count("refunds.pay_refund") == by_message
    celery.advance(10 * MINUTE)
    assert instants == [NOON, NOON + after if by_message else look_after(NOON + after)]
    assert run_audit().count(RefundStatus.SUCCEEDED) == 1


@pytest.mark.usefixtures("halfway")
@pytest.mark.parametrize("after", [10 * SECOND, 5 * MINUTE])
def test_waits_count_from_the_end_of_a_slow_call(start: Start, gateway: InMemory, after: timedelta) -> None:
    """A provider that takes 40 seconds to ask for a pause gets all of it."""
    celery = start(NOON)
    instants: list[datetime] = []
    slow = 40 * SECOND

    def answer_late(_call: Call) -> Answer:
        time.sleep(slow.total_seconds())
        raise TryAgain("429", after=after)

    gateway.faults.extend([answer_late, *timed(celery, instants, None)])
    approve(gateway, 1, NOON)
    celery.advance(10 * MINUTE)
    (again,) = instants
    assert again >= NOON + slow + after
    refund = Refund.objects.get()
    assert (refund.status, refund.settled_at) == (RefundStatus.SUCCEEDED, again)


def test_a_refusal_ends_the_refund_and_its_key(start: Start, gateway: InMemory) -> None:
    """One call, no retry; what a person tries again is asked with another key."""
    celery = start(NOON)
    gateway.faults.extend(timed(celery, [], Refused("card closed")))
    approve(gateway, 1, NOON)
    celery.advance(10 * MINUTE)
    refund = Refund.objects.get()
    assert (refund.status, refund.failure, refund.settled_at) == (RefundStatus.FAILED, "card closed", NOON)
    assert len(gateway.calls) == 1
    assert refund.idempotency_key == f"{refund.request.key}:1"
