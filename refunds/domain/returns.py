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


# Where each decision leads from `requested`. The first one stands: the statement that decides (queries.decide_rows)
# changes no row in another state.
DECIDED: Final = MappingProxyType({Decision.APPROVE: Status.APPROVED, Decision.DECLINE: Status.DECLINED})

# The code of each decline by the cutoff; the setting REFUNDS_DECLINE_CODES has its label and the codes of users.
CUTOFF_CODE: Final = "cutoff"
