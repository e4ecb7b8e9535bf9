"""Say on each page of the app how long it is until the cutoff, what waits, and whether worker and beat run."""

from collections.abc import Iterator
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
from django.utils.translation import gettext

from .. import queries, signals
from ..admin.values import in_zone, number, url
from ..admin.words import CITY
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
    running: list[tuple[int, str]]  # id and kind of sweeps: each page names them in its language
    ran_at: datetime | None
    sent_at: datetime | None
    unanswered_since: datetime | None


@receiver(signals.banner_requested, dispatch_uid=f"{__name__}.lines")
def lines(user: User, now: datetime, **_: object) -> list[Line]:
    """Return the lines that the user can view."""
    facts = cast(Facts, cache.get_or_set(f"{LABEL}.overview.banner", lambda: _facts(now), KEPT))
    found = [_cutoff(now)]
    if _views(user, ReturnRequest) and facts.pending.count:
        text = gettext("Pending: %(totals)s") % {"totals": _counted(facts.pending)}
        found.append(("info", text, f"{_list(ReturnRequest)}?status=requested"))
    if _views(user, Sweep):
        for pk, kind in facts.running:
            text = gettext("Running: %(sweep)s") % {"sweep": Sweep(pk=pk, kind=kind)}
            found.append(("info", text, url(Sweep._meta, "change", pk)))
    if _views(user, Refund):
        if facts.waiting:
            text = gettext("Refunds waiting: %(count)s") % {"count": _capped(facts.waiting)}
            found.append(("info", text, f"{_list(Refund)}?status=pending"))
        if facts.failed.count:
            text = gettext("Refunds failed: %(totals)s") % {"totals": _counted(facts.failed)}
            found.append(("error", text, f"{_list(Refund)}?status=failed"))
    return [*found, *_down(facts, now)]


def _facts(now: datetime) -> Facts:
    running = Sweep.objects.filter(open_at(now), closed_at=None).order_by("-pk")[:SWEEPS]
    instants = ("ran_at", "sent_at", "unanswered_since")
    run = ReconcilerRun.objects.values(*instants).first()
    return Facts(
        # The newest: a sweep begins with the oldest, and until a vacuum the index still has all that it has decided.
        pending=totals(ReturnRequest.objects.filter(queries.REQUESTED).order_by("-pk"), COUNTED),
        # In the order of their indexes, because PostgreSQL otherwise reads the table where many rows match.
        waiting=Refund.objects.filter(queries.UNPAID).order_by("due_at")[: COUNTED + 1].count(),
        failed=totals(Refund.objects.filter(queries.FAILED).order_by("pk"), COUNTED),
        running=[(sweep.pk, sweep.kind) for sweep in running],
        **run or dict.fromkeys(instants),
    )


def _cutoff(now: datetime) -> Line:
    """Return the time left in text; the script, which comes with it, counts down."""
    at = cutoff.upcoming(now)
    minutes = -(-(at - now) // timedelta(minutes=1))  # rounded up
    hours, rest = divmod(minutes, 60)
    left = format_html(
        '<span data-until="{}" data-now="{}" data-zone="{}">{}</span>',
        *(at.isoformat(), now.isoformat(), cutoff.ZONE.key),
        gettext("%(hours)s h %(minutes)s min") % {"hours": hours, "minutes": rest},
    )
    text = gettext("Cutoff {time} in {city}: {left} left")
    said = format_html(text, time=f"{cutoff.TIME:%H:%M}", city=CITY, left=left)
    # The script puts the time on the viewer's clock in the place of "{time}".
    yours = gettext("({time} your time)")
    script = static(f"{LABEL}/banner.js")
    html = format_html('{}<script src="{}" data-yours="{}" defer></script>', said, script, yours)
    return ("warning" if at - now <= SOON else "info", html, "")


def _down(facts: Facts, now: datetime) -> Iterator[Line]:
    """Yield a line for beat and one for the worker if it is down. Without beat's messages no row speaks of a worker."""
    sent_at, ran_at = facts.sent_at, facts.ran_at
    if sent_at is None and ran_at is None:
        yield "error", gettext("Neither beat nor a worker has run yet. Start both."), ""
    elif sent_at is None:
        # Beat sends the first message a while after its start, and a worker its own at once.
        if ran_at and now - ran_at > ALIVE:
            yield "error", gettext("Beat has sent nothing yet. Start it, or read its log."), ""
    elif now - sent_at > ALIVE:
        yield "error", gettext("Beat has sent nothing since %(instant)s. Start it, or read its log.") % _at(sent_at), ""
    if sent_at and facts.unanswered_since and sent_at - facts.unanswered_since >= ALIVE:
        # The log has the error of a worker that runs, and whose reconciler fails.
        since = gettext("No worker has run the reconciler since %(instant)s. Start one, or read its log.")
        never = gettext("No worker has run the reconciler yet. Start one, or read its log.")
        yield "error", since % _at(ran_at) if ran_at else never, ""


def _at(instant: datetime) -> dict[str, str]:
    return {"instant": f"{in_zone(instant)} ({CITY})"}


def _capped(count: int) -> str:
    return gettext("more than %(number)s") % {"number": number(COUNTED)} if count > COUNTED else number(count)


def _counted(found: Totals) -> str:
    sums = "; ".join(found.amounts)
    more = gettext("more than %(number)s") % {"number": sums}
    return f"{_capped(found.count + found.more)} ({more if found.more else sums})"


def _list(model: type[Model]) -> str:
    return url(model._meta, "changelist")


def _views(user: User, model: type[Model]) -> bool:
    request = HttpRequest()
    request.user = user
    return site.get_model_admin(model).has_view_permission(request)
