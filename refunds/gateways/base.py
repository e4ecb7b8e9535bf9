"""The port to payment providers: what a gateway is asked, and what it can answer."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol, Self, runtime_checkable

from ..domain.sweeps import IdRange

if TYPE_CHECKING:  # a gateway can be imported before Django is set up
    from ..models import Refund

LONGEST_RECEIPT: Final = 255  # characters: what the column holds


@dataclass(frozen=True)
class _Answer:
    """`receipt` is the refund's id at the provider. Raises ValueError where a row cannot hold it."""

    receipt: str

    def __post_init__(self) -> None:
        if not 0 < len(self.receipt) <= LONGEST_RECEIPT:
            raise ValueError(f"a receipt has 1 to {LONGEST_RECEIPT} characters, not {len(self.receipt)}")


class Settled(_Answer):
    """The provider has paid: the refund has succeeded."""


@dataclass(frozen=True)
class UnderWay(_Answer):
    """The provider has accepted the refund and says later how it ended; `reason` says what it is waiting for."""

    reason: str = ""


Answer = Settled | UnderWay


class TryAgain(Exception):
    """The provider could not say yes or no: a timeout, too many calls. `after` is the wait that it asked for."""

    def __init__(self, reason: str, after: timedelta | None = None) -> None:
        super().__init__(reason)
        self.after = after


class Refused(Exception):
    """The provider said no, and would say no again: card closed, already refunded, more than was paid."""

    def __str__(self) -> str:
        return super().__str__() or "no reason given"


@dataclass(frozen=True)
class Order:
    """A refund as a gateway gets it."""

    refund_id: int
    amount_minor: int
    currency: str
    customer: str
    payment: str  # the provider's id of the payment that brought the money
    reference: str  # names the refund for good, also where a new idempotency key follows a refusal
    asked_before: bool  # an earlier call can have reached the provider
    earlier_payments: tuple[str, ...] = ()  # what earlier calls named, before an operator corrected it; oldest first

    @classmethod
    def of(cls, refund: "Refund") -> Self:
        """Return the order of a refund."""
        return cls(
            refund_id=refund.pk,
            amount_minor=refund.amount_minor,
            currency=refund.currency,
            customer=refund.request.customer,
            payment=refund.request.payment,
            reference=refund.request.key,
            asked_before=refund.attempts > 0 or refund.tried_again > 0,
            earlier_payments=tuple(filter(None, refund.earlier_payments.split("\n"))),
        )


@runtime_checkable
class Gateway(Protocol):
    """Pays one refund at a time.

    Its class can have two static methods, which the web process calls without an API key: `check_payment(payment)`
    raises BadInput where the text is no payment's id; `secret_in(text)` returns what kind of secret is in it, or None.
    """

    def refund(self, order: Order, idempotency_key: str) -> Answer:
        """Request the refund. Raises TryAgain or Refused. A gateway that can answer UnderWay needs a look_up() as well.

        The same key again pays nothing and returns the same receipt. So does a new key for a reference that has been
        paid, also on one of the earlier payments: a refund of ours that exists already is success.
        """


@runtime_checkable
class BulkGateway(Gateway, Protocol):
    """Credits many refunds at once, in the database that holds them. It needs no message for each, and no limit."""

    prefix: str  # what its receipts begin with; the refund's id follows

    def credit_range(self, id_range: IdRange, now: datetime) -> None:
        """Credit every refund in the range that was settled at `now` (aware) with a receipt of this gateway.

        Requires the transaction around it in which the caller has settled them.
        """
