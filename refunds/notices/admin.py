"""Show notices, and let users add and delete opt-outs for customers who ask."""

from datetime import datetime
from typing import Any, ClassVar, Final

from django import forms
from django.contrib import admin
from django.contrib.auth import get_permission_codename
from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy, pgettext_lazy

from .. import signals
from ..admin import filters
from ..admin.actions import ActingAdmin
from ..admin.base import COUNTED, is_id
from ..admin.bounded import SWEEP, BeforeFilter, BoundedSearch, status_filter
from ..admin.links import link, lists
from ..admin.refunds import REQUEST_FIELD, REQUEST_LINK, RefundAdmin
from ..admin.selected import DeclineForm
from ..admin.sweeps import SweepAdmin
from ..admin.values import column, id_column, instant_column, number, url
from ..admin.words import word
from ..domain.returns import Decision
from ..models import Refund, ReturnRequest, Sweep, money
from . import of_sweep, opt_outs, words  # noqa: F401  # it adds words
from .forms import OptOutForm, SentenceField
from .models import Notice, NoticeStatus, OptOut

# The condition of the partial index of pending notices.
DUE: Final = Q(due_at__isnull=False)
# What the page of a sweep calls the number of notices with a status.
COUNTED_AS: Final = {
    NoticeStatus.SENT: gettext_lazy("Notices sent"),
    NoticeStatus.PENDING: gettext_lazy("Notices waiting"),
    NoticeStatus.SUPPRESSED: gettext_lazy("Notices suppressed"),
}
VIEW: Final = f"{Notice._meta.app_label}.view_notice"
REFUND_LINK: Final = link(gettext_lazy("refund"), Refund, lambda notice: notice.request.own_refund_id)


@admin.register(Notice)
class NoticeAdmin(BoundedSearch):
    """Show which customers were notified of what, which will be, and why others will not be."""

    list_display = (
        *("number", REQUEST_LINK, REFUND_LINK, "amount", "customer"),
        *("state", "outcome", "notified", "due", "why_not"),
    )
    fields = (REQUEST_FIELD, *list_display[2:], "sentence")
    readonly_fields = fields
    list_filter = (
        status_filter(NoticeStatus, {NoticeStatus.PENDING: DUE}),
        *(*filters.OF_REQUEST, BeforeFilter),
    )
    amounts = "request__"
    amount = column(gettext_lazy("amount"), lambda row: money(row.request.amount_minor, row.request.currency))
    search_fields = ("request__customer_email",)
    search_help_text = gettext_lazy("Id of a return request, or part of an address")
    number = id_column
    customer = column(gettext_lazy("customer"), lambda notice: notice.request.customer_email)
    state = column(gettext_lazy("status"), lambda notice: word(notice.status))
    outcome = column(gettext_lazy("notified of"), lambda notice: word(notice.notified_of))
    notified = instant_column("notified_at", gettext_lazy("notified"))
    due = instant_column("due_at", pgettext_lazy("mail", "due"))
    why_not = column(gettext_lazy("reason"), lambda notice: word(notice.reason))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Notice]:
        """Override of Django's method that also reads the request."""
        return super().get_queryset(request).select_related("request")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Notice], search_term: str
    ) -> tuple[QuerySet[Notice], bool]:
        """Override of Django's method that searches for a request's id if the term is a number."""
        if is_id(search_term):
            return queryset.filter(pk=int(search_term)), False
        found: tuple[QuerySet[Notice], bool] = super().get_search_results(request, queryset, search_term)
        return found


@receiver(signals.waiting_requested, dispatch_uid=f"{__name__}.waiting")
def waiting(user: User, **_: object) -> list[tuple[str, str]]:
    """Return how many notices wait, for a user who can view notices."""
    if not user.has_perm(VIEW):
        return []
    count = Notice.objects.filter(DUE)[: COUNTED + 1].count()
    text = gettext("notices: more than %(count)s") if count > COUNTED else gettext("notices: %(count)s")
    text %= {"count": number(min(count, COUNTED))}
    return [(text, f"{url(Notice._meta, 'changelist')}?status={NoticeStatus.PENDING}")] if count else []


