"""What a sweep covers, when it expires, its chunks and its progress."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refunds.domain import cutoff, sweeps
from refunds.domain.returns import Decision
from refunds.domain.sweeps import Frozen, IdRange, Progress, SweepState

from .strategies import durations, instants


@given(instants, durations, st.integers(1, 100), st.integers(1, 100))
def test_a_pending_request_is_at_any_instant_to_be_approved_or_owed_a_decline(
    received: datetime, later: timedelta, request_id: int, up_to: int
) -> None:
    """Of an approval and a decline at the same instant exactly one covers a request that is there; none a later id."""
    now = received + later
    covers = [sweeps.scope(kind, Frozen(up_to), now).includes(request_id, received) for kind in Decision]
    assert sum(covers) == (1 if request_id <= up_to else 0)


@given(instants, durations)
def test_an_approval_lapses_before_the_decline_may_touch_its_set(started: datetime, later: timedelta) -> None:
    """Until an approve sweep expires no decline covers any request of its set; from then on one covers all."""
    now = started + later
    expires = sweeps.expires_at(Decision.APPROVE, started)
    assert expires == cutoff.upcoming(started)
    declines = sweeps.scope(Decision.DECLINE, Frozen(1), now).includes(1, started)
    assert sweeps.has_expired(expires, now) == declines


@pytest.mark.parametrize("kind", Decision)
def test_a_sweep_covers_the_snapshot_of_its_frozen_set(kind: Decision) -> None:
    """Approvals and declines alike keep id and snapshot of what was frozen."""
    scope = sweeps.scope(kind, Frozen(7, "10:20:11"), datetime(2026, 7, 15, 9, tzinfo=UTC))
    assert (scope.up_to_id, scope.snapshot) == (7, "10:20:11")


@given(instants, durations)
def test_a_decline_never_lapses(started: datetime, later: timedelta) -> None:
    """The decline of a cut-off is owed however late it comes."""
    assert not sweeps.has_expired(sweeps.expires_at(Decision.DECLINE, started), started + later)


def test_a_sweep_has_lapsed_on_the_instant() -> None:
    """18:00:00 itself is too late, the millisecond before is not."""
    line = cutoff.on(datetime(2026, 7, 15).date())  # noqa: DTZ001  # a date
    assert not sweeps.has_expired(line, line - timedelta(milliseconds=1))
    assert sweeps.has_expired(line, line)


@given(st.integers(1, 1_000), st.sets(st.integers(1_000, 10_000)))
def test_chunks_cover_every_id_once(first: int, ends: set[int]) -> None:
    """Chunks touch, do not overlap, and run from the first id to decide to the last."""
    chunks = list(sweeps.id_ranges(first, sorted(ends)))
    ids = [n for chunk in chunks for n in range(chunk.first_id, chunk.last_id + 1)]
    assert ids == list(range(first, max(ends, default=first - 1) + 1))
    assert {chunk.last_id for chunk in chunks} == ends


@pytest.mark.parametrize("ends", [[5, 5], [5, 4], [2]])
def test_boundaries_that_do_not_rise_from_the_first_id_are_refused(ends: list[int]) -> None:
    """A boundary that repeats, falls or lies before the first id is a bug, and named."""
    with pytest.raises(ValueError, match=f"chunk boundary {ends[-1]} lies before"):
        list(sweeps.id_ranges(3, ends))


def test_a_set_without_holes_is_one_span_a_boundary() -> None:
    """Three boundaries make three chunks, the first of which begins at the first id."""
    assert list(sweeps.id_ranges(2, [3, 6, 8])) == [IdRange(2, 3), IdRange(4, 6), IdRange(7, 8)]


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.booleans(), st.booleans(), st.booleans())
def test_progress_reads_100_only_when_nothing_is_left(
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
        (True, False, True, 3, SweepState.LAPSED),
        (False, True, True, 3, SweepState.LAPSED),
        (True, True, True, 0, SweepState.DONE),
    ],
)
def test_the_state_of_a_sweep(planned: bool, closed: bool, expired: bool, left: int, state: SweepState) -> None:
    """Planning, running, done and expired, in the words of the sweep's page."""
    assert Progress(2, left, planned, closed, expired).state is state
