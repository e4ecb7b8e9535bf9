"""One limit over all workers, in virtual time."""

from datetime import datetime

import pytest

from refunds.domain.refunds import RefundStatus
from refunds.management.audit import run_audit
from refunds.rate import receivers
from refunds.rate.limiter import LARGEST_PERMIT, Throttle
from refunds.rate.pacing import Rate

from ..day.conftest import Start
from ..day.paying import MINUTE, SECOND, approve, timed
from ..factories import NOON
from ..gateways.provider import InMemory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    ("transport", "workers"), [("memory", 1), pytest.param("fakeredis", 3, marks=pytest.mark.long)]
)
def test_calls_stay_within_the_rate_over_all_workers(
    start: Start, gateway: InMemory, monkeypatch: pytest.MonkeyPatch, transport: str, workers: int
) -> None:
    """10/s: in no second more than a burst beyond it; each refund paid once, in little more time than that takes."""
    celery = start(NOON, transport=transport, workers=workers)
    limiter = Throttle(Rate.parse("10/s"), "memory://")
    monkeypatch.setattr(receivers, "limiter", lambda: limiter)
    instants: list[datetime] = []
    gateway.faults.extend(timed(celery, instants, *[None] * 1000))
    for _ in range(5):  # spans that know nothing of each other
        approve(gateway, 30, NOON)
    celery.advance(10 * SECOND)
    approve(gateway, 150, celery.now)
    celery.advance(3 * MINUTE)
    assert len(gateway.provider.refunds) == len(instants) == 300
    assert run_audit().count(RefundStatus.SUCCEEDED) == 300
    for instant in instants:
        assert sum(instant <= other < instant + SECOND for other in instants) <= 10 + LARGEST_PERMIT
    # 300 calls need half a minute; ranges that come at once leave each other's permits to the reconciler's next run.
    assert instants[-1] - instants[0] <= MINUTE
    assert len(celery.timeline.of("started", "refunds.pay_refund")) <= 2 * 300
