"""The pages on which an operator corrects a payment, settles a refund elsewhere, and checks a second receipt."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from django import forms
from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ImproperlyConfigured, PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from ..domain.refunds import RefundStatus
from ..domain.remedies import Remedy
from ..errors import BadInput
from ..gateways import stripe_ids
from ..models import Refund
from ..operations import closing
from .base import money

CORRECT: Final = "refunds.correct_payment"
SETTLE: Final = "refunds.settle_refund"
# The largest number that a hidden field can say: PostgreSQL's integer, of which the columns are.
LARGEST_SEEN: Final = 2**31 - 1
# Characters that a line of text on the pages shows.
WIDE: Final = 60

if TYPE_CHECKING:
    _Base = ModelAdmin[Refund]
else:
    _Base = object


class RemedyForm(forms.Form):
    """What an operator enters; each field is checked by the operation's own rule of its name, `checked_…`."""

    # The round of attempts, or the number of receipts, that the page showed: changed since, the form does nothing.
    seen = forms.IntegerField(min_value=0, max_value=LARGEST_SEEN, widget=forms.HiddenInput)

    def clean(self) -> None:
        """Empty a field with a secret in it: the page that comes back shows what was sent."""
        secrets = [name for name, value in self.data.items() if stripe_ids.secret(str(value))]
        if secrets:
            self.data = {**self.data.dict(), **dict.fromkeys(secrets, "")}

    def _checked(self, name: str, check: Callable[[str], str]) -> str:
        try:
            return check(self.cleaned_data[name])
        except (BadInput, ImproperlyConfigured) as wrong:
            raise ValidationError(str(wrong)) from wrong


class PaymentForm(RemedyForm):
    """The payment that is to be refunded."""

    payment = forms.CharField(
        label="Payment",
        max_length=closing.LONGEST_PAYMENT,
        widget=forms.TextInput(attrs={"size": WIDE, "autofocus": True, "autocomplete": "off", "spellcheck": "false"}),
        help_text="The payment provider's id of the payment that brought the money.",
    )

    def clean_payment(self) -> str:
        """Raises ValidationError."""
        return self._checked("payment", closing.checked_payment)


class ReasonForm(RemedyForm):
    """A reason, kept with the refund or in its history; customers are not shown it."""

    reason = forms.CharField(
        max_length=closing.LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 80}),
        help_text="For the record; the customer is not shown it.",
    )

    def clean_reason(self) -> str:
        """Raises ValidationError."""
        return self._checked("reason", closing.checked_reason)


class SettleForm(ReasonForm):
    """How the customer was paid, and why in that way."""

    receipt = forms.CharField(
        label="Receipt or reference",
        max_length=closing.LONGEST_RECEIPT,
        widget=forms.TextInput(attrs={"size": WIDE, "autofocus": True, "autocomplete": "off"}),
        help_text="Of the payment that you made, such as a bank transfer's reference. The customer's mail names it.",
    )
    field_order = ("receipt", "reason")

    def clean_receipt(self) -> str:
        """Raises ValidationError."""
        return self._checked("receipt", closing.checked_receipt)


@dataclass(frozen=True)
class Page:
    """A remedy's page: who opens it, its form, and what its button does with the form's fields."""

    remedy: Remedy
    address: str
    permission: str
    form: type[RemedyForm]
    does: str
    run: Callable[..., bool]
    said: str
    # What the history says: formatted with the refund as it was, the fields of the form, and `payment_was`.
    history: str

    @property
    def name(self) -> str:
        """The name of its URL."""
        return f"refunds_refund_{self.address.replace('-', '_')}"

    def seen(self, refund: Refund) -> int | None:
        """What the form says that the page showed; None where the refund is not one for this page."""
        if self.remedy is Remedy.CLEAR_SECOND_RECEIPT:
            return len(closing.second_receipts(refund)) or None
        return refund.tried_again if refund.status == RefundStatus.FAILED else None


PAGES: Final = (
    Page(
        remedy=Remedy.CORRECT_PAYMENT,
        address="correct-payment",
        permission=CORRECT,
        form=PaymentForm,
        does="The refund is tried again at once with this payment. If it was paid with an earlier payment after all, "
        "that is found, and nothing is paid twice.",
        run=closing.correct_payment,
        said="The payment is corrected, and the refund is tried again.",
        history="Corrected the payment from {payment_was!r} to {payment!r}, and tried again after: {refund.failure}",
    ),
    Page(
        remedy=Remedy.SETTLE_ELSEWHERE,
        address="settle-elsewhere",
        permission=SETTLE,
        form=SettleForm,
        does="Pay the customer by another way first. Look for the reference above in the payment provider's dashboard "
        "before you do: a call without an answer can have paid. The refund becomes succeeded, nothing more is paid, "
        "and the customer gets a mail.",
        run=closing.settle_elsewhere,
        said="The refund is settled elsewhere.",
        history="Settled elsewhere with the receipt {receipt!r}, after: {refund.failure}. Reason: {reason}",
    ),
    Page(
        remedy=Remedy.CLEAR_SECOND_RECEIPT,
        address="second-receipt",
        permission=SETTLE,
        form=ReasonForm,
        does="Compare the receipts with the payment provider's refunds. If both paid, agree with the customer what is "
        "given back. Then say here what you found: the health check reports the refund until you do.",
        run=closing.clear_second_receipt,
        said="The second receipt is checked.",
        history="Checked the second receipt: {refund.receipt!r}, then {refund.second_receipts!r}. Found: {reason}",
    ),
)


