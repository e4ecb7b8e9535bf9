"""Sweeps: the list, and the page that the button leads to."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from ..domain.sweeps import SweepState
from ..models import Sweep
from ..operations import sweeps
from .approve_all import PERMISSION
from .base import ReadOnlyAdmin, kyiv, kyiv_column

# Seconds between two looks of the page at a sweep that is under way.
REFRESH = 2


@admin.register(Sweep)
class SweepAdmin(ReadOnlyAdmin[Sweep]):
    """Whoever may press the button may see where it leads."""

    viewers = (PERMISSION,)
    list_display = ("id", "kind", "started", "started_by", "expires", "closed", "left")
    list_filter = ("kind",)

    started = kyiv_column("started_at", "started")
    expires = kyiv_column("expires_at", "expires")
    closed = kyiv_column("closed_at", "closed")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Sweep]:
        """With the user, whom the page names as well."""
        return super().get_queryset(request).select_related("started_by")

    def render_change_form(  # noqa: PLR0917  # the signature is Django's
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Sweep | None = None,
    ) -> HttpResponse:
        """Django's page, with how far the sweep is. The permission has been checked."""
        sweep: Sweep = context["original"]  # never missing: there is no page to add one
        progress = sweeps.progress(sweep, timezone.now())
        under_way = progress.state in {SweepState.PLANNING, SweepState.RUNNING}
        context |= {
            "progress": progress,
            "decided": f"{progress.decided:,}",
            "left": f"{progress.left:,}",
            "refresh": REFRESH if under_way else None,
            "started": kyiv(sweep.started_at),
            "scheduled_for": sweep.scheduled_for and kyiv(sweep.scheduled_for),
            "expires": sweep.expires_at and kyiv(sweep.expires_at),
            "closed": sweep.closed_at and kyiv(sweep.closed_at),
            "expired": progress.state is SweepState.EXPIRED,
            "title": str(sweep).capitalize(),
            "subtitle": None,
        }
        return super().render_change_form(request, context, add, change, form_url, obj)
