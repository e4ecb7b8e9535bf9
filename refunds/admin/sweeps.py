"""Show the list of sweeps, and a sweep's page, to which the button redirects."""

from collections import Counter
from typing import Any, ClassVar, Final

from django.contrib import admin
from django.db.models import OuterRef, Prefetch, QuerySet, Subquery, Sum, prefetch_related_objects
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext, gettext_lazy

from ..domain.sweeps import Progress, SweepState, has_expired
from ..models import Chunk, Refund, ReturnRequest, Sweep, money
from ..operations import sweeps
from . import filters
from .base import ReadOnlyAdmin
from .bounded import SWEEP, BeforeFilter
from .links import lists
from .requests import PERMISSION
from .values import column, in_zone, instant_column, number
from .words import CITY, word

REFRESH: Final = 2  # seconds between two reloads of the page of a sweep that is under way


STARTED_BY: Final = column(gettext_lazy("started by"), lambda sweep: sweep.started_by)


def state_of(sweep: Sweep) -> SweepState:
    """Return the state, without counting rows."""
    expired = has_expired(sweep.expires_at, sweep.closed_at or timezone.now())
    return Progress(0, sweep.left or 0, sweep.planned_at is not None, sweep.closed_at is not None, expired).state


def started_by(sweep: Sweep) -> str:
    """Return who started the sweep, as pages say it."""
    return str(sweep.started_by or (gettext("the cutoff") if sweep.scheduled_for else gettext("a command")))


def amounts_of(sweep: Sweep) -> str:
    """Return the sums in each currency of what the sweep decided, from its chunks."""
    found: Counter[str] = Counter()
    for chunk in sweep.chunks.all():
        found.update({currency: total for currency, _, total in chunk.totals})
    return "; ".join(money(total, currency) for currency, total in sorted(found.items()))


@admin.register(Sweep)
class SweepAdmin(ReadOnlyAdmin):
    """Show bulk decisions. Users who can press the button can view them."""

    viewers: ClassVar = [PERMISSION]  # optional rooms append here
    list_display = ("id", "kind", "state", "started", STARTED_BY, "expires", "closed", "decided", "totals", "left")
    list_select_related = ("started_by",)
    list_filter = (
        "kind",
        *filters.adapted([filters.DayFilter], title=gettext_lazy("day started"), instant="started_at"),
        *filters.adapted(
            [filters.PersonFilter], title=gettext_lazy("started by"), user="started_by", acted="started_at"
        ),
        BeforeFilter,
    )
    state = column(gettext_lazy("state"), lambda sweep: word(state_of(sweep)))
    decided = column(gettext_lazy("decided"), lambda sweep: number(sweep.decided or 0))
    totals = column(gettext_lazy("amounts"), amounts_of)
    started = instant_column("started_at", gettext_lazy("started"))
    expires = instant_column("expires_at", gettext_lazy("expires"))
    closed = instant_column("closed_at", gettext_lazy("closed"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Sweep]:
        """Override of Django's method that adds how many requests each sweep has decided."""
        chunks = Chunk.objects.filter(sweep=OuterRef("pk")).order_by().values("sweep").annotate(total=Sum("decided"))
        found: QuerySet[Sweep] = super().get_queryset(request).annotate(decided=Subquery(chunks.values("total")))
        return found

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Override of Django's method that reads the chunks of the page's sweeps by one statement."""
        response = super().changelist_view(request, extra_context)
        if shown := (getattr(response, "context_data", None) or {}).get("cl"):
            prefetch_related_objects(shown.result_list, Prefetch("chunks", Chunk.objects.only("sweep", "totals")))
        return response

    def row_context(self, request: HttpRequest, row: Sweep) -> dict[str, Any]:
        """Return the sweep's progress."""
        progress = sweeps.progress(row, timezone.now())
        expired = progress.state is SweepState.EXPIRED
        expiry = gettext("Expired (%(city)s)") if expired else gettext("Expires (%(city)s)")
        names = (gettext("Started (%(city)s)"), gettext("Cutoff (%(city)s)"), expiry, gettext("Closed (%(city)s)"))
        instants = zip(names, (row.started_at, row.scheduled_for, row.expires_at, row.closed_at), strict=True)
        return {
            "progress": progress,
            "expired": expired,
            "refresh": REFRESH if progress.state in {SweepState.PLANNING, SweepState.RUNNING} else None,
            "instants": [(name % {"city": CITY}, in_zone(at)) for name, at in instants if at],
            "state": word(progress.state),
            "kind": word(row.kind),
            "started_by": started_by(row),
            "title": capfirst(str(row)),
            "subtitle": None,
        }


SweepAdmin.extra_links += [
    lists(ReturnRequest, SWEEP, gettext_lazy("Its return requests")),
    lists(Refund, SWEEP, gettext_lazy("Its refunds")),
]
