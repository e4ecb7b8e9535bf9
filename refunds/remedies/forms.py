"""Declare the page of each remedy: its permission, its form and its operation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from django import forms
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from ..admin.values import masked
from ..domain.refunds import RefundStatus
from ..errors import BadInput
from ..gateways.base import LONGEST_RECEIPT
from ..models import Refund
from . import closing
from .labels import Remedy
from .models import SecondReceipt, SettledElsewhere

CORRECT: Final = f"{SettledElsewhere._meta.app_label}.correct_payment"
SETTLE: Final = f"{SettledElsewhere._meta.app_label}.settle_refund"
# The largest value of the hidden field. The column is PostgreSQL's integer.
LARGEST_SEEN: Final = 2**31 - 1
# Characters: the width of a text field.
WIDE: Final = 60


class RemedyForm(forms.Form):
    """Ask an operator for the values of a remedy. The operation's `checked_…` function checks each field."""

    # The number of retries, or of receipts, that the page showed. If it has changed, the form does nothing.
    seen = forms.IntegerField(min_value=0, max_value=LARGEST_SEEN, widget=forms.HiddenInput)

    def clean(self) -> None:
        """Empty each field that contains a secret: Django shows the sent values again."""
        visible = [field.name for field in self.visible_fields()]
        secrets = [name for name in visible if masked(text := str(self.data.get(name, ""))) != text]
        self.data = {name: "" if name in secrets else value for name, value in self.data.items()}

    def _checked(self, name: str, check: Callable[[str], str]) -> str:
        try:
            return check(self.cleaned_data[name])
        except (BadInput, ImproperlyConfigured) as wrong:
            raise ValidationError(str(wrong)) from wrong


class PaymentForm(RemedyForm):
    """Ask which payment to refund."""

    payment = forms.CharField(
        label=gettext_lazy("Payment"),
        max_length=closing.LONGEST_PAYMENT,
        widget=forms.TextInput(attrs={"size": WIDE, "autofocus": True, "autocomplete": "off", "spellcheck": "false"}),
        help_text=gettext_lazy("The payment provider's id of the payment to refund."),
    )

    def clean_payment(self) -> str:
        """Return the checked payment. Raises ValidationError."""
        return self._checked("payment", closing.checked_payment)


class ReasonForm(RemedyForm):
    """Ask for a reason. The refund or its history keeps it, and no customer sees it."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=closing.LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 80}),
        help_text=gettext_lazy("For the record. The customer does not see it."),
    )

    def clean_reason(self) -> str:
        """Return the checked reason. Raises ValidationError."""
        return self._checked("reason", closing.checked_reason)


class SettleForm(ReasonForm):
    """Ask how the customer was paid, and why in that way."""

    receipt = forms.CharField(
        label=gettext_lazy("Receipt or reference"),
        max_length=LONGEST_RECEIPT,
        widget=forms.TextInput(attrs={"size": WIDE, "autofocus": True, "autocomplete": "off"}),
        help_text=gettext_lazy(
            "Of the payment that you made, such as a bank transfer's reference. The customer's mail names it."
        ),
    )
    field_order = ("receipt", "reason")

    def clean_receipt(self) -> str:
        """Return the checked receipt. Raises ValidationError."""
        return self._checked("receipt", closing.checked_receipt)


@dataclass(frozen=True, eq=False)  # each is one page, although its texts differ by language
class Page:
    """Describe a remedy's page: the permission that opens it, its form, and what its button runs with the fields."""

    remedy: Remedy
    address: str
    permission: str
    form: type[RemedyForm]
    does: Promise
    run: Callable[..., bool]
    said: Promise
    # What the history says, in English. It is formatted with the refund as it was, the fields, `payment_was`, `second`.
    history: str

    @property
    def name(self) -> str:
        """The name of the page in URLs of the admin."""
        return self.address.replace("-", "_")

    def seen(self, refund: Refund) -> int | None:
        """Return the form's `seen`; None if the page does not apply to the refund's state."""
        if self.remedy is Remedy.CLEAR_SECOND_RECEIPT:
            unchecked = SecondReceipt.objects.filter(refund=refund, checked_at=None)
            return len(closing.second_receipts(refund)) if unchecked.exists() else None
        return refund.tried_again if refund.status == RefundStatus.FAILED else None


PAGES: Final = (
    Page(
        remedy=Remedy.CORRECT_PAYMENT,
        address="correct-payment",
        permission=CORRECT,
        form=PaymentForm,
        does=gettext_lazy(
            "The refund is tried again at once with this payment. If it was paid with an earlier payment after all, "
            "that is found, and nothing is paid twice."
        ),
        run=closing.correct_payment,
        said=gettext_lazy("The payment is corrected, and the refund is tried again."),
        history="Corrected the payment from {payment_was!r} to {payment!r}, and tried again after: {refund.failure}",
    ),
    Page(
        remedy=Remedy.SETTLE_ELSEWHERE,
        address="settle-elsewhere",
        permission=SETTLE,
        form=SettleForm,
        does=gettext_lazy(
            "First look for the reference above in the payment provider's dashboard: a call without an answer can "
            "have paid. If it is not there, pay the customer by another way, then enter that payment here. The refund "
            "becomes succeeded, nothing more is paid, and the customer gets a mail."
        ),
        run=closing.settle_elsewhere,
        said=gettext_lazy("The refund is settled elsewhere."),
        history="Settled elsewhere with the receipt {receipt!r}, after: {refund.failure}. Reason: {reason}",
    ),
    Page(
        remedy=Remedy.CLEAR_SECOND_RECEIPT,
        address="second-receipt",
        permission=SETTLE,
        form=ReasonForm,
        does=gettext_lazy(
            "Compare the receipts with the payment provider's refunds. If both paid, agree with the customer what is "
            "given back. Then enter as the reason what you found: the health check reports the refund until you do."
        ),
        run=closing.clear_second_receipt,
        said=gettext_lazy("The second receipt is checked."),
        history="Checked the second receipt: {refund.receipt}, then {second}. Found: {reason}",
    ),
)
