"""A payment provider in memory: its books, what it remembers of keys, and a gateway to it."""

import itertools
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from refunds.gateways import Order, Refused, TryAgain


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
    """The provider's final answer, with its code for why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


@dataclass
class Provider:
    """Payments that were made, refunds of them, and the first answer to each idempotency key."""

    payments: dict[str, tuple[int, str]] = field(default_factory=dict)
    refunds: list[Entry] = field(default_factory=list)
    answers: dict[str, Entry | No] = field(default_factory=dict)
    numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def pay(self, amount: int, currency: str = "GBP") -> str:
        """A customer pays; the payment's id."""
        payment = f"ch_{next(self.numbers)}"
        self.payments[payment] = (amount, currency)
        return payment

    def refund(self, payment: str, amount: int, reference: str, key: str) -> Entry:
        """Give money back, once a key. Raises No, and again for the same key."""
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
        left = paid - sum(entry.amount for entry in self.of(payment) if entry.status == "succeeded")
        if left == 0:
            raise No("charge_already_refunded", f"Charge {payment} has already been refunded.")
        if amount > left:
            raise No("amount_too_large", f"Refund amount ({amount}) is greater than unrefunded amount ({left})")
        entry = Entry(f"re_{next(self.numbers)}", payment, amount, currency, reference)
        self.refunds.append(entry)
        return entry

    def of(self, payment: str) -> list[Entry]:
        """The refunds of a payment, the newest first."""
        return [entry for entry in reversed(self.refunds) if entry.payment == payment]


@dataclass
class InMemory:
    """A gateway to a provider in the same process.

    Each of `faults` is for one call, in their order: it is given the call, and may make it, or not, before it raises.
    """

    provider: Provider = field(default_factory=Provider)
    faults: "deque[Callable[[Callable[[], str]], str]]" = field(default_factory=deque)
    calls: list[tuple[Order, str]] = field(default_factory=list)

    def refund(self, order: Order, idempotency_key: str) -> str:
        """As Gateway.refund."""
        self.calls.append((order, idempotency_key))

        def call() -> str:
            return self._refund(order, idempotency_key)

        return self.faults.popleft()(call) if self.faults else call()

    def _refund(self, order: Order, idempotency_key: str) -> str:
        searched = [*order.earlier_payments, order.payment]
        entries = [entry for payment in searched for entry in self.provider.of(payment)]
        ours = [entry.id for entry in entries if entry.reference == order.reference]
        if ours and order.asked_before:
            return ours[0]
        try:
            return self.provider.refund(order.payment, order.amount_minor, order.reference, idempotency_key).id
        except No as no:
            if ours:
                return ours[0]
            raise Refused(no.message) from no


def unreachable(_call: Callable[[], str]) -> str:
    """The call does not arrive."""
    raise TryAgain("timeout")


def answer_lost(call: Callable[[], str]) -> str:
    """The call arrives, and its answer does not."""
    call()
    raise TryAgain("connection reset")
