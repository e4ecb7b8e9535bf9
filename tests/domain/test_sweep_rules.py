"""The scope of a sweep, its expiry, its chunks and its progress."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refunds.domain import cutoff, sweeps
from refunds.domain.returns import Decision
from refunds.domain.sweeps import Frozen, Progress, SweepState

from .strategies import durations, instants

counts = st.integers(0, 10**9)


def includes(kind: Decision, now: datetime, received: datetime) -> bool:
    """Whether a sweep that is started now has a request that was received then in its scope."""
    scope = sweeps.scope(kind, Frozen(1), now)
    since, before = scope.received_from, scope.received_before
    return (since is None or received >= since) and (before is None or received < before)


@given(instants, durations)
def test_request_is_in_the_scope_of_an_approval_or_of_a_decline(received: datetime, later: timedelta) -> None:
    """Of an approval and a decline at one instant, exactly one includes a request."""
    assert sum(includes(kind, received + later, received) for kind in Decision) == 1


@given(instants, durations)
def test_approval_expires_before_a_decline_includes_its_requests(started: datetime, later: timedelta) -> None:
    """Until an approve sweep expires, no decline includes a request of its set; from then on, one includes all."""
    expires = sweeps.expires_at(Decision.APPROVE, started)
    assert expires == cutoff.upcoming(started)
    assert sweeps.has_expired(expires, started + later) == includes(Decision.DECLINE, started + later, started)
    # A decline can come any time after its cutoff.
    assert not sweeps.has_expired(sweeps.expires_at(Decision.DECLINE, started), started + later)


@pytest.mark.parametrize("kind", Decision)
def test_scope_keeps_the_snapshot_of_its_frozen_set(kind: Decision) -> None:
    """Approvals and declines keep id and snapshot of the frozen set."""
    scope = sweeps.scope(kind, Frozen(7, "10:20:11"), datetime(2026, 7, 15, 9, tzinfo=UTC))
    assert (scope.up_to_id, scope.snapshot) == (7, "10:20:11")


def test_sweep_expires_at_the_instant_of_the_cutoff() -> None:
    """A sweep has expired at the cutoff, and has not a millisecond before it."""
    line = cutoff.on(date(2026, 7, 15))
    assert [sweeps.has_expired(line, line - wait) for wait in (timedelta(milliseconds=1), timedelta(0))] == [
        False,
        True,
    ]


@given(st.integers(1, 1_000), st.sets(st.integers(1_000, 10_000)))
def test_id_ranges_contain_every_id_once(first: int, ends: set[int]) -> None:
    """Ranges have no gap and no overlap, from the first id to the last; each last id makes one."""
    chunks = list(sweeps.id_ranges(first, sorted(ends)))
    ids = [n for chunk in chunks for n in range(chunk.first_id, chunk.last_id + 1)]
    assert ids == list(range(first, max(ends, default=first - 1) + 1))
    assert [chunk.last_id for chunk in chunks] == sorted(ends)


@pytest.mark.parametrize("ends", [[5, 5], [5, 4], [2]])
def test_last_ids_that_do_not_rise_are_refused(ends: list[int]) -> None:
    """A last id that repeats, falls or lies before the first id is a bug, and the error names it."""
    with pytest.raises(ValueError, match=f"last id {ends[-1]} lies before"):
        list(sweeps.id_ranges(3, ends))


@given(st.builds(Progress, counts, counts, st.booleans(), st.booleans(), st.booleans()))
def test_progress_is_100_percent_only_when_nothing_is_left(progress: Progress) -> None:
    """The percentage is rounded down, and a sweep is done only when it is closed with nothing left."""
    assert 0 <= progress.percent <= 100
    assert (progress.percent == 100) == (progress.left == 0)
    assert (progress.state is SweepState.DONE) == (progress.closed and progress.left == 0)


@pytest.mark.parametrize(
    ("planned", "closed", "expired", "left", "state"),
    [
        (False, False, False, 3, SweepState.PLANNING),
        (True, False, False, 3, SweepState.RUNNING),
        (True, False, True, 3, SweepState.EXPIRED),
        (False, True, True, 3, SweepState.EXPIRED),
        (True, True, False, 3, SweepState.CANCELLED),
        (True, True, True, 0, SweepState.DONE),
    ],
)
def test_state_of_a_sweep(planned: bool, closed: bool, expired: bool, left: int, state: SweepState) -> None:
    """The state is planning, running, done, expired or cancelled, as the sweep's page shows it."""
    assert Progress(2, left, planned, closed, expired).state is state
