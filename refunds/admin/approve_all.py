"""The button "Approve all pending": a page that says what it would do, and the press that does it."""

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, cast

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.text import capfirst
from django.views.decorators.http import require_http_methods

from ..errors import ClocksDiffer
from ..models import ReturnRequest
from ..operations import preview, sweeps, trusted_now
from . import tokens
from .base import kyiv, money

PERMISSION: Final = "refunds.approve_all"
PAGE: Final = "refunds_returnrequest_approve_all"

if TYPE_CHECKING:
    _Base = ModelAdmin[ReturnRequest]
else:
    _Base = object


class ApproveAll(_Base):
    """The button's view, for the admin of return requests."""

    def get_urls(self) -> list[URLPattern]:
        """The button's page before Django's own, of which one takes any path for an id."""
        view = self.admin_site.admin_view(require_http_methods(["GET", "HEAD", "POST"])(self.approve_all))
        return [path("approve-all/", view, name=PAGE), *super().get_urls()]

    def approve_all(self, request: HttpRequest) -> HttpResponse:
        """GET shows what a press would do; POST does it, and leads to the sweep."""
        if not request.user.has_perm(PERMISSION):
            raise PermissionDenied
        try:
            now = trusted_now()
        except ClocksDiffer as differ:
            self.message_user(request, capfirst(f"{differ}."), messages.ERROR)
            return redirect("admin:refunds_returnrequest_changelist")
        return self._press(request, now) if request.method == "POST" else self._confirm(request, now)

    def _confirm(self, request: HttpRequest, now: datetime) -> HttpResponse:
        shown = preview.preview(now)
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Approve all pending return requests",
            "shown": shown,
            "totals": [(currency, f"{count:,}", money(total, currency)) for currency, count, total in shown.totals],
            "count": f"{shown.count:,}",
            "owed_decline": f"{shown.owed_decline:,}",
            "expires_at": kyiv(shown.expires_at),
            "as_of": kyiv(now),
            "may_list": self.has_view_permission(request),
        }
        if shown.count:
            context["token"] = tokens.make(frozen=shown.frozen, user=request.user.pk, expires_at=shown.expires_at)
        return TemplateResponse(request, "admin/refunds/returnrequest/approve_all.html", context)

    def _press(self, request: HttpRequest, now: datetime) -> HttpResponse:
        signed = request.POST.get("token", "")
        try:
            token = tokens.read(signed, user=request.user.pk)
        except tokens.Forged as forged:
            return self._afresh(request, str(forged))
        # First of all: the second of two clicks around the cut-off shows what the first one did.
        sweep = preview.started(token.key)
        if sweep is None:
            if why := tokens.too_late(signed, token, now):
                return self._afresh(request, why)
            by = cast(User, request.user)  # the permission above is one that only a user has
            sweep, _ = sweeps.start_approve(key=token.key, frozen=token.frozen, by=by, now=now)
        return redirect("admin:refunds_sweep_change", sweep.pk, permanent=False)

    def _afresh(self, request: HttpRequest, why: str) -> HttpResponse:
        self.message_user(
            request,
            f"Nothing was approved: {why} Look at the numbers as they are now, and press again.",
            messages.ERROR,
        )
        return redirect(f"admin:{PAGE}")
