"""What a payer is asked and what it may answer."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol, runtime_checkable

from ..domain.sweeps import Span

# Characters that a receipt may have.
LONGEST_RECEIPT: Final = 255


class TryAgain(Exception):
    """The payer could not say yes or no: a timeout, a lost connection, too many calls. `after` is what it asked for."""

    def __init__(self, reason: str, after: timedelta | None = None) -> None:
        super().__init__(reason, after)
        self.reason = reason
        self.after = after

    def __str__(self) -> str:
        return self.reason


class Refused(Exception):
    """The payer said no, and would say no again: card closed, already refunded, more than was paid."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Order:
    """A refund as a payer is told it; the amount in minor units of the currency.

    `payment` is the payer's own id of what is given back. `reference` names the refund for good, also where a new
    idempotency key follows a refusal. `asked_before`: an earlier call may have reached the payer.
    `earlier_payments`: payments that earlier calls named, before an operator corrected it; the oldest first.
    """

    refund_id: int
    amount_minor: int
    currency: str
    customer: str
    payment: str
    reference: str
    asked_before: bool
    earlier_payments: tuple[str, ...] = ()


@runtime_checkable
class Gateway(Protocol):
    """Pays one refund at a time."""

    def refund(self, order: Order, idempotency_key: str) -> str:
        """Pay, and return a receipt (not empty, LONGEST_RECEIPT characters at most).

        The same key again pays nothing and returns the same receipt. So does a new key for a reference that has been
        paid, also on one of the earlier payments: that a refund of ours is there already is success. Raises TryAgain or
        Refused.
        """
        ...


@runtime_checkable
class ChecksPayments(Protocol):
    """A gateway that knows the shape of its payments' ids. Without this method any visible text is taken for one."""

    @staticmethod
    def check_payment(payment: str) -> None:
        """Raise BadInput with the reason where `payment` is not such an id.

        Static: the web process asks the class, and needs no API key to make a gateway.
        """
        ...


@runtime_checkable
class BulkGateway(Gateway, Protocol):
    """Pays many at once, in the database that holds them."""

    def refund_span(self, span: Span, now: datetime) -> int:
        """Pay every pending refund in the span that is due at `now` (aware); return how many it paid."""
        ...
