"""The action "Try again" on failed refunds: at once for chosen rows, after a page that freezes them across pages."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Final, cast

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db.models import DateTimeField, QuerySet, TextField, Value
from django.db.models.functions import Cast, Concat
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from .. import queries
from ..domain.remedies import Remedy
from ..models import Refund
from ..operations import bulk_payments
from .actions import ActingAdmin
from .base import COUNTED, is_id, money

RETRY: Final = "refunds.retry_refund"
ACTIONS: Final = {"try_again": RETRY}
# Refunds that the page names; it counts the rest.
NAMED: Final = 10
# The field with the ids that the page showed. One field, because Django takes at most a thousand of them; 100,000 ids
# are half of what it takes in bytes.
SHOWN: Final = "shown"


class TryAgain(ActingAdmin[Refund]):
    """The action, for the admin of refunds."""

    actions = tuple(ACTIONS)
    needs = ACTIONS

    def has_retry_permission(self, request: HttpRequest) -> bool:
        """Users with the permission can try failed refunds again."""
        return request.user.has_perm(RETRY)

    @admin.action(description=Remedy.TRY_AGAIN, permissions=["retry"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[Refund]) -> HttpResponse | None:
        """Try again those of the chosen that have failed; across pages those that a page has shown before."""
        shown = request.POST.get(SHOWN)
        if shown is None and request.POST.get("select_across") == "1":
            return self._page(request, queryset)
        ids = self._chosen(request, queryset) if shown is None else self._shown(request, shown)
        if ids is None:
            return None
        now = timezone.now()
        by = cast(User, request.user)  # the action's permission is one that only a user has
        tried = bulk_payments.try_again(ids, now, note=lambda found: _log(found, by, now))
        # Chosen rows that the filters no longer match count too: somebody else has tried them again.
        chosen = len(ids) if shown is not None else max(len(ids), len(set(request.POST.getlist(ACTION_CHECKBOX_NAME))))
        text = f"Tried again: {len(tried):,}."
        if chosen > len(tried):
            text += f" Left as they were: {chosen - len(tried):,} (not failed)."
        self.message_user(request, text, messages.SUCCESS if tried else messages.WARNING)
        return self._back(request, ids)

    def _page(self, request: HttpRequest, queryset: QuerySet[Refund]) -> HttpResponse | None:
        """What would be tried again. Its form has the ids, so that a refund that fails later is not among them."""
        # One statement, so that ids and sums are of the same rows.
        failed = queryset.filter(queries.FAILED).order_by("pk").values_list("pk", "currency", "amount_minor")
        found = list(failed[: COUNTED + 1])
        if len(found) > COUNTED:
            self._refuse(request, f"more than {COUNTED:,} refunds have failed. Narrow the filters first.")
            return None
        sums: Counter[str] = Counter()
        for _, currency, minor in found:
            sums[currency] += minor
        ids = [pk for pk, _, _ in found]
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Try the failed refunds again",
            "count": f"{len(ids):,}",
            "totals": [money(total, currency) for currency, total in sorted(sums.items())],
            "rows": self.get_queryset(request).filter(pk__in=ids[:NAMED]).order_by("pk"),
            "more": f"{len(ids) - NAMED:,}" if len(ids) > NAMED else "",
            "shown": " ".join(map(str, ids)),
            "checkbox": ACTION_CHECKBOX_NAME,
            "try_again": Remedy.TRY_AGAIN,
        }
        return TemplateResponse(request, "admin/refunds/refund/try_again.html", context)

    def _shown(self, request: HttpRequest, shown: str) -> list[int] | None:
        """The ids that the page showed, rising; None, and a message, where the field has something else."""
        ids = shown.split()
        if len(ids) <= COUNTED and all(map(is_id, ids)):
            return sorted(set(map(int, ids)))
        self._refuse(request, "the form was not one that this page made. Choose from the list again.")
        return None

    def _back(self, request: HttpRequest, ids: Sequence[int]) -> HttpResponse | None:
        """To the refund's page, where its button was pressed; it says which filters lead on from there to the list."""
        filters = request.POST.get("page")
        if filters is None or len(ids) != 1:
            return None
        page = reverse("admin:refunds_refund_change", args=ids)
        return redirect(add_preserved_filters({"opts": self.opts, "preserved_filters": filters}, page))


def _log(ids: Sequence[int], by: User, now: datetime) -> None:
    """An entry in the history of each refund: who, when, and the failure, which the next one writes over."""
    text = TextField()
    pk = Cast("pk", text)
    columns = {
        "user": Value(by.pk),
        "content_type": Value(ContentType.objects.get_for_model(Refund).pk),
        "object_id": pk,
        "object_repr": Concat(Value("refund "), pk, output_field=text),
        "action_flag": Value(CHANGE),
        "change_message": Concat(Value("Tried again after: "), "failure", output_field=text),
        "action_time": Value(now, DateTimeField()),
    }
    # Not log_actions, which makes an object of each and so has the transaction of the change last six times as long.
    rows = Refund.objects.filter(pk__in=ids).values_list(*columns.values())
    queries.insert_select(LogEntry, " ".join(columns), rows)
