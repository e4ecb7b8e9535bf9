"""Payers that answer as a test wants."""

from collections.abc import Callable

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
