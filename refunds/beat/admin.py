"""Show beat's schedule in the admin, with a way back for an entry whose row was edited."""

from functools import partial
from typing import Any, Final, cast

from celery import current_app
from django.contrib import messages
from django.contrib.admin import site
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from .. import signals
from ..admin.sweeps import SweepAdmin
from ..admin.values import url
from ..apps import LABEL
from ..models import Sweep
from . import drift
from .entries import entries

PAGE: Final = "schedule"
CHANGE: Final = f"{drift.PACKAGE}.change_periodictask"
# Each opens the page: beat starts the declines, which are sweeps. SweepAdmin says who can view those.
VIEWERS: Final = (f"{drift.PACKAGE}.view_periodictask", CHANGE)
# Seconds in the cache for the banner, which is on every page.
KEPT: Final = 10
KEY: Final = f"{LABEL}.beat.drift"


def urls(admin: SweepAdmin) -> list[URLPattern]:
    """Return the URL of the schedule's page."""
    view = require_http_methods(["GET", "HEAD", "POST"])(partial(schedule, admin=admin))
    name = f"{admin.opts.app_label}_{admin.opts.model_name}_{PAGE}"
    return [path("schedule/", admin.admin_site.admin_view(view), name=name)]


SweepAdmin.extra_urls.append(urls)


def schedule(request: HttpRequest, *, admin: SweepAdmin) -> HttpResponse:
    """Show the entries by GET. Restore the row of one by POST, and redirect. Raises PermissionDenied."""
    user, can_change = cast(User, request.user), request.user.has_perm(CHANGE)
    if not _views(user) or (request.method == "POST" and not can_change):
        raise PermissionDenied
    if request.method == "POST":
        with transaction.atomic():
            level, text = _restore(request, admin, request.POST.get("entry", ""))
        cache.delete(KEY)  # after the commit: a page in between would keep the old warning
        admin.message_user(request, text, level)
        return redirect(url(admin.opts, PAGE))
    stored = drift.reads_rows()
    context = admin.admin_site.each_context(request) | {
        "opts": admin.opts,
        "title": gettext("Beat's schedule"),
        "stored": stored,
        "can_change": can_change,
        "entries": entries(timezone.now()),
        "others": drift.undeclared(current_app.conf.beat_schedule) if stored else [],
    }
    return TemplateResponse(request, f"admin/{admin.opts.app_label}/{admin.opts.model_name}/{PAGE}.html", context)


def _restore(request: HttpRequest, admin: SweepAdmin, name: str) -> tuple[int, str]:
    """Restore the entry's row if it differs. Return level and text of what to tell the user."""
    declared = current_app.conf.beat_schedule
    if not drift.reads_rows():
        return messages.ERROR, gettext("Nothing was changed: beat does not read its schedule from the database.")
    if name not in declared:
        return messages.ERROR, gettext("Nothing was changed: the code declares no such entry.")
    found = drift.compare({name: declared[name]})
    if not found:
        return messages.WARNING, gettext("Nothing was changed: %(name)s is as declared.") % {"name": name}
    from .scheduler import restore  # needs django-celery-beat

    admin.log_change(request, restore(name, declared[name]), f"Restored as declared: {'; '.join(map(str, found))}")
    if drift.compare({name: declared[name]}):
        text = gettext("%(name)s is stored, and still differs: the database cannot hold what the code declares.")
        return messages.WARNING, text % {"name": name}
    text = gettext("%(name)s is as declared again. A running beat follows within seconds.")
    return messages.SUCCESS, text % {"name": name}


def _views(user: User) -> bool:
    request = HttpRequest()
    request.user = user
    return site.get_model_admin(Sweep).has_view_permission(request) or any(map(user.has_perm, VIEWERS))


def _drifted() -> list[str]:
    """Return the names of the entries whose rows differ, each once."""
    return list(dict.fromkeys(one.entry for one in drift.compare(current_app.conf.beat_schedule)))


@receiver(signals.banner_requested, dispatch_uid=f"{__name__}.banner")
def banner(user: User, **_: object) -> list[tuple[str, str, str]]:
    """Warn on each page that rows are not as declared, for a user who can view the page."""
    if not drift.reads_rows() or not _views(user):
        return []
    names: Any = cache.get_or_set(KEY, _drifted, KEPT)
    text = gettext("Beat's schedule is not as declared: %(names)s. See the difference.")
    return [("warning", text % {"names": ", ".join(names)}, url(Sweep._meta, PAGE))] if names else []


@receiver(signals.tools_requested, dispatch_uid=f"{__name__}.tools")
def tools(user: User, **_: object) -> list[tuple[str, str]]:
    """Lead from the overview to the page."""
    return [(gettext("Beat's schedule"), url(Sweep._meta, PAGE))] if _views(user) else []
