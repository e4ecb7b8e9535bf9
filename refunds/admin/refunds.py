"""Show refunds, with the action "Try again" for failed ones, and the wallet's ledger."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, Final, cast

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
from django.utils import timezone
from django.utils.text import Truncator
from django.utils.translation import gettext, gettext_lazy

from .. import queries
from ..apps import LABEL
from ..domain.refunds import TRY_AGAIN, RefundStatus
from ..models import Refund, ReturnRequest, Sweep, WalletEntry
from ..operations import bulk_payments
from . import base, filters, values
from .actions import NAMED, ActingAdmin
from .bounded import BeforeFilter, BoundedSearch, CurrencyFilter, status_filter
from .links import link

RETRY: Final = f"{LABEL}.retry_refund"
# Characters of a failure that the list shows; the refund's own page shows all of it.
FAILURE_SHOWN: Final = 60
REQUEST_LINK: Final = link(
    gettext_lazy("order line"), ReturnRequest, lambda row: row.pk, lambda row: row.request.order_line
)
REQUEST_FIELD: Final = link(gettext_lazy("request"), ReturnRequest, lambda row: row.pk, lambda row: row.request)
SWEEP_LINK: Final = link(gettext_lazy("sweep"), Sweep, lambda row: row.request.sweep_id)
WALLET_LINK: Final = link(
    gettext_lazy("wallet entry"), WalletEntry, lambda row: getattr(getattr(row, "wallet_entry", None), "pk", None)
)
INDEXED: Final = {"pending": queries.UNPAID, "processing": queries.UNDER_WAY, "failed": queries.FAILED}


@admin.register(Refund)
class RefundAdmin(BoundedSearch, ActingAdmin):
    """Show the money due for approved requests. Users who can act on failed refunds can view refunds.

    Optional rooms append to `viewers` and to `fields` (made by values.column).
    """

    needs: ClassVar = {"try_again": RETRY}
    actions = tuple(needs)
    viewers: ClassVar = [RETRY]
    list_display = (
        "number",
        REQUEST_LINK,
        "amount",
        "status",
        "why",
        "attempts",
        "receipt",
        "due",
        "settled",
        SWEEP_LINK,
    )
    list_select_related = ("request",)
    list_filter = (
        *(status_filter(RefundStatus, INDEXED), CurrencyFilter, *filters.AMOUNTS),
        *(*filters.OF_REQUEST, BeforeFilter),
    )
    amounts = ""
    search_fields = ("=receipt", "request__order_line")
    search_help_text = gettext_lazy("Whole receipt, or part of an order line")
    fields: ClassVar[list[Any]] = [
        *(REQUEST_FIELD, SWEEP_LINK, "amount", "status", "failure", "attempts", "tried_again"),
        *("payment", "earlier", "reference", "idempotency_key", "receipt", WALLET_LINK),
        *("created", "first_attempt", "due", "accepted", "settled"),
    ]
    readonly_fields = fields
    number = values.id_column
    amount = values.amount_column
    why = values.column(gettext_lazy("failure"), lambda refund: Truncator(refund.failure).chars(FAILURE_SHOWN))
    payment = values.column(gettext_lazy("payment"), lambda refund: values.masked(refund.request.payment))
    earlier = values.column(
        gettext_lazy("earlier payments"), lambda row: ", ".join(map(values.masked, row.earlier_payments.split("\n")))
    )
    # The provider's permanent name of the refund; each idempotency key begins with it.
    reference = values.column(gettext_lazy("reference"), lambda refund: refund.request.key)
    idempotency_key = values.column(gettext_lazy("idempotency key"), lambda refund: refund.idempotency_key)
    created = values.instant_column("created_at", gettext_lazy("approved"))
    first_attempt = values.instant_column("first_attempt_at", gettext_lazy("first attempt"))
    due = values.instant_column("due_at", gettext_lazy("due"))
    accepted = values.instant_column("accepted_at", gettext_lazy("accepted by the provider"))
    settled = values.instant_column("settled_at", gettext_lazy("settled"))

    def row_context(self, request: HttpRequest, row: Refund) -> dict[str, Any]:
        """Return the button "Try again", where the user has the permission."""
        return {
            "try_again": gettext(TRY_AGAIN) if row.status == "failed" and request.user.has_perm(RETRY) else "",
            "checkbox": ACTION_CHECKBOX_NAME,
        }

    @admin.action(description=gettext_lazy(TRY_AGAIN))
    def try_again(self, request: HttpRequest, queryset: QuerySet[Refund]) -> HttpResponse | None:
        """Retry the failed refunds among the chosen ones; across pages, those that the confirmation page showed."""
        # The ids are in one field: Django accepts at most 1,000 fields, and twice the bytes that 100,000 ids take.
        shown = request.POST.get("shown")
        if shown is None and request.POST.get("select_across") == "1":
            return self._page(request, queryset)
        # Count chosen rows that the filters no longer match too: another user has retried them.
        marked = {} if shown is not None else set(request.POST.getlist(ACTION_CHECKBOX_NAME))
        ids = self.chosen_ids(queryset) if shown is None else _ids(shown)
        now, by = timezone.now(), cast(User, request.user)  # only a user has the action's permission
        tried = bulk_payments.try_again(ids, now, note=lambda found: _log(found, by, now))
        text = gettext("Tried again: %(count)s.") % {"count": values.number(len(tried))}
        if left := max(len(ids), len(marked)) - len(tried):
            text += " " + gettext("Left as they were: %(count)s (not failed).") % {"count": values.number(left)}
        self.message_user(request, text, messages.SUCCESS if tried else messages.WARNING)
        filters = request.POST.get("page")  # of the list from which the user opened the refund's page
        if filters is None or len(ids) != 1:
            return None
        page = values.url(self.opts, "change", *ids)
        return redirect(add_preserved_filters({"opts": self.opts, "preserved_filters": filters}, page))

    def _page(self, request: HttpRequest, queryset: QuerySet[Refund]) -> HttpResponse:
        """Show the failed refunds. The form has their ids, so that it leaves out a refund that fails later."""
        # Read ids and sums in one statement, so that they belong to the same rows.
        failed = queryset.filter(queries.FAILED).order_by("pk").values_list("pk", "currency", "amount_minor")
        found = list(failed[: base.COUNTED + 1])
        if len(found) > base.COUNTED:
            text = gettext("more than %(count)s refunds have failed. Narrow the filters first.")
            raise base.NotDone(text % {"count": values.number(base.COUNTED)})
        amounts: dict[str, list[int]] = {}
        for _, currency, minor in found:
            amounts.setdefault(currency, []).append(minor)
        totals = [(currency, len(minors), sum(minors)) for currency, minors in sorted(amounts.items())]
        ids = [pk for pk, _, _ in found]
        # Do not pass all ids: SQLite limits the number of parameters.
        rows = Refund.objects.filter(pk__in=ids[:NAMED]).select_related("request").order_by("pk")
        return self.confirmation(
            request, "try_again", totals, title=gettext("Try the failed refunds again"), rows=rows,
            try_again=gettext(TRY_AGAIN), ids=" ".join(map(str, ids)),
        )  # fmt: skip


def _ids(shown: str) -> list[int]:
    """Return the ids that the page showed, in ascending order. Raises base.NotDone if the field has anything else."""
    ids = shown.split()
    if len(ids) > base.COUNTED or not all(map(base.is_id, ids)):
        raise base.NotDone(gettext("the form was not one that this page made. Choose from the list again."))
    return sorted(set(map(int, ids)))


def _log(ids: Sequence[int], by: User, now: datetime) -> None:
    """Add an entry to the history of each refund: who, when, and the failure, which a next failure overwrites."""
    text = TextField()
    pk, kind = Cast("pk", text), ContentType.objects.get_for_model(Refund).pk
    # Do not use log_actions: it makes an object per refund, and the transaction takes six times as long.
    rows = Refund.objects.filter(pk__in=ids).values_list(
        *(Value(by.pk), Value(kind), pk, Concat(Value("refund "), pk, output_field=text), Value(CHANGE)),
        *(Concat(Value("Tried again after: "), "failure", output_field=text), Value(now, DateTimeField())),
    )
    columns = "user content_type object_id object_repr action_flag change_message action_time"
    queries.insert_select(LogEntry, columns, rows)


# Of a row that has the id of its refund.
REFUND_LINK: Final = link(
    gettext_lazy("refund"), Refund, lambda row: row.pk, lambda row: gettext("refund %(id)s") % {"id": row.pk}
)


@admin.register(WalletEntry)
class WalletEntryAdmin(BoundedSearch):
    """Show the embedded wallet's ledger."""

    list_display = ("number", REFUND_LINK, "customer", "amount")
    list_filter = (
        *(CurrencyFilter, *filters.AMOUNTS),
        *(*filters.OF_REQUEST, BeforeFilter),
    )
    amounts = ""
    fields = readonly_fields = (REFUND_LINK, "customer", "amount")
    search_fields = ("customer",)
    number = values.id_column
    amount = values.amount_column