@receiver(signals.history_requested, dispatch_uid=f"{__name__}.history")
def history(row: ReturnRequest, user: User, **_: object) -> list[tuple[datetime, str, str]]:
    """Return when the customer was notified of what, or will be, for a user who can view notices."""
    notice = Notice.objects.filter(pk=row.pk).first() if user.has_perm(VIEW) else None
    if notice is None:
        return []
    instants = ((notice.notified_at, _sent(notice)), (notice.due_at, gettext("Mail due")))
    return [(at, text, url(Notice._meta, "change", notice.pk)) for at, text in instants if at]


def _sent(notice: Notice) -> str:
    if notice.sentence:
        return gettext("Mail sent: declined. %(sentence)s") % {"sentence": notice.sentence}
    return gettext("Mail sent: refund %(outcome)s") % {"outcome": word(notice.notified_of)}


@admin.register(OptOut)
class OptOutAdmin(ActingAdmin):
    """Show opt-outs, with Django's permissions to view, add and delete. Nobody can change an address."""

    list_display = ("address", "since")
    readonly_fields = ("since",)
    search_fields = ("address",)
    search_help_text = gettext_lazy("Part of an address")
    form = OptOutForm
    # Django's own action.
    needs: ClassVar = {"delete_selected": f"{OptOut._meta.app_label}.{get_permission_codename('delete', OptOut._meta)}"}

    since = instant_column("created_at", gettext_lazy("opted out"))

    def get_fields(self, request: HttpRequest, obj: OptOut | None = None) -> tuple[str, ...]:
        """Override of Django's method that shows the instant of a stored opt-out."""
        return ("address", "since") if obj else ("address",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Override of ReadOnlyAdmin's method that applies Django's permission again."""
        return admin.ModelAdmin.has_add_permission(self, request)

    def has_delete_permission(self, request: HttpRequest, obj: OptOut | None = None) -> bool:
        """Override of ReadOnlyAdmin's method that applies Django's permission again."""
        return admin.ModelAdmin.has_delete_permission(self, request, obj)

    def save_model(self, request: HttpRequest, obj: OptOut, form: "forms.ModelForm[OptOut]", change: bool) -> None:
        """Override of Django's method that also suppresses the address's pending notices."""
        made = opt_outs.opt_out(obj.address, timezone.now())
        obj.pk, obj.created_at = made.pk, made.created_at


def _notice(refund: Refund) -> int | None:
    return getattr(getattr(refund.request, "notice", None), "pk", None)


def _notified(refund: Refund) -> str:
    notice = getattr(refund.request, "notice", None)
    return f"{word(notice.status)}: {word(notice.notified_of or notice.reason)}".rstrip(": ") if notice else ""


# On the page of a refund.
RefundAdmin.fields += [link(gettext_lazy("notice"), Notice, _notice, _notified)]
# On the page on which a user declines chosen requests.
DeclineForm.base_fields["sentence"] = SentenceField()
# On the page of a sweep.
SweepAdmin.extra_links.append(lists(Notice, SWEEP, gettext_lazy("Its notices")))


def _counted(admin: Any, request: HttpRequest, sweep: Sweep, context: dict[str, Any]) -> dict[str, Any]:
    """Return the facts of a sweep's page with its notices, for a user who can view notices."""
    if not admin.admin_site.get_model_admin(Notice).has_view_permission(request):
        return {}
    found = of_sweep.count(sweep, timezone.now())
    if sweep.kind == Decision.DECLINE and not found.by_status:  # most projects send no mails about declines
        return {}
    some = "%(count)s" if found.complete else gettext("at least %(count)s")
    lines = [(label, some % {"count": number(found.by_status[status])}) for status, label in COUNTED_AS.items()]
    return {"instants": [*context["instants"], *lines], "waits": found.waits}


SweepAdmin.extra_context.append(_counted)