class Closing(_Base):
    """The pages, for the admin of refunds."""

    def get_urls(self) -> list[URLPattern]:
        """The pages before Django's own, of which one takes any path for an id."""
        return [*map(self._route, PAGES), *super().get_urls()]

    def _route(self, page: Page) -> URLPattern:
        view = require_http_methods(["GET", "HEAD", "POST"])(partial(self.close, page=page))
        return path(f"<int:refund_id>/{page.address}/", self.admin_site.admin_view(view), name=page.name)

    def remedies(self, request: HttpRequest, refund: Refund) -> list[tuple[str, str]]:
        """Label and address of each page that is open to the user for this refund."""
        filters = {"opts": self.opts, "preserved_filters": self.get_preserved_filters(request)}
        return [
            (page.remedy, add_preserved_filters(filters, reverse(f"admin:{page.name}", args=[refund.pk])))
            for page in PAGES
            if request.user.has_perm(page.permission) and page.seen(refund) is not None
        ]

    # The mail about an error lists what was sent, and a secret can have been pasted.
    @method_decorator(sensitive_post_parameters("payment", "receipt", "reason"))
    def close(self, request: HttpRequest, refund_id: int, page: Page) -> HttpResponse:
        """GET shows the form; POST does what it says, and leads to the refund. Raises PermissionDenied and Http404."""
        if not request.user.has_perm(page.permission):
            raise PermissionDenied
        refund = self.get_object(request, str(refund_id))
        if refund is None:
            raise Http404(f"there is no refund {refund_id}")
        seen = page.seen(refund)
        if seen is None:
            return self._leave(request, refund, self._unchanged(refund), messages.WARNING)
        form = page.form(request.POST if request.method == "POST" else None, initial={"seen": seen})
        if request.method == "POST" and form.is_valid():
            try:
                done = self._run(request, refund, page, form.cleaned_data, timezone.now())
            except BadInput as wrong:
                form.add_error(None, str(wrong))
            else:
                said = page.said if done else self._unchanged(refund)
                return self._leave(request, refund, said, messages.SUCCESS if done else messages.WARNING)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"{page.remedy}: refund {refund.pk}",
            "original": refund,
            "page": page,
            "form": form,
            "facts": _facts(refund),
            "back": self._page_of(request, refund),
        }
        return TemplateResponse(request, "admin/refunds/refund/remedy.html", context)

    def _run(self, request: HttpRequest, refund: Refund, page: Page, fields: dict[str, Any], now: datetime) -> bool:
        by = cast(User, request.user)  # the permission is one that only a user has

        def note(before: Refund) -> None:
            payment_was = stripe_ids.masked(before.request.payment)
            text = page.history.format(refund=before, payment_was=payment_was, **fields)
            _log(before, by, now, text)

        return page.run(refund.pk, now=now, note=note, **fields)

    def _unchanged(self, refund: Refund) -> str:
        return (
            f"Nothing was changed: since the page was made, somebody has changed refund {refund.pk}, or it was paid. "
            "Look at it as it is now."
        )

    def _leave(self, request: HttpRequest, refund: Refund, said: str, level: int) -> HttpResponse:
        self.message_user(request, said, level)
        return redirect(self._page_of(request, refund))

    def _page_of(self, request: HttpRequest, refund: Refund) -> str:
        filters = {"opts": self.opts, "preserved_filters": self.get_preserved_filters(request)}
        return add_preserved_filters(filters, reverse("admin:refunds_refund_change", args=[refund.pk]))


def _facts(refund: Refund) -> list[tuple[str, str]]:
    """What the pages say of the refund, by name."""
    facts = {
        "amount": money(refund.amount_minor, refund.currency),
        "order line": refund.request.order_line,
        "customer": refund.request.customer,
        "failure": refund.failure,
        "payment": stripe_ids.masked(refund.request.payment),
        "reference": refund.request.key,
        "receipt": refund.receipt,
        "second receipt": ", ".join(closing.second_receipts(refund)),
    }
    return [(name, value) for name, value in facts.items() if value]


def _log(refund: Refund, by: User, now: datetime, text: str) -> None:
    LogEntry.objects.create(
        user=by,
        content_type=ContentType.objects.get_for_model(Refund),
        object_id=str(refund.pk),
        object_repr=f"refund {refund.pk}",
        action_flag=CHANGE,
        change_message=text,
        action_time=now,
    )
