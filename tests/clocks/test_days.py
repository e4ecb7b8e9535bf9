"""A machine whose clock is ten minutes ahead, in virtual time: only the right clock declines the day."""

from datetime import datetime, timedelta

import pytest
from celery_rehearsal import VirtualCelery
from freezegun import freeze_time

from refunds import outbox, queries
from refunds.clocks import comparing
from refunds.domain.returns import Status
from refunds.models import ReturnRequest, Sweep

from ..day.conftest import Start
from ..factories import CUTOFF, MINUTE, PRESSED, make_requests

pytestmark = pytest.mark.django_db(transaction=True)
AHEAD = 10 * MINUTE


def set_database(celery: VirtualCelery, monkeypatch: pytest.MonkeyPatch, ahead: timedelta) -> None:
    """Set the database's clock to so much ahead of the clock of beat and worker."""
    monkeypatch.setattr(queries, "database_clock", lambda: celery.now + ahead)


def on_a_good_machine(monkeypatch: pytest.MonkeyPatch, at: datetime) -> list[str]:
    """Return the lines of `health` there."""
    with monkeypatch.context() as patched:
        patched.setattr("socket.gethostname", lambda: "another")
        with freeze_time(at):
            return comparing.health()


@pytest.mark.parametrize("transport", ["memory", pytest.param("fakeredis", marks=pytest.mark.long)])
def test_worker_ten_minutes_ahead_declines_nothing_and_the_right_clock_declines_once(
    start: Start, monkeypatch: pytest.MonkeyPatch, transport: str
) -> None:
    """Its clock passes the cutoff too early; NTP sets it back, and at the cutoff the day is declined once."""
    make_requests(3, received_at=PRESSED - AHEAD)
    with_wrong_clock = start(CUTOFF - MINUTE, transport=transport)
    set_database(with_wrong_clock, monkeypatch, -AHEAD)
    with_wrong_clock.run_until(CUTOFF + 8 * MINUTE)
    assert not Sweep.objects.exists()
    failed = {record.task for record in with_wrong_clock.timeline.of("failed")}
    assert failed == {outbox.DECLINE_PENDING, outbox.RECONCILE}
    assert with_wrong_clock.timeline.of("retried") == []
    with_wrong_clock.__exit__(None, None, None)
    (line,) = on_a_good_machine(monkeypatch, CUTOFF - 2 * MINUTE)
    assert "600 s ahead of the database's clock" in line

    right = start(CUTOFF - 2 * MINUTE, transport=transport)
    set_database(right, monkeypatch, 0 * MINUTE)
    right.run_until(CUTOFF + 5 * MINUTE)
    assert Sweep.objects.get().scheduled_for == CUTOFF
    assert set(ReturnRequest.objects.values_list("status", "decided_at")) == {(Status.DECLINED, CUTOFF)}


def test_clock_that_is_right_again_needs_no_restart(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that was behind over the cutoff is set forward: the reconciler starts the sweep within half a minute."""
    make_requests(received_at=PRESSED)
    celery = start(CUTOFF - MINUTE)
    set_database(celery, monkeypatch, AHEAD)
    celery.run_until(CUTOFF + MINUTE)
    assert not Sweep.objects.exists()
    set_database(celery, monkeypatch, 0 * MINUTE)
    celery.advance(MINUTE / 2)
    assert ReturnRequest.objects.get().status == Status.DECLINED
