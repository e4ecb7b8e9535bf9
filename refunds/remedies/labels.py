"""Name what an operator can do about a refund in addition to "Try again"."""

from enum import StrEnum

from django.utils.translation import gettext, gettext_noop


class Remedy(StrEnum):
    """The English label of an action on a refund's page. Texts that advise one quote it."""

    CORRECT_PAYMENT = gettext_noop("Correct the payment")
    SETTLE_ELSEWHERE = gettext_noop("Settled elsewhere")
    CLEAR_SECOND_RECEIPT = gettext_noop("Second receipt checked")

    @property
    def label(self) -> str:
        """The label in the language of the page."""
        return gettext(self.value)
