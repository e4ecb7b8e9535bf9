"""What an operator can do about a refund: the labels on its page, which the text of a failure repeats."""

from enum import StrEnum


class Remedy(StrEnum):
    """The label of an action on a refund's page. Text that advises one is made of it, so that the action exists."""

    TRY_AGAIN = "Try again"
    CORRECT_PAYMENT = "Correct the payment"
    SETTLE_ELSEWHERE = "Settled elsewhere"
    CLEAR_SECOND_RECEIPT = "Second receipt checked"

    @property
    def quoted(self) -> str:
        """The label as a sentence names it."""
        return f'"{self}"'
