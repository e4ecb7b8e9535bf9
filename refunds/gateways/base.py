"""What a payer is asked and what it may answer: settled, under way, refused, or try again."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol, runtime_checkable

from ..domain.sweeps import IdRange

# Characters that a receipt may have.
LONGEST_RECEIPT: Final = 255
# How long a task waits for a permit. A worker's children share the permits: of ten at 50/s each waits for 0.2 s. More
# would not fit into pay_refund's time limit of 50 s, with two calls to a provider that answer late.
LONGEST_WAIT: Final = timedelta(seconds=5)


@dataclass(frozen=True)
class _Answer:
    """The provider has taken the refund; `receipt` is its id there. Raises ValueError where a row cannot hold it."""

    receipt: str

    def __post_init__(self) -> None:
        if not 0 < len(self.receipt) <= LONGEST_RECEIPT:
            raise ValueError(f"a receipt has 1 to {LONGEST_RECEIPT} characters, not {len(self.receipt)}")


@dataclass(frozen=True)
class Settled(_Answer):
    """The refund has succeeded."""


@dataclass(frozen=True)
class UnderWay(_Answer):
    """The provider has accepted the refund and will say later how it ended; `reason` says what it is waiting for."""

    reason: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "reason", _kept(self.reason))  # frozen


Answer = Settled | UnderWay


def _kept(reason: str) -> str:
    """The reason without what no database keeps: a NUL, or half a surrogate pair."""
    return reason.encode(errors="backslashreplace").decode().replace("\0", "\\x00")


class TryAgain(Exception):
    """The payer could not say yes or no: a timeout, a lost connection, too many calls. `after` is what it asked for."""

    def __init__(self, reason: str, after: timedelta | None = None) -> None:
        super().__init__(reason, after)
        self.reason = _kept(reason)
        self.after = after

    def __str__(self) -> str:
        return self.reason


class Refused(Exception):
    """The payer said no, and would say no again: card closed, already refunded, more than was paid."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = _kept(reason) or "no reason given"


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

    def refund(self, order: Order, idempotency_key: str) -> Answer:
        """Request the refund, and say whether it is settled or under way.

        The same key again pays nothing and returns the same receipt. So does a new key for a reference that has been
        paid, also on one of the earlier payments: that a refund of ours is there already is success. Only a gateway
        that TracksRefunds may answer UnderWay. Raises TryAgain or Refused.
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
class TracksRefunds(Gateway, Protocol):
    """Says what has become of a refund that it has accepted."""

    def look_up(self, order: Order, receipt: str) -> Answer:
        """Ask the provider for the refund with this id, and change nothing there.

        Raises Refused where the refund has failed or was cancelled, also if it had succeeded before. Raises TryAgain
        for everything that is not the provider's word on this refund: an outage, an API key of another account.
        """
        ...


@runtime_checkable
class BulkGateway(Gateway, Protocol):
    """Pays many at once, in the database that holds them."""

    def refund_range(self, id_range: IdRange, now: datetime) -> int:
        """Pay every pending refund in the range that is due at `now` (aware); return how many it paid."""
        ...


class Limiter(Protocol):
    """Gives permits to call the payment provider."""

    def within(self, id_range: timedelta) -> int:
        """How many calls a span of time holds: at least one."""
        ...

    def take(self, calls: int = 1, wait: timedelta = timedelta(0)) -> bool:
        """Take a permit for so many calls, waiting for it up to `wait`; return whether there was one."""
        ...
