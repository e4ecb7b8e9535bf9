"""A machine whose clock is ten minutes ahead, in virtual time: only the right clock declines the day."""

from datetime import datetime

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


def database_runs_behind(celery: VirtualCelery, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock of beat and worker is ten minutes ahead of the database's."""
    monkeypatch.setattr(queries, "database_clock", lambda: celery.now - AHEAD)


def on_a_good_machine(monkeypatch: pytest.MonkeyPatch, at: datetime) -> list[str]:
    """The lines of `health` there."""
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
    database_runs_behind(with_wrong_clock, monkeypatch)
    with_wrong_clock.run_until(CUTOFF + 8 * MINUTE)
    assert not Sweep.objects.exists()
    assert {record.task for record in with_wrong_clock.timeline.of("failed")} == {
        outbox.DECLINE_PENDING,
        outbox.RECONCILE,
    }
    assert with_wrong_clock.timeline.of("retried") == []
    (line,) = on_a_good_machine(monkeypatch, CUTOFF - 2 * MINUTE)
    assert "600 s ahead of the database's clock" in line
    with_wrong_clock.__exit__(None, None, None)

    right = start(CUTOFF - 2 * MINUTE, transport=transport)
    monkeypatch.setattr(queries, "database_clock", lambda: right.now)
    right.run_until(CUTOFF + 5 * MINUTE)
    assert Sweep.objects.get().scheduled_for == CUTOFF
    assert set(ReturnRequest.objects.values_list("status", "decided_at")) == {(Status.DECLINED, CUTOFF)}


def test_clock_that_is_right_again_needs_no_restart(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that was behind over the cutoff is set forward: the reconciler starts the sweep within half a minute."""
    make_requests(received_at=PRESSED)
    celery = start(CUTOFF - MINUTE)
    monkeypatch.setattr(queries, "database_clock", lambda: celery.now + AHEAD)
    celery.run_until(CUTOFF + MINUTE)
    assert not Sweep.objects.exists()
    monkeypatch.setattr(queries, "database_clock", lambda: celery.now)
    celery.advance(MINUTE / 2)
    assert ReturnRequest.objects.get().status == Status.DECLINED
