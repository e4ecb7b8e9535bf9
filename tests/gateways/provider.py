"""A payment provider in memory: its refunds, its idempotency keys, and a gateway to it."""

import itertools
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final, Generic, TypeVar

from refunds.gateways import Answer, Gateway, Order, Refused, Settled, TryAgain, UnderWay

from .contract import make_order

# Stripe's statuses of a refund that is under way, and of one that paid nothing.
UNDER_WAY: Final = ("pending", "requires_action")
CAME_TO_NOTHING: Final = ("failed", "canceled")


@dataclass(frozen=True)
class Entry:
    """A refund in the provider's books; the amount in minor units."""

    id: str
    payment: str
    amount: int
    currency: str
    reference: str
    status: str = "succeeded"


class No(Exception):
    """A refusal by the provider, with its code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


@dataclass
class Provider:
    """Payments that were made, refunds of them, and the first answer to each idempotency key.

    `begins` is the status that new refunds get.
    """

    begins: str = "succeeded"
    payments: dict[str, tuple[int, str]] = field(default_factory=dict)
    refunds: list[Entry] = field(default_factory=list)
    answers: dict[str, Entry | No] = field(default_factory=dict)
    numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def pay(self, amount: int, currency: str = "GBP") -> str:
        """Record a payment and return its id."""
        payment = f"ch_{next(self.numbers)}"
        self.payments[payment] = (amount, currency)
        return payment

    def refund(self, payment: str, amount: int, reference: str, key: str) -> Entry:
        """Refund, once per key. Raises No, and again for the same key."""
        if key not in self.answers:
            try:
                self.answers[key] = self._refund(payment, amount, reference)
            except No as no:
                self.answers[key] = no
        answer = self.answers[key]
        if isinstance(answer, No):
            raise answer
        return answer

    def _refund(self, payment: str, amount: int, reference: str) -> Entry:
        if payment not in self.payments:
            raise No("resource_missing", f"No such charge: '{payment}'")
        paid, currency = self.payments[payment]
        left = paid - sum(entry.amount for entry in self.of(payment) if entry.status not in CAME_TO_NOTHING)
        if left == 0:
            raise No("charge_already_refunded", f"Charge {payment} has already been refunded.")
        if amount > left:
            raise No("amount_too_large", f"Refund amount ({amount}) is greater than unrefunded amount ({left})")
        entry = Entry(f"re_{next(self.numbers)}", payment, amount, currency, reference, self.begins)
        self.refunds.append(entry)
        return entry

    def of(self, payment: str) -> list[Entry]:
        """Return the refunds of a payment, newest first."""
        return [entry for entry in reversed(self.refunds) if entry.payment == payment]

    def get(self, receipt: str) -> Entry:
        """Return the refund with this id. Raises No."""
        for entry in self.refunds:
            if entry.id == receipt:
                return entry
        raise No("resource_missing", f"No such refund: '{receipt}'")

    def turn(self, receipt: str, status: str) -> None:
        """Give the refund another status, as its bank decides. A key keeps its first answer."""
        self.refunds[:] = [replace(entry, status=status) if entry.id == receipt else entry for entry in self.refunds]


Call = Callable[[], Answer]
G = TypeVar("G", bound=Gateway)
Fault = Callable[[Call], Answer]


@dataclass
class InMemory:
    """A gateway to a provider in the same process.

    Each of `faults` is for one request, in their order, and each of `look_up_faults` for one look-up: it is given the
    call, and may make it, or not, before it raises.
    """

    provider: Provider = field(default_factory=Provider)
    faults: "deque[Fault]" = field(default_factory=deque)
    look_up_faults: "deque[Fault]" = field(default_factory=deque)
    calls: list[tuple[Order, str]] = field(default_factory=list)
    looked_up: list[str] = field(default_factory=list)

    def refund(self, order: Order, idempotency_key: str) -> Answer:
        self.calls.append((order, idempotency_key))
        call = partial(self._refund, order, idempotency_key)
        return self.faults.popleft()(call) if self.faults else call()

    def look_up(self, order: Order, receipt: str) -> Answer:
        self.looked_up.append(receipt)
        call = partial(self._look_up, receipt)
        return self.look_up_faults.popleft()(call) if self.look_up_faults else call()

    def _look_up(self, receipt: str) -> Answer:
        try:
            return _answer(self.provider.get(receipt))
        except No as no:
            raise TryAgain(no.message) from no

    def _refund(self, order: Order, idempotency_key: str) -> Answer:
        searched = [*order.earlier_payments, order.payment]
        theirs = [entry for payment in searched for entry in self.provider.of(payment)]
        ours = [entry for entry in theirs if entry.reference == order.reference and entry.status not in CAME_TO_NOTHING]
        if ours and order.asked_before:
            return _answer(ours[0])
        try:
            entry = self.provider.refund(order.payment, order.amount_minor, order.reference, idempotency_key)
        except No as no:
            if ours:
                return _answer(ours[0])
            raise Refused(no.message) from no
        return _answer(self.provider.get(entry.id))


@dataclass
class Account(Generic[G]):
    """A gateway and the provider behind it, as the contract asks for them."""

    gateway: G
    provider: Provider

    def order(self, paid: int = 1250, **columns: Any) -> Order:
        return make_order(self.provider.pay(paid), **columns)

    def books(self) -> list[tuple[str, int, str]]:
        return [(entry.id, entry.amount, entry.currency) for entry in self.provider.refunds]

    def forget_keys(self) -> None:
        self.provider.answers.clear()

    def begin(self, status: str) -> None:
        self.provider.begins = status

    def turn(self, receipt: str, status: str) -> None:
        self.provider.turn(receipt, status)


def _answer(entry: Entry) -> Answer:
    """Return the answer for a refund of the provider. Raises Refused where it failed."""
    if entry.status in CAME_TO_NOTHING:
        raise Refused(f"refund {entry.id} {entry.status}")
    return UnderWay(entry.id, entry.status) if entry.status in UNDER_WAY else Settled(entry.id)


def unreachable(_call: Call) -> Answer:
    """Fail before the call reaches the provider."""
    raise TryAgain("timeout")


def answer_lost(call: Call) -> Answer:
    """Make the call, and lose its answer."""
    call()
    raise TryAgain("connection reset")
