"""Return requests: the list with its filters, the button on it, and decisions on chosen rows."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from .. import queries
from ..domain.returns import Status
from ..models import ReturnRequest
from .approve_all import PERMISSION, ApproveAll
from .base import amount_column, kyiv_column
from .filters import CurrencyFilter, StatusFilter
from .selected import APPROVE, DECLINE, DecideSelected


class RequestStatusFilter(StatusFilter):
    """By status; what is pending by its partial index."""

    statuses = tuple(Status)
    indexed = ((Status.REQUESTED, queries.PENDING),)


@admin.register(ReturnRequest)
class ReturnRequestAdmin(ApproveAll, DecideSelected):
    """Whoever may decide may look. Rows change by a decision alone."""

    viewers = (PERMISSION, APPROVE, DECLINE)
    list_display = ("id", "order_line", "customer", "amount", "status", "requested", "received", "decided")
    sortable_by = ("id",)
    list_filter = (RequestStatusFilter, CurrencyFilter)
    search_fields = ("order_line", "customer")
    search_help_text = "Part of an order line or of a customer"
    fields = (
        *("return_id", "order_line", "quantity", "amount", "reason", "customer", "customer_email"),
        *("requested", "received"),
        *("status", "decided", "decided_by", "sweep", "decision_note"),
    )
    readonly_fields = fields

    amount = amount_column
    requested = kyiv_column("requested_at", "requested")
    received = kyiv_column("received_at", "received")
    decided = kyiv_column("decided_at", "decided")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list with the button."""
        context = {"may_approve_all": request.user.has_perm(PERMISSION), **(extra_context or {})}
        return super().changelist_view(request, context)
