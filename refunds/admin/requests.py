"""Show return requests, with decisions on chosen rows and the button "Approve all pending"."""

from datetime import datetime
from typing import Any, Final, cast

from django.contrib import admin
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.translation import gettext, gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_http_methods

from .. import queries
from ..apps import LABEL
from ..domain import cutoff
from ..domain.returns import Status
from ..errors import ClocksDiffer
from ..frozen import freeze
from ..models import Refund, ReturnRequest, Sweep
from ..operations import button, trusted_now
from . import filters, offered
from .actions import decline_of, make_token, read_token
from .base import NotDone
from .bounded import BeforeFilter, BoundedSearch, CurrencyFilter, status_filter
from .links import link
from .selected import NEEDS, DecideSelected
from .values import amount_column, column, in_zone, instant_column, sums, url
from .words import label, recorded

PAGE: Final = "approve_all"
PERMISSION: Final = f"{LABEL}.{PAGE}"
SWEEP_LINK: Final = link(gettext_lazy("sweep"), Sweep, lambda row: row.sweep_id)
REFUND_LINK: Final = link(gettext_lazy("refund"), Refund, lambda row: row.own_refund_id)
DECIDED_BY: Final[Any] = column(gettext_lazy("decided by"), lambda row: row.decided_by)


@admin.register(ReturnRequest)
class ReturnRequestAdmin(BoundedSearch, DecideSelected):
    """Show return requests, which only a decision changes. Users who can decide can view them."""

    viewers = (PERMISSION, *NEEDS.values())
    list_display = (
        *("id", "order_line", "customer", "amount", "status", "received", "decided", DECIDED_BY),
        *(SWEEP_LINK, REFUND_LINK),
    )
    list_select_related = ("decided_by",)
    sortable_by = ("id",)
    list_filter = (
        *(status_filter(Status, {Status.REQUESTED: queries.REQUESTED}), CurrencyFilter),
        *(*filters.AMOUNTS, *filters.DECISION, filters.CodeFilter, filters.ReasonFilter, BeforeFilter),
    )
    amounts = ""
    search_fields = ("order_line", "customer")
    search_help_text = gettext_lazy("Part of an order line or of a customer")
    fields = readonly_fields = (
        *("return_id", "order_line", "quantity", "amount", "reason", "customer", "customer_email"),
        *("requested", "received", "status", "decided", DECIDED_BY, SWEEP_LINK),
        *("declined_because", "decision_note", REFUND_LINK),
    )
    amount = amount_column
    declined_because = column(
        gettext_lazy("declined because"),
        lambda row: label(row.decision_code),
    )
    requested = instant_column("requested_at", pgettext_lazy("by the customer", "requested"))
    received = instant_column("received_at", gettext_lazy("received"))
    decided = instant_column("decided_at", gettext_lazy("decided"))

    def get_urls(self) -> list[URLPattern]:
        """Return the button's page before Django's own: one of Django's patterns takes any path as an id."""
        view = self.admin_site.admin_view(require_http_methods(["GET", "HEAD", "POST"])(self.approve_all))
        name = f"{self.opts.app_label}_{self.opts.model_name}_{PAGE}"
        return [path("approve-all/", view, name=name), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Override of Django's method that adds the button."""
        context = {"may_approve_all": request.user.has_perm(PERMISSION), **(extra_context or {})}
        return super().changelist_view(request, context)

    def approve_all(self, request: HttpRequest) -> HttpResponse:
        """Show by GET what a press would approve. Start the sweep by POST, and redirect to its page."""
        if not request.user.has_perm(PERMISSION):
            raise PermissionDenied
        try:
            now = trusted_now()
            if request.method == "POST":
                return redirect(url(Sweep._meta, "change", self._press(request, now).pk))
        except (ClocksDiffer, NotDone) as why:
            self.refuse(request, why)
            return redirect(url(self.opts, PAGE if isinstance(why, NotDone) else "changelist"))
        shown = offered.offer(freeze(), now)
        return self.confirmation(
            request, PAGE, shown.totals, title=gettext("Approve all pending return requests"), found=shown,
            token=make_token(PAGE, request.user.pk, shown.frozen, now, shown.totals),
            expires_at=in_zone(cutoff.upcoming(now)), as_of=in_zone(now), **offered.details(shown),
            back=url(self.opts, "changelist") if self.has_view_permission(request) else "",
            last=in_zone(cutoff.latest(now)), decline="" if shown.count else decline_of(cutoff.latest(now)),
        )  # fmt: skip

    def _press(self, request: HttpRequest, now: datetime) -> Sweep:
        token = read_token(request.POST.get("token", ""), PAGE, request.user.pk)
        # Look before the check: the second of two clicks around the cutoff then shows the sweep of the first.
        if sweep := Sweep.objects.filter(key=token.key).first():
            return sweep
        token.check(now)
        changed = offered.difference(token.frozen, token.totals, token.shown_at, now)
        # The sweep of another click on the same page, a moment ago, is no change: the second click leads there.
        if changed and not Sweep.objects.filter(key=token.key).exists():
            text = gettext(
                "the requests have changed since the page was made: %(changed)s. Check the numbers as they are now."
            )
            raise NotDone(text % {"changed": changed})
        by = cast(User, request.user)  # only a user has the permission above
        with transaction.atomic():
            sweep, created = button.start_approve(key=token.key, frozen=token.frozen, by=by, now=now)
            if created:
                with recorded():
                    said = f"Approve all pending: {sums(token.totals)}, as the page showed"
                    self.log_addition(request, sweep, said)
        return sweep
