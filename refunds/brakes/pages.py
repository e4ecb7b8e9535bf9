"""Show the pages on which an operator cancels or undoes a sweep, pauses payments, or lets them go on."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import chain
from typing import Any, Final, cast

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_http_methods

from ..admin.base import ReadOnlyAdmin
from ..admin.selected import REASON_LENGTH
from ..admin.values import number, sums, url
from ..admin.words import recorded
from ..errors import BadInput
from ..models import Sweep
from . import cancelling, pausing, undoing
from .models import Pause, Undo

CANCEL, UNDO = (f"{Undo._meta.app_label}.{name}" for name in ("cancel_sweep", "undo_sweep"))
PAUSE: Final = f"{Pause._meta.app_label}.pause_payments"


class ReasonForm(forms.Form):
    """Ask for a reason."""

    area = forms.Textarea(attrs={"rows": 3, "cols": 80, "autofocus": True})
    kept = gettext_lazy("Kept in the history.")
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=REASON_LENGTH, widget=area, help_text=kept)


@dataclass(frozen=True)
class Press:
    """What a page's button got: the admin, the request, the row's id (0 for the switch), the reason, and when."""

    admin: ReadOnlyAdmin
    request: HttpRequest
    pk: int
    reason: str
    now: datetime

    @property
    def by(self) -> User:
        """The user, who has the page's permission."""
        return cast(User, self.request.user)


def _cancel(press: Press) -> str:
    with transaction.atomic():
        left = cancelling.cancel(press.pk, press.now)
        sweep = Sweep.objects.get(pk=press.pk)
        with recorded():
            press.admin.log_change(press.request, sweep, f"Cancelled: {press.reason} Left pending: {sums(left)}")
    text = gettext("The sweep is cancelled. Left pending: %(sums)s. What it had decided stays decided.")
    return text % {"sums": sums(left)}


def _undo(press: Press) -> str:
    chunks = undoing.undo(press.pk, by=press.by, reason=press.reason, now=press.now)
    text = gettext("The undo has begun, in %(count)s parts. From now on no payment of this sweep begins.")
    return text % {"count": number(chunks)}


def _pause(press: Press) -> str:
    with transaction.atomic():
        made = pausing.pause(by=press.by, reason=press.reason, now=press.now)
        with recorded():
            press.admin.log_addition(press.request, made, f"Payments paused: {press.reason}")
    return gettext("Payments are paused. Attempts under way finish; no new one begins.")


def _lift(press: Press) -> str:
    with transaction.atomic():
        lifted = pausing.lift(by=press.by, now=press.now)
        with recorded():
            press.admin.log_change(press.request, lifted, f"Lifted: {press.reason}")
    return gettext("Payments go on. Those that have waited begin within a minute.")


@dataclass(frozen=True)
class Page:
    """Describe a page: its permission, when it can be opened, what it says, and what its button does."""

    name: str
    label: Promise
    permission: str
    opens: Callable[[Any, datetime], bool]
    does: Promise
    run: Callable[[Press], str]


Pages = tuple[Page, ...]
SWITCH: Final = "switch"
SWEEP_PAGES: Final = (
    Page(
        name="cancel",
        label=gettext_lazy("Cancel the sweep"),
        permission=CANCEL,
        opens=cancelling.can_cancel,
        does=gettext_lazy(
            "The sweep ends between two chunks. Requests that it has approved stay approved, and are paid. Those that "
            "are left stay pending, and the next cutoff declines them unless somebody approves them before."
        ),
        run=_cancel,
    ),
    Page(
        name="undo",
        label=gettext_lazy("Undo the sweep"),
        permission=UNDO,
        opens=lambda sweep, _: undoing.offers_undo(sweep),
        does=gettext_lazy(
            "Each request that the sweep approved, and whose payment was not attempted, returns to requested. Its "
            "refund is deleted. If its cutoff has passed, it is declined. A payment that was attempted stays as it is. "
            "A sweep that still runs is cancelled."
        ),
        run=_undo,
    ),
)
PAUSE_PAGES: Final = (
    Page(
        name="pause",
        label=gettext_lazy("Pause payments"),
        permission=PAUSE,
        opens=lambda *_: pausing.current() is None,
        does=gettext_lazy(
            "No new attempt to pay begins anywhere until somebody lifts the pause. Attempts under way finish. Sweeps "
            "go on to decide."
        ),
        run=_pause,
    ),
    Page(
        name="lift",
        label=gettext_lazy("Let payments go on"),
        permission=PAUSE,
        opens=lambda *_: pausing.current() is not None,
        does=gettext_lazy("The refunds that have waited are paid, in the order in which they became due."),
        run=_lift,
    ),
)


def sweep_urls(admin: ReadOnlyAdmin) -> list[URLPattern]:
    """Return the URLs of a sweep's pages."""
    return [_route(admin, f"<int:pk>/{page.name}/", page.name, (page,)) for page in SWEEP_PAGES]


def pause_urls(admin: ReadOnlyAdmin) -> list[URLPattern]:
    """Return the URL of the switch."""
    return [_route(admin, "switch/", SWITCH, PAUSE_PAGES)]


def _route(admin: ReadOnlyAdmin, address: str, name: str, pages: Pages) -> URLPattern:
    view = require_http_methods(["GET", "HEAD", "POST"])(partial(ask, admin=admin, pages=pages))
    return path(
        address, admin.admin_site.admin_view(view), name=f"{admin.opts.app_label}_{admin.opts.model_name}_{name}"
    )


def sweep_links(admin: ReadOnlyAdmin, request: HttpRequest, sweep: Sweep) -> list[tuple[str, str]]:
    """Return label and URL of each page that the user can open for this sweep."""
    return [(str(page.label), url(admin.opts, page.name, sweep.pk)) for page in opened(SWEEP_PAGES, request, sweep)]


def opened(pages: Pages, request: HttpRequest, row: Any = None) -> Iterator[Page]:
    """Yield each of the pages that the user can open for the row now."""
    now = timezone.now()
    return (page for page in pages if request.user.has_perm(page.permission) and page.opens(row, now))


def ask(request: HttpRequest, pk: int | None = None, *, admin: ReadOnlyAdmin, pages: Pages) -> HttpResponse:
    """Ask for a reason by GET. Act by POST, and redirect. Raises PermissionDenied and Http404."""
    if not request.user.has_perm(pages[0].permission):
        raise PermissionDenied
    row = None if pk is None else admin.get_object(request, str(pk))
    if pk is not None and row is None:
        raise Http404(f"there is no {admin.opts.verbose_name} {pk}")
    back = url(admin.opts, "change", pk) if row else url(admin.opts, "changelist")
    form, now = ReasonForm(request.POST if request.method == "POST" else None), timezone.now()
    # The switch has one page for each position: the form names its own, whatever the position is by now.
    named = (page for page in pages if page.name == request.POST.get("press"))
    page = next(chain(named, (page for page in pages if page.opens(row, now))), pages[0])
    if form.is_valid():
        try:
            admin.message_user(request, page.run(Press(admin, request, pk or 0, form.cleaned_data["reason"], now)))
        except BadInput as wrong:
            admin.message_user(request, gettext("Nothing was changed: %(why)s.") % {"why": wrong}, messages.ERROR)
        return redirect(back)
    context = admin.admin_site.each_context(request) | {"opts": admin.opts, "title": page.label, "original": row}
    context |= {"page": page, "form": form, "back": back}
    return TemplateResponse(request, f"admin/{Sweep._meta.app_label}/reason.html", context)
