"""Show the pauses, and add the room's pages to the admin of sweeps."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.utils.text import capfirst
from django.utils.translation import gettext, gettext_lazy

from .. import signals
from ..admin.base import ReadOnlyAdmin
from ..admin.sweeps import REFRESH, SweepAdmin
from ..admin.values import in_zone, instant_column, sums, url
from ..admin.words import CITY
from ..models import Sweep
from . import pages, pausing, undoing
from .models import Pause, Undo
from .receivers import said_of

SweepAdmin.viewers += [pages.CANCEL, pages.UNDO]
SweepAdmin.extra_urls.append(pages.sweep_urls)
SweepAdmin.extra_links.append(pages.sweep_links)


def _undone(_admin: Any, _request: HttpRequest, sweep: Sweep, context: dict[str, Any]) -> dict[str, Any]:
    """Return the facts of a sweep's page, with what was taken back, and when to reload it until all is."""
    undo = Undo.objects.filter(pk=sweep.pk).first()
    if undo is None:
        return {}
    back = sums(undoing.taken_back(undo))
    if not undo.done_at:
        back = gettext("%(sums)s, and more to come") % {"sums": back}
    title = gettext("Undone (%(city)s)") % {"city": CITY}
    undone = [(title, in_zone(undo.pressed_at)), (gettext("Returned to requested"), back)]
    refresh = context["refresh"] if undo.done_at else REFRESH
    return {"instants": [*context["instants"], *undone], "refresh": refresh}


SweepAdmin.extra_context.append(_undone)


@admin.register(Pause)
class PauseAdmin(ReadOnlyAdmin):
    """Show when payments were paused, with the button that pauses them or lets them go on."""

    viewers = (pages.PAUSE,)
    list_display = ("id", "paused", "paused_by", "reason", "lifted", "lifted_by")
    list_select_related = ("paused_by", "lifted_by")
    fields = readonly_fields = ("reason", "paused", "paused_by", "lifted", "lifted_by")
    paused = instant_column("paused_at", gettext_lazy("paused"))
    lifted = instant_column("lifted_at", gettext_lazy("lifted"))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Override of Django's method that adds the button."""
        labels = [page.label for page in pages.opened(pages.PAUSE_PAGES, request)]
        context = {"labels": labels, "switch": url(self.opts, pages.SWITCH), **(extra_context or {})}
        return super().changelist_view(request, context)


PauseAdmin.extra_urls.append(pages.pause_urls)


@receiver(signals.banner_requested, dispatch_uid=f"{__name__}.banner")
def banner(user: User, **_: object) -> list[tuple[str, str, str]]:
    """Say on each page that payments are paused, with a link for a user who can let them go on."""
    pause = pausing.current()
    switch = url(Pause._meta, pages.SWITCH) if user.has_perm(pages.PAUSE) else ""
    return [] if pause is None else [("error", capfirst(said_of(pause)), switch)]
