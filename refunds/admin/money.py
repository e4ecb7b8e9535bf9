"""Refunds, with a second round for those that have failed, and the wallet's ledger."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, cast

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db.models import DateTimeField, QuerySet, TextField, Value
from django.db.models.functions import Cast, Concat
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.text import Truncator

from .. import store
from ..domain.refunds import RefundStatus
from ..domain.remedies import Remedy
from ..gateways import stripe_ids
from ..models import Refund, WalletEntry
from ..operations import bulk_payments, closing
from .actions import ActingAdmin
from .base import ReadOnlyAdmin, amount_column, id_column, kyiv_column
from .closing import Closing
from .filters import StatusFilter
from .remedies import CORRECT, SETTLE

RETRY: Final = "refunds.retry_refund"
ACTIONS: Final = {"try_again": RETRY}
# Characters of a failure that the list shows; the refund's own page has the whole.
FAILURE_SHOWN: Final = 60


class RefundStatusFilter(StatusFilter):
    """By status; what is still to be paid, what is under way, and what has failed, by their partial indexes."""

    statuses = tuple(RefundStatus)
    indexed = (
        (RefundStatus.PENDING, store.UNPAID),
        (RefundStatus.PROCESSING, store.UNDER_WAY),
        (RefundStatus.FAILED, store.FAILED),
    )


@admin.register(Refund)
class RefundAdmin(Closing, ActingAdmin[Refund]):
    """The money owed for approved requests. A failed refund says why; users who can act on it can view it."""

    viewers = (RETRY, CORRECT, SETTLE)
    list_display = (
        *("number", "order_line", "amount", "status", "why", "attempts", "receipt"),
        *("due", "look_up", "settled"),
    )
    fields = (
        *("request", "amount", "status", "failure", "attempts", "refusals", "tried_again"),
        *("payment", "earlier", "reference", "idempotency_key", "receipt", "settled_elsewhere", "second"),
        *("owed", "first_attempt", "due", "accepted", "look_up", "settled", "reversed", "told", "notice_suppressed"),
    )
    readonly_fields = fields
    list_filter = (RefundStatusFilter,)
    search_fields = ("=receipt", "request__order_line")
    search_help_text = "Whole receipt, or part of an order line"
    actions = tuple(ACTIONS)
    needs = ACTIONS

    number = id_column
    amount = amount_column
    owed = kyiv_column("created_at", "owed since")
    first_attempt = kyiv_column("first_attempt_at", "first attempt")
    due = kyiv_column("due_at", "due")
    accepted = kyiv_column("accepted_at", "accepted by the provider")
    look_up = kyiv_column("look_at", "next look-up")
    settled = kyiv_column("settled_at", "settled")
    reversed = kyiv_column("reversed_at", "failed after it had succeeded")
    told = kyiv_column("notified_at", "customer told")

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
        return stripe_ids.masked(refund.request.payment) or "-"

    @admin.display(description="earlier payments")
    def earlier(self, refund: Refund) -> str:
        """Those before the corrections, on which an attempt looks for this refund first."""
        return ", ".join(map(stripe_ids.masked, filter(None, refund.earlier_payments.split("\n")))) or "-"

    @admin.display(description="second receipt")
    def second(self, refund: Refund) -> str:
        """Receipts that came after the first one: the refund was possibly paid twice."""
        return ", ".join(closing.second_receipts(refund)) or "-"

    @admin.display(description="reference")
    def reference(self, refund: Refund) -> str:
        """What the payer knows the refund by for good; each idempotency key begins with it."""
        return refund.request.key

    def has_retry_permission(self, request: HttpRequest) -> bool:
        """Who may try failed refunds again."""
        return request.user.has_perm(RETRY)

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

    @admin.action(description=Remedy.TRY_AGAIN, permissions=["retry"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[Refund]) -> HttpResponse | None:
        """Give those of the chosen that have failed a second round."""
        ids = self._chosen(request, queryset)
        if ids is None:
            return None
        now = timezone.now()
        by = cast(User, request.user)  # the action's permission is one that only a user has
        tried = bulk_payments.try_again(ids, now, note=lambda found: _log(found, by, now))
        # Chosen are also those that the filters no longer let through: tried again by somebody else meanwhile.
        chosen = max(len(ids), len(set(request.POST.getlist(ACTION_CHECKBOX_NAME))))
        text = f"Tried again: {len(tried):,}."
        if chosen > len(tried):
            text += f" Left as they were: {chosen - len(tried):,} (not failed)."
        self.message_user(request, text, messages.SUCCESS if tried else messages.WARNING)
        return self._back(request, ids)

    def _back(self, request: HttpRequest, ids: Sequence[int]) -> HttpResponse | None:
        """To the refund's page, where its button was pressed; it says which filters lead on from there to the list."""
        filters = request.POST.get("page")
        if filters is None or len(ids) != 1:
            return None
        page = reverse("admin:refunds_refund_change", args=ids)
        return redirect(add_preserved_filters({"opts": self.opts, "preserved_filters": filters}, page))


def _log(ids: Sequence[int], by: User, now: datetime) -> None:
    """An entry in the history of each refund: who, when, and the failure, which the next one writes over."""
    text = TextField()
    pk = Cast("pk", text)
    columns = {
        "user": Value(by.pk),
        "content_type": Value(ContentType.objects.get_for_model(Refund).pk),
        "object_id": pk,
        "object_repr": Concat(Value("refund "), pk, output_field=text),
        "action_flag": Value(CHANGE),
        "change_message": Concat(Value("Tried again after: "), "failure", output_field=text),
        "action_time": Value(now, DateTimeField()),
    }
    # Not log_actions, which makes an object of each and so has the transaction of the change last six times as long.
    rows = Refund.objects.filter(pk__in=ids).values_list(*columns.values())
    store.insert_select(LogEntry, " ".join(columns), rows)


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
