"""Return requests: the list with its filters, the button on it, and decisions on chosen rows."""

from typing import Any, Final, cast

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from .. import store
from ..domain.returns import Decision, Status
from ..models import ReturnRequest
from ..operations.decisions import decide_chosen
from .actions import ActingAdmin
from .approve_all import PERMISSION, ApproveAll
from .base import amount_column, kyiv_column, money
from .decline import DeclineForm
from .filters import CurrencyFilter, StatusFilter

APPROVE: Final = "refunds.approve_returnrequest"
DECLINE: Final = "refunds.decline_returnrequest"
ACTIONS: Final = {"approve_selected": APPROVE, "decline_selected": DECLINE}
# Rows that the decline page names; the rest it counts.
NAMED: Final = 10


class RequestStatusFilter(StatusFilter):
    """By status; what is pending by its partial index."""

    statuses = tuple(Status)
    indexed = ((Status.REQUESTED, store.PENDING),)


@admin.register(ReturnRequest)
class ReturnRequestAdmin(ApproveAll, ActingAdmin[ReturnRequest]):
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
    actions = tuple(ACTIONS)
    needs = ACTIONS

    amount = amount_column
    requested = kyiv_column("requested_at", "requested")
    received = kyiv_column("received_at", "received")
    decided = kyiv_column("decided_at", "decided")

    def has_approve_permission(self, request: HttpRequest) -> bool:
        """Who may approve chosen rows."""
        return request.user.has_perm(APPROVE)

    def has_decline_permission(self, request: HttpRequest) -> bool:
        """Who may decline chosen rows."""
        return request.user.has_perm(DECLINE)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list with the button."""
        context = {"may_approve_all": request.user.has_perm(PERMISSION), **(extra_context or {})}
        return super().changelist_view(request, context)

    @admin.action(description="Approve selected return requests", permissions=["approve"])
    def approve_selected(self, request: HttpRequest, queryset: QuerySet[ReturnRequest]) -> None:
        """Approve the chosen rows that can still be approved."""
        self._decide(request, queryset, Decision.APPROVE, "")

    @admin.action(description="Decline selected return requests…", permissions=["decline"])
    def decline_selected(self, request: HttpRequest, queryset: QuerySet[ReturnRequest]) -> HttpResponse | None:
        """Ask for a reason; decline the chosen rows once there is one."""
        form = DeclineForm(
            request.POST if "decline" in request.POST else None, initial={"up_to_id": store.highest_id()}
        )
        if form.is_valid():
            chosen = queryset.filter(pk__lte=form.cleaned_data["up_to_id"])
            self._decide(request, chosen, Decision.DECLINE, form.cleaned_data["reason"])
            return None
        open_rows = queryset.filter(store.PENDING)
        across = request.POST.get("select_across") == "1"
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Decline the selected return requests",
            "form": form,
            "chosen": queryset.count(),
            "totals": [(currency, count, money(total, currency)) for currency, count, total in store.totals(open_rows)],
            "rows": open_rows.order_by("pk")[:NAMED],
            "checkbox": ACTION_CHECKBOX_NAME,
            "across": across,
            # One id is enough to say that something is selected, where all that the filters let through is.
            "ids": ["0"] if across else request.POST.getlist(ACTION_CHECKBOX_NAME),
        }
        context["open"] = sum(count for _, count, _ in context["totals"])
        context["more"] = context["open"] - NAMED
        return TemplateResponse(request, "admin/refunds/returnrequest/decline.html", context)

    def _decide(self, request: HttpRequest, queryset: QuerySet[ReturnRequest], decision: Decision, note: str) -> None:
        ids = self._chosen(request, queryset)
        if ids is None:
            return
        by = cast(User, request.user)  # the action's permission is one that only a user has
        result = decide_chosen(ids, decision, by=by, note=note, now=timezone.now())
        verb = "Approved" if decision is Decision.APPROVE else "Declined"
        text = f"{verb}: {result.decided:,}."
        if result.left:
            owed = ", or received before the last cut-off and owed a decline" if decision is Decision.APPROVE else ""
            text += f" Left as they were: {result.left:,} (decided before{owed})."
        self.message_user(request, text, messages.SUCCESS if result.decided else messages.WARNING)
