"""The states of a return request and the only moves between them."""

from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Status(StrEnum):
    """The state of a return request. Pages call `requested` pending."""

    REQUESTED = "requested"
    APPROVED = "approved"
    DECLINED = "declined"


class Decision(StrEnum):
    """What can be done to a return request; also the kind of a sweep, which does it to many."""

    APPROVE = "approve"
    DECLINE = "decline"


TRANSITIONS: Final = MappingProxyType(
    {
        (Status.REQUESTED, Decision.APPROVE): Status.APPROVED,
        (Status.REQUESTED, Decision.DECLINE): Status.DECLINED,
    }
)


class AlreadyDecided(ValueError):
    """A decision on a return request that has been decided: the first decision stands."""

    def __init__(self, status: Status, decision: Decision) -> None:
        super().__init__(f"cannot {decision} a return request that is {status}: its decision stands")


def decided_status(status: Status, decision: Decision) -> Status:
    """Return the status that `decision` leads to from `status`. Raises AlreadyDecided where the table has no move."""
    try:
        return TRANSITIONS[status, decision]
    except KeyError:
        raise AlreadyDecided(status, decision) from None
