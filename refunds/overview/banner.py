"""Say on each page of the app how long it is until the cutoff, what waits, and whether worker and beat run."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, cast

from django.contrib.admin import site
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db.models import Model
from django.dispatch import receiver
from django.http import HttpRequest
from django.templatetags.static import static
from django.utils.html import format_html

from .. import queries, signals
from ..admin.base import in_zone, url
from ..apps import LABEL
from ..domain import cutoff
from ..models import Refund, ReturnRequest, Sweep
from ..operations import RECONCILE_EVERY
from ..operations.reconcile import open_at
from .capped import Totals, totals
from .models import ReconcilerRun

KEPT: Final = 1  # seconds in the cache
# Rows that the banner counts: they take five milliseconds, and one page a second waits for them.
COUNTED: Final = 5_000
SWEEPS: Final = 3  # that it names
SOON: Final = timedelta(minutes=10)  # before the cutoff, when the line is a warning
# A run can be late, or the broker be away for one, without anything being wrong.
ALIVE: Final = 4 * RECONCILE_EVERY
Line = tuple[str, str, str]  # level, text, URL or ""


@dataclass(frozen=True)
class Facts:
    """What the banner says, to any user."""

    pending: Totals
    waiting: int  # without sums: no index has the amounts
    failed: Totals
    running: list[tuple[int, str]]  # id and name of sweeps
    ran_at: datetime | None


@receiver(signals.banner_requested, dispatch_uid=f"{__name__}.lines")
def lines(user: User, now: datetime, **_: object) -> list[Line]:
    """Return the lines that the user can view."""
    facts = cast(Facts, cache.get_or_set(f"{LABEL}.overview.banner", lambda: _facts(now), KEPT))
    found = [_cutoff(now)]
    if _views(user, ReturnRequest) and facts.pending.count:
        found.append(("info", f"Pending: {_counted(facts.pending)}", f"{_list(ReturnRequest)}?status=requested"))
    if _views(user, Sweep):
        found += [("info", f"Running: {name}", url(Sweep._meta, "change", pk)) for pk, name in facts.running]
    if _views(user, Refund):
        if facts.waiting:
            found.append(("info", f"Refunds waiting: {_capped(facts.waiting)}", f"{_list(Refund)}?status=pending"))
        if facts.failed.count:
            found.append(("error", f"Refunds failed: {_counted(facts.failed)}", f"{_list(Refund)}?status=failed"))
    return found + _alive(facts.ran_at, now)


def _facts(now: datetime) -> Facts:
    running = Sweep.objects.filter(open_at(now), closed_at=None).order_by("-pk")[:SWEEPS]
    return Facts(
        # The newest: a sweep begins with the oldest, and until a vacuum the index still has all that it has decided.
        pending=totals(ReturnRequest.objects.filter(queries.REQUESTED).order_by("-pk"), COUNTED),
        # In the order of their indexes, because PostgreSQL otherwise reads the table where many rows match.
        waiting=Refund.objects.filter(queries.UNPAID).order_by("due_at")[: COUNTED + 1].count(),
        failed=totals(Refund.objects.filter(queries.FAILED).order_by("pk"), COUNTED),
        running=[(sweep.pk, str(sweep)) for sweep in running],
        ran_at=ReconcilerRun.objects.values_list("ran_at", flat=True).first(),
    )


def _cutoff(now: datetime) -> Line:
    """Return the time left in text; the script, which comes with it, counts down."""
    at = cutoff.upcoming(now)
    minutes = -(-(at - now) // timedelta(minutes=1))  # rounded up
    html = format_html(
        'Cutoff {}: <span data-until="{}" data-now="{}" data-zone="{}">{} h {} min</span> left'
        '<script src="{}" defer></script>',
        *(cutoff.LABEL, at.isoformat(), now.isoformat(), cutoff.ZONE.key, *divmod(minutes, 60)),
        static(f"{LABEL}/banner.js"),
    )
    return ("warning" if at - now <= SOON else "info", html, "")


def _alive(ran_at: datetime | None, now: datetime) -> list[Line]:
    if ran_at is None:
        return [("error", "Beat or the worker has not run yet. Start both.", "")]
    if now - ran_at <= ALIVE:
        return []
    return [("error", f"Beat or the worker has not run since {in_zone(ran_at)} ({cutoff.CITY}). Start both.", "")]


def _capped(count: int) -> str:
    return f"more than {COUNTED:,}" if count > COUNTED else f"{count:,}"


def _counted(found: Totals) -> str:
    sums = "; ".join(found.amounts)
    return f"{_capped(found.count + found.more)} ({'more than ' if found.more else ''}{sums})"


def _list(model: type[Model]) -> str:
    return url(model._meta, "changelist")


def _views(user: User, model: type[Model]) -> bool:
    request = HttpRequest()
    request.user = user
    return site.get_model_admin(model).has_view_permission(request)
