"""The states of a refund, the money due for one approved return request."""

from enum import StrEnum
from types import MappingProxyType
from typing import Final

TRY_AGAIN: Final = "Try again"  # the label of the action on failed refunds, which advice quotes


class RefundStatus(StrEnum):
    """The state of a refund."""

    PENDING = "pending"  # still to be paid
    PROCESSING = "processing"  # accepted by the payment provider, which says within days how it ended
    SUCCEEDED = "succeeded"
    FAILED = "failed"  # waits for an operator who tries again


class Outcome(StrEnum):
    """What can happen to a refund."""

    ACCEPTED = "accepted"
    PAID = "paid"
    GIVEN_UP = "given up"
    REVERSED = "reversed"
    TRIED_AGAIN = "tried again"
    SETTLED_ELSEWHERE = "settled elsewhere"


TRANSITIONS: Final = MappingProxyType(
    {
        (RefundStatus.PENDING, Outcome.ACCEPTED): RefundStatus.PROCESSING,
        (RefundStatus.PENDING, Outcome.PAID): RefundStatus.SUCCEEDED,
        (RefundStatus.PENDING, Outcome.GIVEN_UP): RefundStatus.FAILED,
        (RefundStatus.PROCESSING, Outcome.PAID): RefundStatus.SUCCEEDED,
        (RefundStatus.PROCESSING, Outcome.GIVEN_UP): RefundStatus.FAILED,
        # The customer's bank has sent the money back, days after the provider said that the refund succeeded.
        (RefundStatus.SUCCEEDED, Outcome.REVERSED): RefundStatus.FAILED,
        (RefundStatus.FAILED, Outcome.TRIED_AGAIN): RefundStatus.PENDING,
        # A late answer (payments._store_answer): the money has moved, or moves.
        (RefundStatus.FAILED, Outcome.PAID): RefundStatus.SUCCEEDED,
        (RefundStatus.FAILED, Outcome.ACCEPTED): RefundStatus.PROCESSING,
        # An operator has paid by another way, and says by which.
        (RefundStatus.FAILED, Outcome.SETTLED_ELSEWHERE): RefundStatus.SUCCEEDED,
    }
)


def next_status(status: RefundStatus, outcome: Outcome) -> RefundStatus:
    """Return the status that `outcome` leads to from `status`. Raises ValueError: nothing is paid or given up twice."""
    if (status, outcome) not in TRANSITIONS:
        raise ValueError(f"a refund that is {status} cannot be {outcome}")
    return TRANSITIONS[status, outcome]
