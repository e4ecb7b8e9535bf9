"""The table of transitions of a refund."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refunds.domain.refunds import Outcome, RefundStatus, next_status


@given(st.lists(st.sampled_from(Outcome)))
def test_refund_is_paid_at_most_once(outcomes: list[Outcome]) -> None:
    """In any sequence of outcomes a refund succeeds once at most, unless the provider reverses it in between."""
    status, paid = RefundStatus.PENDING, 0
    for outcome in outcomes:
        try:
            status = next_status(status, outcome)
        except ValueError:
            continue
        paying = outcome in {Outcome.PAID, Outcome.SETTLED_ELSEWHERE}
        assert paid == (outcome is Outcome.REVERSED)
        paid += paying - (outcome is Outcome.REVERSED)
    assert paid == (status is RefundStatus.SUCCEEDED)


def test_only_a_failed_refund_can_be_tried_again() -> None:
    """A failed refund becomes pending again; a pending, processing or succeeded refund does not."""
    assert next_status(RefundStatus.FAILED, Outcome.TRIED_AGAIN) is RefundStatus.PENDING
    for status in (RefundStatus.PENDING, RefundStatus.PROCESSING, RefundStatus.SUCCEEDED):
        with pytest.raises(ValueError, match=f"a refund that is {status} cannot be tried again"):
            next_status(status, Outcome.TRIED_AGAIN)


def test_late_answer_changes_a_failed_refund() -> None:
    """A failed refund becomes succeeded when a late receipt comes, and processing when the provider accepts it."""
    assert next_status(RefundStatus.FAILED, Outcome.PAID) is RefundStatus.SUCCEEDED
    assert next_status(RefundStatus.FAILED, Outcome.ACCEPTED) is RefundStatus.PROCESSING


def test_processing_refund_ends_only_by_the_providers_answer() -> None:
    """It succeeds or fails; it is not accepted again, tried again or reversed."""
    assert next_status(RefundStatus.PENDING, Outcome.ACCEPTED) is RefundStatus.PROCESSING
    assert next_status(RefundStatus.PROCESSING, Outcome.PAID) is RefundStatus.SUCCEEDED
    assert next_status(RefundStatus.PROCESSING, Outcome.GIVEN_UP) is RefundStatus.FAILED
    for outcome in (Outcome.ACCEPTED, Outcome.TRIED_AGAIN, Outcome.REVERSED):
        with pytest.raises(ValueError, match=f"a refund that is processing cannot be {outcome}"):
            next_status(RefundStatus.PROCESSING, outcome)


def test_succeeded_refund_can_only_be_reversed() -> None:
    """A succeeded refund changes only when the provider reports that it has failed since."""
    assert next_status(RefundStatus.SUCCEEDED, Outcome.REVERSED) is RefundStatus.FAILED
    for outcome in set(Outcome) - {Outcome.REVERSED}:
        with pytest.raises(ValueError, match=f"a refund that is succeeded cannot be {outcome}"):
            next_status(RefundStatus.SUCCEEDED, outcome)


def test_only_a_failed_refund_is_settled_elsewhere() -> None:
    """A refund that the provider has paid or can still pay is not settled elsewhere."""
    assert next_status(RefundStatus.FAILED, Outcome.SETTLED_ELSEWHERE) is RefundStatus.SUCCEEDED
    for status in set(RefundStatus) - {RefundStatus.FAILED}:
        with pytest.raises(ValueError, match=f"a refund that is {status} cannot be settled elsewhere"):
            next_status(status, Outcome.SETTLED_ELSEWHERE)


def test_failed_refund_is_not_failed_again() -> None:
    """A failed refund changes only by an operator, a late receipt or a late acceptance."""
    with pytest.raises(ValueError, match="a refund that is failed cannot be given up"):
        next_status(RefundStatus.FAILED, Outcome.GIVEN_UP)
