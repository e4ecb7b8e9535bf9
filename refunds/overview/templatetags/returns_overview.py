"""Show the overview on the app's first page, in any admin site."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from django import template
from django.apps import apps
from django.conf import settings
from django.contrib.admin import site
from django.core.cache import cache
from django.core.management import get_commands
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, gettext

from ... import signals
from ...admin.base import COUNTED
from ...admin.sweeps import started_by, state_of
from ...admin.values import in_zone, url
from ...admin.words import CITY, word
from ...apps import LABEL
from ...models import Refund, ReturnRequest, Sweep, money
from ...operations.health import health
from .. import chart, facts

# Seconds: the counts in its lines can take a tenth of a second each.
HEALTH_KEPT: Final = 10
RESULTS: Final = "django_celery_results"
IMPORT: Final = "python -m refunds import_returns FILE"

register = template.Library()


@register.inclusion_tag(f"admin/{LABEL}/overview.html", takes_context=True)
def overview(context: template.Context) -> dict[str, Any]:
    """Show each user what that user can view."""
    request, now = context["request"], timezone.now()
    sees = {model: site.get_model_admin(model).has_view_permission(request) for model in (ReturnRequest, Refund, Sweep)}
    shown: dict[str, Any] = {"city": CITY, "counted": COUNTED}
    if sees[ReturnRequest]:
        shown |= _requests(now)
    if sees[Refund]:
        shown |= {"refunds": facts.refunds(), "refund_list": url(Refund._meta, "changelist")}
    if sees[Sweep]:
        days, shown["more_by_hand"] = facts.decisions(now)
        shown |= {"days": days[::-1], "bars": chart.bars(days), "sweeps": [_row(**row) for row in facts.last_sweeps()]}
        shown |= {"width": chart.WIDTH * len(days), "height": chart.HEIGHT, "bar": chart.BAR}
    if sees[Sweep] or sees[Refund]:
        key = f"{LABEL}.overview.health.{get_language()}"  # the lines are texts
        shown["health"] = cache.get_or_set(key, lambda: health(now), HEALTH_KEPT)
    shown["tools"] = list(_tools(request.user))
    answers = signals.answers(signals.waiting_requested, user=request.user, now=now)
    return shown | {"waiting": [line for answer in answers for line in answer]}


def _requests(now: datetime) -> dict[str, Any]:
    found = facts.pending(now)
    return {
        "pending": [(currency, ages, count, money(total, currency)) for currency, ages, count, total in found.rows],
        "more": found.more,
        "ages": facts.AGES,
        "requests": url(ReturnRequest._meta, "changelist"),
        "empty": not ReturnRequest.objects.exists(),
        "command": IMPORT if "import_returns" in get_commands() else "",
    }


def _tools(user: Any) -> Iterator[tuple[str, str]]:
    """Yield label and URL of what shows the tasks themselves, where the project has it."""
    if site_of_flower := getattr(settings, "REFUNDS_FLOWER_URL", ""):
        yield "Flower", site_of_flower
    if apps.is_installed(RESULTS) and user.has_perm(f"{RESULTS}.view_taskresult"):
        yield gettext("Results of tasks"), reverse(f"admin:{RESULTS}_taskresult_changelist")
    for tools in signals.answers(signals.tools_requested, user=user):
        yield from tools


def _row(sweep: Sweep, decided: int) -> dict[str, Any]:
    return {
        "sweep": sweep,
        "address": url(Sweep._meta, "change", sweep.pk),
        "started": in_zone(sweep.started_at),
        "by": started_by(sweep),
        "decided": decided,
        "state": word(state_of(sweep)),
        "left": sweep.left,
    }
