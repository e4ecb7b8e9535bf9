"""Payers that answer as a test wants, and a limiter."""

from collections.abc import Callable
from datetime import timedelta

from refunds.domain.pacing import Rate
from refunds.gateways import Order


class Scripted:
    """A gateway that answers as it is told, and remembers what it was asked."""

    def __init__(self, *answers: Exception | str) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[Order, str]] = []

    def refund(self, order: Order, idempotency_key: str) -> str:
        self.asked.append((order, idempotency_key))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Slow(Scripted):
    """A gateway whose answer comes after all that `meanwhile` does."""

    def __init__(self, answer: Exception | str, meanwhile: Callable[[], object]) -> None:
        super().__init__(answer)
        self.meanwhile = meanwhile

    def refund(self, order: Order, idempotency_key: str) -> str:
        self.meanwhile()
        return super().refund(order, idempotency_key)


class Paced:
    """A limiter that always has a turn, of so many in a period, and remembers of how many calls each was."""

    def __init__(self, rate: str) -> None:
        self.rate = Rate.parse(rate)
        self.taken: list[int] = []

    def take(self, calls: int = 1, wait: timedelta = timedelta(0)) -> bool:
        self.taken.append(calls)
        return True
