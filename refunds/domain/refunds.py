"""The states of a refund, the money owed for one approved return request."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

# The label of the action that makes a failed refund pending again. Texts that advise it quote it.
TRY_AGAIN: Final = "Try again"


class RefundStatus(StrEnum):
    """`pending` is still to be paid; `failed` waits for a person who tries again.

    `processing`: the payment provider has accepted the refund and will say later, within days, how it ended.
    """

    PENDING = "pending"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Outcome(StrEnum):
    """What can happen to a refund."""

    ACCEPTED = "accepted"
    PAID = "paid"
    GIVEN_UP = "given up"
    REVERSED = "reversed"
    TRIED_AGAIN = "tried again"
    SETTLED_ELSEWHERE = "settled elsewhere"


TRANSITIONS: Final[Mapping[tuple[RefundStatus, Outcome], RefundStatus]] = MappingProxyType(
    {
        (RefundStatus.PENDING, Outcome.ACCEPTED): RefundStatus.PROCESSING,
        (RefundStatus.PENDING, Outcome.PAID): RefundStatus.SUCCEEDED,
        (RefundStatus.PENDING, Outcome.GIVEN_UP): RefundStatus.FAILED,
        (RefundStatus.PROCESSING, Outcome.PAID): RefundStatus.SUCCEEDED,
        (RefundStatus.PROCESSING, Outcome.GIVEN_UP): RefundStatus.FAILED,
        # The customer's bank has sent the money back, days after the provider said that the refund succeeded.
        (RefundStatus.SUCCEEDED, Outcome.REVERSED): RefundStatus.FAILED,
        (RefundStatus.FAILED, Outcome.TRIED_AGAIN): RefundStatus.PENDING,
        # The receipt of an attempt that outlived its lease: the money has moved, whatever was thought meanwhile.
        (RefundStatus.FAILED, Outcome.PAID): RefundStatus.SUCCEEDED,
        # An operator has paid it by another way, and says by which.
        (RefundStatus.FAILED, Outcome.SETTLED_ELSEWHERE): RefundStatus.SUCCEEDED,
        # The same, where the late answer says that the refund is under way.
        (RefundStatus.FAILED, Outcome.ACCEPTED): RefundStatus.PROCESSING,
    }
)


class RefundSettled(ValueError):
    """An outcome that the refund's status does not allow: nothing is paid, or given up, twice."""

    def __init__(self, status: RefundStatus, outcome: Outcome) -> None:
        super().__init__(f"a refund that is {status} cannot be {outcome}")


def settle(status: RefundStatus, outcome: Outcome) -> RefundStatus:
    """The status that `outcome` leads to from `status`. Raises RefundSettled where the table has no such move."""
    try:
        return TRANSITIONS[status, outcome]
    except KeyError:
        raise RefundSettled(status, outcome) from None
