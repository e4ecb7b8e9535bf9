"""Return requests: the list with its filters, the button on it, and decisions on chosen rows."""

from django.contrib import admin

from .. import queries
from ..domain.returns import Status
from ..models import ReturnRequest
from .approve_all import PERMISSION, ApproveAll
from .base import amount_column, instant_column
from .filters import CurrencyFilter, status_filter
from .selected import NEEDS, DecideSelected


@admin.register(ReturnRequest)
class ReturnRequestAdmin(ApproveAll, DecideSelected):
    """Rows that only a decision changes. Users who can decide can view them."""

    viewers = (PERMISSION, *NEEDS.values())
    list_display = ("id", "order_line", "customer", "amount", "status", "requested", "received", "decided")
    sortable_by = ("id",)
    list_filter = (status_filter(Status, {Status.REQUESTED: queries.PENDING}), CurrencyFilter)
    search_fields = ("order_line", "customer")
    search_help_text = "Part of an order line or of a customer"
    fields = readonly_fields = (
        *("return_id", "order_line", "quantity", "amount", "reason", "customer", "customer_email"),
        *("requested", "received", "status", "decided", "decided_by", "sweep", "decision_note"),
    )
    amount = amount_column
    requested = instant_column("requested_at", "requested")
    received = instant_column("received_at", "received")
    decided = instant_column("decided_at", "decided")
