"""The button "Approve all pending": a page that shows what it would approve, and the press that starts the sweep."""

from datetime import datetime
from typing import Any, Final, cast

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.views.decorators.http import require_http_methods

from ..apps import LABEL
from ..models import Sweep
from ..operations import preview, sweeps
from . import tokens
from .actions import CHECK_AGAIN, ActingAdmin
from .base import in_zone, url, url_name

PAGE: Final = "approve_all"
PERMISSION: Final = f"{LABEL}.{PAGE}"


class ApproveAll(ActingAdmin):
    """The button and its page, for the admin of return requests."""

    def get_urls(self) -> list[URLPattern]:
        """Return the page before Django's own, one of which takes any path for an id."""
        view = self.admin_site.admin_view(require_http_methods(["GET", "HEAD", "POST"])(self.approve_all))
        return [path("approve-all/", view, name=url_name(self.opts, PAGE)), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Override of Django's method that adds the button."""
        context = {"may_approve_all": request.user.has_perm(PERMISSION), **(extra_context or {})}
        return super().changelist_view(request, context)

    def approve_all(self, request: HttpRequest) -> HttpResponse:
        """GET shows what a press would approve; POST starts the sweep and leads to its page."""
        if not request.user.has_perm(PERMISSION):
            raise PermissionDenied
        now = self.trusted_now(request)
        if now is None:
            return redirect(url(self.opts, "changelist"))
        if request.method == "POST":
            return self._press(request, now)
        shown = preview.preview(now)
        token = tokens.make(page=PAGE, user=request.user.pk, frozen=shown.frozen, now=now)
        back = url(self.opts, "changelist") if self.has_view_permission(request) else ""
        return self.confirmation(
            request, PAGE, shown.totals, title="Approve all pending return requests", shown=shown, token=token,
            expires_at=in_zone(shown.expires_at), as_of=in_zone(now), back=back,
        )  # fmt: skip

    def _press(self, request: HttpRequest, now: datetime) -> HttpResponse:
        try:
            token = tokens.read(request.POST.get("token", ""), page=PAGE, user=request.user.pk)
            # Before the check: the second of two clicks around the cutoff leads to the sweep of the first one.
            sweep = preview.started(token.key)
            if sweep is None:
                token.check(now)
                by = cast(User, request.user)  # only a user has the permission above
                sweep, _ = sweeps.start_approve(key=token.key, frozen=token.frozen, by=by, now=now)
        except tokens.Unusable as why:
            self.refuse(request, f"{why} {CHECK_AGAIN}")
            return redirect(url(self.opts, PAGE))
        return redirect(url(Sweep._meta, "change", sweep.pk))
