"""The scope of a sweep, its expiry, its chunks and its progress."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refunds.domain import cutoff, sweeps
from refunds.domain.returns import Decision
from refunds.domain.sweeps import Frozen, IdRange, Progress, Scope, SweepState

from .strategies import durations, instants


def includes(scope: Scope, received: datetime) -> bool:
    """Whether the scope has a request that was received then."""
    since, before = scope.received_from, scope.received_before
    return (since is None or received >= since) and (before is None or received < before)


@given(instants, durations)
def test_request_is_in_the_scope_of_an_approval_or_of_a_decline(received: datetime, later: timedelta) -> None:
    """Of an approval and a decline at one instant, exactly one includes a request."""
    included = [includes(sweeps.scope(kind, Frozen(1), received + later), received) for kind in Decision]
    assert sum(included) == 1


@given(instants, durations)
def test_approval_expires_before_a_decline_includes_its_requests(started: datetime, later: timedelta) -> None:
    """Until an approve sweep expires, no decline includes a request of its set; from then on, one includes all."""
    now = started + later
    expires = sweeps.expires_at(Decision.APPROVE, started)
    assert expires == cutoff.upcoming(started)
    declines = includes(sweeps.scope(Decision.DECLINE, Frozen(1), now), started)
    assert sweeps.has_expired(expires, now) == declines


@pytest.mark.parametrize("kind", Decision)
def test_scope_keeps_the_snapshot_of_its_frozen_set(kind: Decision) -> None:
    """Approvals and declines keep id and snapshot of the frozen set."""
    scope = sweeps.scope(kind, Frozen(7, "10:20:11"), datetime(2026, 7, 15, 9, tzinfo=UTC))
    assert (scope.up_to_id, scope.snapshot) == (7, "10:20:11")


@given(instants, durations)
def test_decline_never_expires(started: datetime, later: timedelta) -> None:
    """A decline can come any time after its cutoff."""
    assert not sweeps.has_expired(sweeps.expires_at(Decision.DECLINE, started), started + later)


def test_sweep_expires_at_the_instant_of_the_cutoff() -> None:
    """A sweep has expired at the cutoff, and has not a millisecond before it."""
    line = cutoff.on(date(2026, 7, 15))
    assert not sweeps.has_expired(line, line - timedelta(milliseconds=1))
    assert sweeps.has_expired(line, line)


@given(st.integers(1, 1_000), st.sets(st.integers(1_000, 10_000)))
def test_id_ranges_contain_every_id_once(first: int, ends: set[int]) -> None:
    """Ranges have no gap and no overlap, from the first id to the last."""
    chunks = list(sweeps.id_ranges(first, sorted(ends)))
    ids = [n for chunk in chunks for n in range(chunk.first_id, chunk.last_id + 1)]
    assert ids == list(range(first, max(ends, default=first - 1) + 1))
    assert {chunk.last_id for chunk in chunks} == ends


@pytest.mark.parametrize("ends", [[5, 5], [5, 4], [2]])
def test_last_ids_that_do_not_rise_are_refused(ends: list[int]) -> None:
    """A last id that repeats, falls or lies before the first id is a bug, and the error names it."""
    with pytest.raises(ValueError, match=f"last id {ends[-1]} lies before"):
        list(sweeps.id_ranges(3, ends))


def test_each_last_id_makes_one_id_range() -> None:
    """Three last ids make three ranges, the first of which begins at the first id."""
    assert list(sweeps.id_ranges(2, [3, 6, 8])) == [IdRange(2, 3), IdRange(4, 6), IdRange(7, 8)]


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.booleans(), st.booleans(), st.booleans())
def test_progress_is_100_percent_only_when_nothing_is_left(
    decided: int, left: int, planned: bool, closed: bool, expired: bool
) -> None:
    """The percentage is rounded down, and a sweep is done only when it is closed with nothing left."""
    progress = Progress(decided, left, planned, closed, expired)
    assert 0 <= progress.percent <= 100
    assert (progress.percent == 100) == (left == 0)
    assert (progress.state is SweepState.DONE) == (closed and left == 0)


@pytest.mark.parametrize(
    ("planned", "closed", "expired", "left", "state"),
    [
        (False, False, False, 3, SweepState.PLANNING),
        (True, False, False, 3, SweepState.RUNNING),
        (True, False, True, 3, SweepState.EXPIRED),
        (False, True, True, 3, SweepState.EXPIRED),
        (True, True, True, 0, SweepState.DONE),
    ],
)
def test_state_of_a_sweep(planned: bool, closed: bool, expired: bool, left: int, state: SweepState) -> None:
    """The state is planning, running, done or expired, as the sweep's page shows it."""
    assert Progress(2, left, planned, closed, expired).state is state
