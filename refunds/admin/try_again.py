"""The action "Try again" on failed refunds: at once for chosen rows, after a confirmation page across pages."""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar, Final, cast

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
from django.utils import timezone

from .. import queries
from ..apps import LABEL
from ..domain.refunds import TRY_AGAIN
from ..models import Refund
from ..operations import bulk_payments
from .actions import NAMED, ActingAdmin
from .base import COUNTED, is_id, url

RETRY: Final = f"{LABEL}.retry_refund"
# The field with the ids that the page showed. One field, because Django takes at most a thousand of them; 100,000 ids
# are half of what it takes in bytes.
SHOWN: Final = "shown"


class TryAgain(ActingAdmin):
    """The action, for the admin of refunds."""

    needs: ClassVar = {"try_again": RETRY}
    actions = tuple(needs)

    @admin.action(description=TRY_AGAIN)
    def try_again(self, request: HttpRequest, queryset: QuerySet[Refund]) -> HttpResponse | None:
        """Try again the failed refunds among the chosen; across pages, those that the confirmation page showed."""
        shown = request.POST.get(SHOWN)
        if shown is None and request.POST.get("select_across") == "1":
            return self._page(request, queryset)
        ids = self.chosen_ids(request, queryset) if shown is None else self._shown(request, shown)
        if ids is None:
            return None
        now = timezone.now()
        by = cast(User, request.user)  # only a user has the action's permission
        tried = bulk_payments.try_again(ids, now, note=lambda found: _log(found, by, now))
        # Chosen rows that the filters no longer match count too: another user has tried them again.
        chosen = len(ids) if shown is not None else max(len(ids), len(set(request.POST.getlist(ACTION_CHECKBOX_NAME))))
        text = f"Tried again: {len(tried):,}."
        if chosen > len(tried):
            text += f" Left as they were: {chosen - len(tried):,} (not failed)."
        self.message_user(request, text, messages.SUCCESS if tried else messages.WARNING)
        return self._back(request, ids)

    def _page(self, request: HttpRequest, queryset: QuerySet[Refund]) -> HttpResponse | None:
        """Show the failed refunds. The form has their ids, so that it leaves out a refund that fails later."""
        # One statement, so that ids and sums are of the same rows.
        failed = queryset.filter(queries.FAILED).order_by("pk").values_list("pk", "currency", "amount_minor")
        found = list(failed[: COUNTED + 1])
        if len(found) > COUNTED:
            self.refuse(request, f"more than {COUNTED:,} refunds have failed. Narrow the filters first.")
            return None
        amounts: dict[str, list[int]] = {}
        for _, currency, minor in found:
            amounts.setdefault(currency, []).append(minor)
        totals = [(currency, len(minors), sum(minors)) for currency, minors in sorted(amounts.items())]
        ids = [pk for pk, _, _ in found]
        # Not of all ids: SQLite takes a limited number of parameters.
        rows = Refund.objects.filter(pk__in=ids[:NAMED]).select_related("request").order_by("pk")
        return self.confirmation(
            request, "try_again", totals, title="Try the failed refunds again", rows=rows, try_again=TRY_AGAIN,
            ids=" ".join(map(str, ids)),
        )  # fmt: skip

    def _shown(self, request: HttpRequest, shown: str) -> list[int] | None:
        """Return the ids that the page showed, rising; None, with a message, where the field has something else."""
        ids = shown.split()
        if len(ids) <= COUNTED and all(map(is_id, ids)):
            return sorted(set(map(int, ids)))
        self.refuse(request, "the form was not one that this page made. Choose from the list again.")
        return None

    def _back(self, request: HttpRequest, ids: Sequence[int]) -> HttpResponse | None:
        """Lead to the refund's page if its button was pressed. The form has the filters of the list behind it."""
        filters = request.POST.get("page")
        if filters is None or len(ids) != 1:
            return None
        page = url(self.opts, "change", *ids)
        return redirect(add_preserved_filters({"opts": self.opts, "preserved_filters": filters}, page))


def _log(ids: Sequence[int], by: User, now: datetime) -> None:
    """Add an entry to the history of each refund: who, when, and the failure, which the next one overwrites."""
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
    # Not log_actions: it makes an object for each, and the transaction of the change takes six times as long.
    rows = Refund.objects.filter(pk__in=ids).values_list(*columns.values())
    queries.insert_select(LogEntry, " ".join(columns), rows)
