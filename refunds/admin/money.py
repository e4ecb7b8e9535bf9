"""Refunds, with a second round for those that have failed, and the wallet's ledger."""

from typing import Any, Final

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.text import Truncator

from .. import gateways, queries
from ..domain.refunds import RefundStatus
from ..domain.remedies import Remedy
from ..models import Refund, WalletEntry
from ..remedies import closing
from ..remedies.forms import CORRECT, SETTLE
from ..remedies.pages import Closing
from .base import ReadOnlyAdmin, amount_column, id_column, kyiv_column
from .filters import StatusFilter
from .try_again import RETRY, TryAgain

# Characters of a failure that the list shows; the refund's own page has the whole.
FAILURE_SHOWN: Final = 60


class RefundStatusFilter(StatusFilter):
    """By status; what is still to be paid, what is under way, and what has failed, by their partial indexes."""

    statuses = tuple(RefundStatus)
    indexed = (
        (RefundStatus.PENDING, queries.UNPAID),
        (RefundStatus.PROCESSING, queries.UNDER_WAY),
        (RefundStatus.FAILED, queries.FAILED),
    )


@admin.register(Refund)
class RefundAdmin(Closing, TryAgain):
    """The money owed for approved requests. A failed refund says why; users who can act on it can view it."""

    viewers = (RETRY, CORRECT, SETTLE)
    list_display = (
        *("number", "order_line", "amount", "status", "why", "attempts", "receipt"),
        *("due", "settled"),
    )
    fields = (
        *("request", "amount", "status", "failure", "attempts", "tried_again"),
        *("payment", "earlier", "reference", "idempotency_key", "receipt", "settled_elsewhere", "second"),
    )
    readonly_fields = fields
    list_filter = (RefundStatusFilter,)
    search_fields = ("=receipt", "request__order_line")
    search_help_text = "Whole receipt, or part of an order line"
    number = id_column
    amount = amount_column
    owed = kyiv_column("created_at", "owed since")
    first_attempt = kyiv_column("first_attempt_at", "first attempt")
    due = kyiv_column("due_at", "due")
    accepted = kyiv_column("accepted_at", "accepted by the provider")
    settled = kyiv_column("settled_at", "settled")

    @admin.display(description="order line")
    def order_line(self, refund: Refund) -> str:
        """Of the request that is refunded."""
        return refund.request.order_line

    @admin.display(description="failure", empty_value="-")
    def why(self, refund: Refund) -> str | None:
        """The beginning of the failure."""
        return Truncator(refund.failure).chars(FAILURE_SHOWN) or None

    @admin.display(description="payment")
    def payment(self, refund: Refund) -> str:
        """The payer's own id of what is given back."""
        return gateways.masked(refund.request.payment) or "-"

    @admin.display(description="earlier payments")
    def earlier(self, refund: Refund) -> str:
        """Those before the corrections, on which an attempt looks for this refund first."""
        return ", ".join(map(gateways.masked, filter(None, refund.earlier_payments.split("\n")))) or "-"

    @admin.display(description="second receipt")
    def second(self, refund: Refund) -> str:
        """Receipts that came after the first one: the refund was possibly paid twice."""
        return ", ".join(closing.second_receipts(refund)) or "-"

    @admin.display(description="reference")
    def reference(self, refund: Refund) -> str:
        """What the payer knows the refund by for good; each idempotency key begins with it."""
        return refund.request.key

    def get_queryset(self, request: HttpRequest) -> QuerySet[Refund]:
        """With the request, which the refund's page names as well."""
        return super().get_queryset(request).select_related("request")

    def render_change_form(  # noqa: PLR0917  # the signature is Django's
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Refund | None = None,
    ) -> HttpResponse:
        """Django's page, with the actions that are open to the user. The permission to view has been checked."""
        refund: Refund = context["original"]  # never missing: there is no page to add one
        context |= {
            "try_again": Remedy.TRY_AGAIN,
            "remedies": self.remedies(request, refund),
            "may_try_again": refund.status == RefundStatus.FAILED and self.has_retry_permission(request),
            "checkbox": ACTION_CHECKBOX_NAME,
        }
        return super().render_change_form(request, context, add, change, form_url, obj)


@admin.register(WalletEntry)
class WalletEntryAdmin(ReadOnlyAdmin[WalletEntry]):
    """The embedded wallet's ledger."""

    list_display = ("number", "customer", "amount")
    fields = ("refund", "customer", "amount")
    readonly_fields = fields
    search_fields = ("customer",)

    number = id_column
    amount = amount_column

    def get_queryset(self, request: HttpRequest) -> QuerySet[WalletEntry]:
        """With the refund, which the entry's page names."""
        return super().get_queryset(request).select_related("refund")
