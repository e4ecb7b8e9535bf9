"""Show the list of sweeps, and a sweep's page, to which the button redirects."""

from typing import Any, ClassVar, Final

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from ..domain import cutoff
from ..domain.sweeps import SweepState
from ..models import Sweep
from ..operations import sweeps
from .base import ReadOnlyAdmin, in_zone, instant_column
from .requests import PERMISSION

REFRESH: Final = 2  # seconds between two reloads of the page of a sweep that is under way


@admin.register(Sweep)
class SweepAdmin(ReadOnlyAdmin):
    """Show bulk decisions. Users who can press the button can view them."""

    viewers: ClassVar = [PERMISSION]  # optional rooms append here
    list_display = ("id", "kind", "started", "started_by", "expires", "closed", "left")
    list_select_related = ("started_by",)
    list_filter = ("kind",)
    started = instant_column("started_at", "started")
    expires = instant_column("expires_at", "expires")
    closed = instant_column("closed_at", "closed")

    def row_context(self, request: HttpRequest, row: Sweep) -> dict[str, Any]:
        """Return the sweep's progress."""
        progress = sweeps.progress(row, timezone.now())
        expired = progress.state is SweepState.EXPIRED
        names = ("Started", "Cutoff", "Expired" if expired else "Expires", "Closed")
        instants = zip(names, (row.started_at, row.scheduled_for, row.expires_at, row.closed_at), strict=True)
        return {
            "progress": progress,
            "expired": expired,
            "refresh": REFRESH if progress.state in {SweepState.PLANNING, SweepState.RUNNING} else None,
            "instants": [(f"{name} ({cutoff.CITY})", in_zone(at)) for name, at in instants if at],
            "title": str(row).capitalize(),
            "subtitle": None,
        }
