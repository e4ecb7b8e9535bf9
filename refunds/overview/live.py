"""Show a sweep's page, the part of it that changes, and the CSV of its outcomes."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import formats, timezone
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from ..admin.actions import MAX_AGE
from ..admin.sweeps import SweepAdmin
from ..admin.values import in_zone, number, url
from ..admin.words import word
from ..domain.returns import DECIDED, Decision
from ..domain.sweeps import Progress, SweepState
from ..models import Refund, ReturnRequest, Sweep, money
from .csv_file import lines
from .events import events, takers
from .outcomes import TEXTS, Outcome
from .sums import Sums, sums

# Seconds until the page asks again: while rows are decided or counted, and while refunds wait.
SOON: Final = 1
LATER: Final = 5


def urls(admin: SweepAdmin) -> list[URLPattern]:
    """Return the URLs of the page's changing part and of the CSV."""
    of, wrap = f"{admin.opts.app_label}_{admin.opts.model_name}", admin.admin_site.admin_view
    return [
        path("<int:sweep_id>/progress/", wrap(require_safe(partial(fragment, admin=admin))), name=f"{of}_progress"),
        path("<int:sweep_id>/outcome.csv", wrap(require_safe(partial(outcome, admin=admin))), name=f"{of}_outcome"),
    ]


def fragment(request: HttpRequest, sweep_id: int, *, admin: SweepAdmin) -> HttpResponse:
    """Show what the page's script replaces. Raises PermissionDenied and Http404."""
    sweep = _find(request, sweep_id, admin)
    context = {"original": sweep} | admin.whole_context(request, sweep)
    return TemplateResponse(request, f"admin/{admin.opts.app_label}/sweep/live_parts.html", context)


def outcome(request: HttpRequest, sweep_id: int, *, admin: SweepAdmin) -> HttpResponseBase:
    """Stream a CSV with a line for each request of the sweep's set. Raises PermissionDenied and Http404."""
    sweep = _find(request, sweep_id, admin)
    if not _sees(admin, request, ReturnRequest):
        raise PermissionDenied
    found = lines(sweep, timezone.now(), with_payments=_sees(admin, request, Refund))
    response = StreamingHttpResponse(found, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="sweep-{sweep_id}-outcome.csv"'
    return response


def live(admin: SweepAdmin, request: HttpRequest, sweep: Sweep, context: dict[str, Any]) -> dict[str, Any]:
    """Return what the page of the sweep shows in addition to the core's."""
    now, progress = timezone.now(), context["progress"]
    running = progress.state in {SweepState.PLANNING, SweepState.RUNNING}
    found = sums(sweep, now, live=running)
    # A room before this one in INSTALLED_APPS sets `refresh` while it works on the sweep, or `waits` for what can come.
    changes = context["refresh"] or not found.complete
    waits = found.count(Outcome.WAITING) or context.get("waits")
    return {
        "ask_again": SOON if changes else LATER if waits else None,
        "reload": context["refresh"] or LATER,
        "running": running,
        "parts": _parts(sweep, progress, found),
        "sums": found,
        "sums_at": in_zone(found.at),
        "lines": [
            (str(TEXTS[line.outcome]), line.count, [money(total, currency) for currency, total in line.totals])
            for line in found.lines
        ],
        "speed": _speed(sweep, progress, now) if sweep.planned_at else [],
        "events": [(in_zone(at), text) for at, text in events(sweep, progress)],
        "takers": [] if running or progress.decided else _takers(sweep, now),
        "pages": _pages(admin, request, sweep),
    }


def _find(request: HttpRequest, sweep_id: int, admin: SweepAdmin) -> Sweep:
    if not admin.has_view_permission(request):
        raise PermissionDenied
    sweep: Sweep | None = admin.get_object(request, str(sweep_id))
    if sweep is None:
        raise Http404(f"there is no sweep {sweep_id}")
    return sweep


def _sees(admin: SweepAdmin, request: HttpRequest, model: Any) -> bool:
    return admin.admin_site.get_model_admin(model).has_view_permission(request)


def _parts(sweep: Sweep, progress: Progress, found: Sums) -> list[tuple[str, int]]:
    done = capfirst(word(DECIDED[Decision(sweep.kind)]))
    skipped = gettext("Skipped: decided by someone else")
    return [(done, progress.decided), (skipped, found.count(Outcome.DECIDED_BEFORE)), (gettext("Left"), progress.left)]


def _speed(sweep: Sweep, progress: Progress, now: datetime) -> list[tuple[str, str]]:
    """Return the duration, how many rows a second the sweep decided since it was planned, and the time left."""
    over = sweep.closed_at or (sweep.expires_at if progress.expired else None)
    until, planned = over or now, sweep.planned_at or sweep.started_at
    seconds = (until - planned).total_seconds()
    found = [(gettext("Duration"), _length(until - sweep.started_at))]
    if seconds and progress.decided:
        rate = progress.decided / seconds
        found.append((gettext("Rate"), _rate(rate)))
        if not over:
            found.append((gettext("Time left"), _length(timedelta(seconds=progress.left / rate))))
    return found


def _rate(rate: float) -> str:
    """Return the rows a second, or a minute where they are less than one a second."""
    if rate >= 1:
        return gettext("%(count)s rows a second") % {"count": number(round(rate))}
    count = formats.number_format(round(rate * 60, 1), decimal_pos=1)
    return gettext("%(count)s rows a minute") % {"count": count}


def _length(time: timedelta) -> str:
    """Return hours, minutes and seconds."""
    minutes, seconds = divmod(round(time.total_seconds()), 60)
    return "{}:{:02}:{:02}".format(*divmod(minutes, 60), seconds)


def _takers(sweep: Sweep, now: datetime) -> list[tuple[str, str, int]]:
    found = takers(sweep, sweep.started_at - MAX_AGE, sweep.planned_at or now)
    return [(str(taker), url(Sweep._meta, "change", taker.pk), count) for taker, count in found]


def _pages(admin: SweepAdmin, request: HttpRequest, sweep: Sweep) -> list[tuple[str, str]]:
    """Return label and URL of the CSV and of the failed refunds."""
    found = []
    if _sees(admin, request, ReturnRequest):
        found.append((gettext("Outcome of each request (CSV)"), url(admin.opts, "outcome", sweep.pk)))
    if sweep.kind == Decision.APPROVE and _sees(admin, request, Refund):
        failed = f"{url(Refund._meta, 'changelist')}?status=failed&sweep={sweep.pk}"
        found.append((gettext("Its failed refunds"), failed))
    return found
