"""The two tables of transitions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refunds.domain.refunds import Outcome, RefundSettled, RefundStatus, settle
from refunds.domain.returns import AlreadyDecided, Decision, Status, decided_status


@pytest.mark.parametrize("decision", Decision)
@pytest.mark.parametrize("status", Status)
def test_only_a_requested_return_can_be_decided(status: Status, decision: Decision) -> None:
    """Requested leads to approved or declined; from there nothing leads anywhere."""
    target = {Decision.APPROVE: Status.APPROVED, Decision.DECLINE: Status.DECLINED}[decision]
    if status is Status.REQUESTED:
        assert decided_status(status, decision) is target
    else:
        with pytest.raises(AlreadyDecided, match=f"cannot {decision} a return request that is {status}"):
            decided_status(status, decision)


@given(st.lists(st.sampled_from(Decision), min_size=1))
def test_the_first_decision_stands(decisions: list[Decision]) -> None:
    """However many decisions are made on it, a return request keeps the first."""
    status = Status.REQUESTED
    for decision in decisions:
        try:
            status = decided_status(status, decision)
        except AlreadyDecided:
            continue
    assert status is decided_status(Status.REQUESTED, decisions[0])


@given(st.lists(st.sampled_from(Outcome)))
def test_a_refund_is_paid_at_most_once(outcomes: list[Outcome]) -> None:
    """Along any run of outcomes a refund succeeds once at the most, unless the provider takes it back in between."""
    status, paid = RefundStatus.PENDING, 0
    for outcome in outcomes:
        try:
            status = settle(status, outcome)
        except RefundSettled:
            continue
        paying = outcome in {Outcome.PAID, Outcome.SETTLED_ELSEWHERE}
        assert paid == (outcome is Outcome.REVERSED)
        paid += paying - (outcome is Outcome.REVERSED)
    assert paid == (status is RefundStatus.SUCCEEDED)


def test_a_failed_refund_can_be_tried_again() -> None:
    """A failed refund becomes pending again; one that is pending, under way or paid has nothing to try again."""
    assert settle(RefundStatus.FAILED, Outcome.TRIED_AGAIN) is RefundStatus.PENDING
    for status in (RefundStatus.PENDING, RefundStatus.PROCESSING, RefundStatus.SUCCEEDED):
        with pytest.raises(RefundSettled, match=f"a refund that is {status} cannot be tried again"):
            settle(status, Outcome.TRIED_AGAIN)


def test_a_late_answer_ends_a_failed_refund() -> None:
    """A refund that was given up is succeeded once a receipt comes, and processing once it is accepted."""
    assert settle(RefundStatus.FAILED, Outcome.PAID) is RefundStatus.SUCCEEDED
    assert settle(RefundStatus.FAILED, Outcome.ACCEPTED) is RefundStatus.PROCESSING


def test_an_accepted_refund_ends_by_the_providers_word_alone() -> None:
    """It succeeds or fails; it is neither accepted again, nor tried again, nor reversed."""
    assert settle(RefundStatus.PENDING, Outcome.ACCEPTED) is RefundStatus.PROCESSING
    assert settle(RefundStatus.PROCESSING, Outcome.PAID) is RefundStatus.SUCCEEDED
    assert settle(RefundStatus.PROCESSING, Outcome.GIVEN_UP) is RefundStatus.FAILED
    for outcome in (Outcome.ACCEPTED, Outcome.TRIED_AGAIN, Outcome.REVERSED):
        with pytest.raises(RefundSettled, match=f"a refund that is processing cannot be {outcome}"):
            settle(RefundStatus.PROCESSING, outcome)


def test_a_refund_that_succeeded_can_only_be_reversed() -> None:
    """The provider says that it has failed since; nothing else leads on from success."""
    assert settle(RefundStatus.SUCCEEDED, Outcome.REVERSED) is RefundStatus.FAILED
    for outcome in set(Outcome) - {Outcome.REVERSED}:
        with pytest.raises(RefundSettled, match=f"a refund that is succeeded cannot be {outcome}"):
            settle(RefundStatus.SUCCEEDED, outcome)


def test_only_a_failed_refund_is_settled_elsewhere() -> None:
    """What the provider is still to pay, or has paid, is not."""
    assert settle(RefundStatus.FAILED, Outcome.SETTLED_ELSEWHERE) is RefundStatus.SUCCEEDED
    for status in set(RefundStatus) - {RefundStatus.FAILED}:
        with pytest.raises(RefundSettled, match=f"a refund that is {status} cannot be settled elsewhere"):
            settle(status, Outcome.SETTLED_ELSEWHERE)


def test_a_failed_refund_is_not_given_up_again() -> None:
    """What has failed waits for a person or a receipt."""
    with pytest.raises(RefundSettled, match="a refund that is failed cannot be given up"):
        settle(RefundStatus.FAILED, Outcome.GIVEN_UP)
