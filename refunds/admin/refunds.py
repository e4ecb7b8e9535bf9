"""Refunds, which can be tried again after they have failed, and the wallet's ledger."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.http import HttpRequest
from django.urls import URLPattern
from django.utils.text import Truncator

from .. import queries
from ..domain.refunds import TRY_AGAIN, RefundStatus
from ..models import Refund, WalletEntry
from .base import ReadOnlyAdmin, amount_column, column, id_column, instant_column, masked
from .filters import status_filter
from .try_again import RETRY, TryAgain

# Characters of a failure that the list shows; the refund's own page shows all of it.
FAILURE_SHOWN: Final = 60
# The statuses with a partial index.
INDEXED: Final = {
    RefundStatus.PENDING: queries.UNPAID,
    RefundStatus.PROCESSING: queries.UNDER_WAY,
    RefundStatus.FAILED: queries.FAILED,
}


@dataclass(frozen=True)
class Extra:
    """What an optional room adds to the page of a refund: its admin.py appends one to `RefundAdmin.extras`.

    `fields` are columns (base.column), `pages` returns the URLs of pages of a refund, and `links` the label and address
    of those that are open to the user. Users with any permission in `viewers` can view refunds.
    """

    fields: Sequence[Callable[..., Any]] = ()
    viewers: Sequence[str] = ()
    pages: Callable[["RefundAdmin"], Sequence[URLPattern]] = lambda _: ()
    links: Callable[["RefundAdmin", HttpRequest, Refund], Sequence[tuple[str, str]]] = lambda *_: ()


@admin.register(Refund)
class RefundAdmin(TryAgain):
    """The money due for approved requests. A failed refund says why; users who can act on it can view it."""

    extras: ClassVar[list[Extra]] = []
    list_display = (
        *("number", "order_line", "amount", "status", "why", "attempts", "receipt", "due", "accepted", "settled"),
    )
    list_select_related = ("request",)
    list_filter = (status_filter(RefundStatus, INDEXED),)
    search_fields = ("=receipt", "request__order_line")
    search_help_text = "Whole receipt, or part of an order line"
    fields = (
        *("request", "amount", "status", "failure", "attempts", "tried_again"),
        *("payment", "earlier", "reference", "idempotency_key", "receipt"),
        *("created", "first_attempt", "due", "accepted", "settled"),
    )
    number = id_column
    order_line = column("order line", lambda refund: refund.request.order_line)
    amount = amount_column
    why = column("failure", lambda refund: Truncator(refund.failure).chars(FAILURE_SHOWN))
    payment = column("payment", lambda refund: masked(refund.request.payment))
    earlier = column("earlier payments", lambda refund: ", ".join(map(masked, refund.earlier_payments.split("\n"))))
    # The provider's permanent name of the refund; each idempotency key begins with it.
    reference = column("reference", lambda refund: refund.request.key)
    created = instant_column("created_at", "approved")
    first_attempt = instant_column("first_attempt_at", "first attempt")
    due = instant_column("due_at", "due")
    accepted = instant_column("accepted_at", "accepted by the provider")
    settled = instant_column("settled_at", "settled")

    @property
    def viewers(self) -> Sequence[str]:  # type: ignore[override]  # rooms add theirs later
        """The permissions with which users can view refunds."""
        return (RETRY, *(viewer for extra in self.extras for viewer in extra.viewers))

    # Django's own asks for a permission of this app, and `viewers` has those of rooms.
    has_module_permission = ReadOnlyAdmin.has_view_permission

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the fields, and those of rooms."""
        return (*self.fields, *(field for extra in self.extras for field in extra.fields))

    get_readonly_fields = get_fields

    def get_urls(self) -> list[URLPattern]:
        """Return the pages of rooms before Django's own, one of which takes any path for an id."""
        return [*(page for extra in self.extras for page in extra.pages(self)), *super().get_urls()]

    def row_context(self, request: HttpRequest, row: Refund) -> dict[str, Any]:
        """Return the button "Try again" and the links of rooms, where they are open to the user."""
        failed = row.status == RefundStatus.FAILED
        return {
            "try_again": TRY_AGAIN if failed and request.user.has_perm(RETRY) else "",
            "links": [link for extra in self.extras for link in extra.links(self, request, row)],
            "checkbox": ACTION_CHECKBOX_NAME,
        }


@admin.register(WalletEntry)
class WalletEntryAdmin(ReadOnlyAdmin):
    """The embedded wallet's ledger."""

    list_display = ("number", "customer", "amount")
    fields = readonly_fields = ("refund", "customer", "amount")
    search_fields = ("customer",)
    number = id_column
    amount = amount_column
