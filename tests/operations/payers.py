"""Gateways with scripted answers, and a limit on calls."""

from collections.abc import Callable
from datetime import timedelta

from refunds.gateways import Answer, Order, Settled


class Scripted:
    """A gateway with a scripted answer to requests and look-ups, which records what it was asked.

    A text is the receipt of a settled refund.
    """

    def __init__(self, *answers: Exception | Answer | str) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[Order, str]] = []
        self.looked_up: list[str] = []

    def refund(self, order: Order, idempotency_key: str) -> Answer:
        self.asked.append((order, idempotency_key))
        return self._answer()

    def look_up(self, order: Order, receipt: str) -> Answer:
        self.looked_up.append(receipt)
        return self._answer()

    def _answer(self) -> Answer:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return Settled(answer) if isinstance(answer, str) else answer


class Slow(Scripted):
    """A gateway that calls `during` before it answers."""

    def __init__(self, answer: Exception | Answer | str, during: Callable[[], object]) -> None:
        super().__init__(answer)
        self.during = during

    def _answer(self) -> Answer:
        self.during()
        return super()._answer()


class Paced:
    """Answers the core's questions as a room that limits calls does: one in so many seconds. Records what was asked."""

    def __init__(self, seconds: float, permits: bool = True) -> None:
        self.period = timedelta(seconds=seconds)
        self.permits = permits
        self.calls: list[int] = []

    def asked(self, *, calls: int, **_: object) -> bool:
        self.calls.append(calls)
        return self.permits

    def share(self, *, time: timedelta, **_: object) -> int:
        return max(1, time // self.period)
