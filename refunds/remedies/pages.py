"""Show the pages on which an operator corrects a payment, settles a refund elsewhere, or checks a second receipt."""

from datetime import datetime
from functools import partial
from typing import Any, cast

from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from ..admin.refunds import RefundAdmin
from ..admin.values import masked, url
from ..admin.words import recorded
from ..errors import BadInput
from ..models import Refund, money
from . import closing
from .forms import PAGES, Page


def urls(admin: RefundAdmin) -> list[URLPattern]:
    """Return the URLs of the pages."""
    return [_route(admin, page) for page in PAGES]


def _route(admin: RefundAdmin, page: Page) -> URLPattern:
    # Django's mail about an error lists the sent values, which can be secret.
    hidden = sensitive_post_parameters("payment", "receipt", "reason")
    view = require_http_methods(["GET", "HEAD", "POST"])(hidden(partial(close, admin=admin, page=page)))
    name = f"{admin.opts.app_label}_{admin.opts.model_name}_{page.name}"
    return path(f"<int:refund_id>/{page.address}/", admin.admin_site.admin_view(view), name=name)


def links(admin: RefundAdmin, request: HttpRequest, refund: Refund) -> list[tuple[str, str]]:
    """Return label and URL of each page that the user can open for this refund."""
    return [
        (page.remedy.label, _address(admin, request, page.name, refund))
        for page in PAGES
        if request.user.has_perm(page.permission) and page.seen(refund) is not None
    ]


def close(request: HttpRequest, refund_id: int, *, admin: RefundAdmin, page: Page) -> HttpResponse:
    """Show the form by GET. Run the remedy by POST and redirect to the refund. Raises PermissionDenied and Http404."""
    if not request.user.has_perm(page.permission):
        raise PermissionDenied
    refund = admin.get_object(request, str(refund_id))
    if refund is None:
        raise Http404(f"there is no refund {refund_id}")
    seen = page.seen(refund)
    back = _address(admin, request, "change", refund)
    if seen is None:
        return _leave(admin, request, refund, back, done=False, page=page)
    form = page.form(request.POST if request.method == "POST" else None, initial={"seen": seen})
    if request.method == "POST" and form.is_valid():
        try:
            done = _run(request, refund, page, form.cleaned_data, timezone.now())
        except BadInput as wrong:
            form.add_error(None, str(wrong))
        else:
            return _leave(admin, request, refund, back, done=done, page=page)
    opts = admin.opts
    title = gettext("%(remedy)s: refund %(id)s") % {"remedy": page.remedy.label, "id": refund_id}
    context = admin.admin_site.each_context(request) | {"opts": opts, "title": title, "original": refund}
    context |= {"page": page, "form": form, "facts": _facts(refund), "back": back}
    return TemplateResponse(request, f"admin/{opts.app_label}/{opts.model_name}/remedy.html", context)


def _run(request: HttpRequest, refund: Refund, page: Page, fields: dict[str, Any], now: datetime) -> bool:
    by = cast(User, request.user)  # only a user has the permission

    def note(before: Refund) -> None:
        second = ", ".join(closing.second_receipts(before))
        with recorded():
            payment_was = masked(before.request.payment)
        _log(before, by, now, page.history.format(refund=before, payment_was=payment_was, second=second, **fields))

    return page.run(refund.pk, now=now, note=note, **fields)


def _leave(
    admin: RefundAdmin, request: HttpRequest, refund: Refund, back: str, *, done: bool, page: Page
) -> HttpResponse:
    unchanged = gettext(
        "Nothing was changed: since the page was made, somebody has changed refund %(id)s, or it was paid. "
        "Look at it as it is now."
    )
    text = str(page.said) if done else unchanged % {"id": refund.pk}
    admin.message_user(request, text, messages.SUCCESS if done else messages.WARNING)
    return redirect(back)


def _address(admin: RefundAdmin, request: HttpRequest, name: str, refund: Refund) -> str:
    """Return the URL of a page of the refund, with the filters of the list from which the user came."""
    filters = admin.get_preserved_filters(request)
    return add_preserved_filters({"opts": admin.opts, "preserved_filters": filters}, url(admin.opts, name, refund.pk))


def _facts(refund: Refund) -> list[tuple[str, str]]:
    """Return name and value of each fact about the refund that the pages show."""
    facts = {
        gettext("amount"): money(refund.amount_minor, refund.currency),
        gettext("order line"): refund.request.order_line,
        gettext("customer"): refund.request.customer,
        gettext("failure"): refund.failure,
        gettext("payment"): masked(refund.request.payment),
        gettext("reference"): refund.request.key,
        gettext("receipt"): refund.receipt,
        gettext("second receipt"): ", ".join(closing.second_receipts(refund)),
    }
    return [(name, value) for name, value in facts.items() if value]


def _log(refund: Refund, by: User, now: datetime, text: str) -> None:
    LogEntry.objects.create(
        user=by,
        content_type=ContentType.objects.get_for_model(Refund),
        object_id=str(refund.pk),
        object_repr=f"refund {refund.pk}",
        action_flag=CHANGE,
        change_message=text,
        action_time=now,
    )
