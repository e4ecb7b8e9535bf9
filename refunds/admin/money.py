"""Refunds and the wallet's ledger, to look at."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.text import Truncator

from .. import store
from ..domain.refunds import RefundStatus
from ..models import Refund, WalletEntry
from .base import ReadOnlyAdmin, amount_column, id_column, kyiv_column
from .filters import StatusFilter

# Characters of a failure that the list shows; the refund's own page has the whole.
FAILURE_SHOWN = 60


class RefundStatusFilter(StatusFilter):
    """By status; what is still to be paid, and what has failed, by their partial indexes."""

    statuses = tuple(RefundStatus)
    indexed = ((RefundStatus.PENDING, store.UNPAID), (RefundStatus.FAILED, store.FAILED))


@admin.register(Refund)
class RefundAdmin(ReadOnlyAdmin[Refund]):
    """The money owed for approved requests. A failed refund says why."""

    list_display = ("number", "order_line", "amount", "status", "attempts", "due", "settled", "receipt", "why")
    fields = (
        *("request", "amount", "status", "attempts", "owed", "first_attempt", "due", "settled", "told"),
        *("receipt", "failure"),
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
    settled = kyiv_column("settled_at", "settled")
    told = kyiv_column("notified_at", "customer told")

    @admin.display(description="order line")
    def order_line(self, refund: Refund) -> str:
        """Of the request that is refunded."""
        return refund.request.order_line

    @admin.display(description="failure", empty_value="-")
    def why(self, refund: Refund) -> str | None:
        """The beginning of the failure."""
        return Truncator(refund.failure).chars(FAILURE_SHOWN) or None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Refund]:
        """With the request, which the refund's page names as well."""
        return super().get_queryset(request).select_related("request")


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
