"""The pages on which an operator corrects a payment, settles a refund elsewhere, and checks a second receipt."""

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from .. import gateways
from ..admin.base import money
from ..errors import BadInput
from ..models import Refund
from . import closing
from .forms import PAGES, Page

if TYPE_CHECKING:
    _Base = ModelAdmin[Refund]
else:
    _Base = object


class Closing(_Base):
    """The pages, for the admin of refunds."""

    def get_urls(self) -> list[URLPattern]:
        """The pages before Django's own, of which one takes any path for an id."""
        return [*map(self._route, PAGES), *super().get_urls()]

    def _route(self, page: Page) -> URLPattern:
        view = require_http_methods(["GET", "HEAD", "POST"])(partial(self.close, page=page))
        return path(f"<int:refund_id>/{page.address}/", self.admin_site.admin_view(view), name=page.name)

    def remedies(self, request: HttpRequest, refund: Refund) -> list[tuple[str, str]]:
        """Label and address of each page that is open to the user for this refund."""
        return [
            (page.remedy, self._with_filters(request, f"admin:{page.name}", refund))
            for page in PAGES
            if request.user.has_perm(page.permission) and page.seen(refund) is not None
        ]

    # The mail about an error lists what was sent, and a secret can have been pasted.
    @method_decorator(sensitive_post_parameters("payment", "receipt", "reason"))
    def close(self, request: HttpRequest, refund_id: int, page: Page) -> HttpResponse:
        """GET shows the form; POST does what it says, and leads to the refund. Raises PermissionDenied and Http404."""
        if not request.user.has_perm(page.permission):
            raise PermissionDenied
        refund = self.get_object(request, str(refund_id))
        if refund is None:
            raise Http404(f"there is no refund {refund_id}")
        seen = page.seen(refund)
        if seen is None:
            return self._leave(request, refund, self._unchanged(refund), messages.WARNING)
        form = page.form(request.POST if request.method == "POST" else None, initial={"seen": seen})
        if request.method == "POST" and form.is_valid():
            try:
                done = self._run(request, refund, page, form.cleaned_data, timezone.now())
            except BadInput as wrong:
                form.add_error(None, str(wrong))
            else:
                said = page.said if done else self._unchanged(refund)
                return self._leave(request, refund, said, messages.SUCCESS if done else messages.WARNING)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"{page.remedy}: refund {refund.pk}",
            "original": refund,
            "page": page,
            "form": form,
            "facts": _facts(refund),
            "back": self._page_of(request, refund),
        }
        return TemplateResponse(request, "admin/refunds/refund/remedy.html", context)

    def _run(self, request: HttpRequest, refund: Refund, page: Page, fields: dict[str, Any], now: datetime) -> bool:
        by = cast(User, request.user)  # the permission is one that only a user has

        def note(before: Refund) -> None:
            payment_was = gateways.masked(before.request.payment)
            second = ", ".join(closing.second_receipts(before))
            _log(before, by, now, page.history.format(refund=before, payment_was=payment_was, second=second, **fields))

        return page.run(refund.pk, now=now, note=note, **fields)

    def _unchanged(self, refund: Refund) -> str:
        return (
            f"Nothing was changed: since the page was made, somebody has changed refund {refund.pk}, or it was paid. "
            "Look at it as it is now."
        )

    def _leave(self, request: HttpRequest, refund: Refund, said: str, level: int) -> HttpResponse:
        self.message_user(request, said, level)
        return redirect(self._page_of(request, refund))

    def _page_of(self, request: HttpRequest, refund: Refund) -> str:
        return self._with_filters(request, "admin:refunds_refund_change", refund)

    def _with_filters(self, request: HttpRequest, name: str, refund: Refund) -> str:
        """The address of one of the refund's pages, with the filters of the list that the user came from."""
        address = reverse(name, args=[refund.pk])
        return add_preserved_filters(
            {"opts": self.opts, "preserved_filters": self.get_preserved_filters(request)}, address
        )


def _facts(refund: Refund) -> list[tuple[str, str]]:
    """What the pages say of the refund, by name."""
    facts = {
        "amount": money(refund.amount_minor, refund.currency),
        "order line": refund.request.order_line,
        "customer": refund.request.customer,
        "failure": refund.failure,
        "payment": gateways.masked(refund.request.payment),
        "reference": refund.request.key,
        "receipt": refund.receipt,
        "second receipt": ", ".join(closing.second_receipts(refund)),
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
