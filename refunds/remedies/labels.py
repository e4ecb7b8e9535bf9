"""Name what an operator can do about a refund in addition to "Try again"."""

from enum import StrEnum


class Remedy(StrEnum):
    """The label of an action on a refund's page. Texts that advise one quote it."""

    CORRECT_PAYMENT = "Correct the payment"
    SETTLE_ELSEWHERE = "Settled elsewhere"
    CLEAR_SECOND_RECEIPT = "Second receipt checked"

    @property
    def quoted(self) -> str:
        """The label in quotes, for a sentence."""
        return f'"{self}"'
