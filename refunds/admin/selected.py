"""Add the actions "Approve selected" and "Decline selected", and the page on which a user confirms them."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Any, Final, cast

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import get_permission_codename
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy

from .. import queries
from ..apps import LABEL
from ..domain.returns import CUTOFF_CODE, Decision, Status
from ..domain.sweeps import Frozen
from ..frozen import frozen_in
from ..models import ReturnRequest
from ..operations import trusted_now
from ..operations.decisions import Rows, decide_chosen, preview
from .actions import ActingAdmin, make_token, read_token
from .base import NotDone
from .values import number, sums
from .words import label, recorded

# The permission of each action.
NEEDS: Final = {f"{do}_selected": f"{LABEL}.{get_permission_codename(do, ReturnRequest._meta)}" for do in Decision}
# Characters: enough for a paragraph.
REASON_LENGTH: Final = 500

DO: Final = {Decision.APPROVE: gettext_lazy("Approve…"), Decision.DECLINE: gettext_lazy("Decline…")}
TITLES: Final = {
    Decision.APPROVE: gettext_lazy("Approve the selected return requests"),
    Decision.DECLINE: gettext_lazy("Decline the selected return requests"),
}
# What was decided, what was left, and what came in after the page was made.
SAID: Final = {
    Decision.APPROVE: (
        gettext_lazy("Approved: %(count)s."),
        gettext_lazy(
            "Left as they were: %(count)s (decided before, or received before the last cutoff and to be declined)."
        ),
        gettext_lazy("Not approved: %(count)s that came in after the page was made."),
    ),
    Decision.DECLINE: (
        gettext_lazy("Declined: %(count)s."),
        gettext_lazy("Left as they were: %(count)s (decided before)."),
        gettext_lazy("Not declined: %(count)s that came in after the page was made."),
    ),
}


def codes() -> list[tuple[str, str]]:
    """Return the codes with which users can decline, and their labels."""
    return [(code, label(code)) for code in settings.REFUNDS_DECLINE_CODES if code != CUTOFF_CODE]


class DeclineForm(forms.Form):
    """Ask why the chosen requests are declined. Optional rooms add fields to `base_fields`."""

    area = forms.Textarea(attrs={"rows": 3, "cols": 80})
    code = forms.ChoiceField(choices=lambda: [("", "---------"), *codes()], label=gettext_lazy("reason"))
    note = forms.CharField(
        max_length=REASON_LENGTH,
        widget=area,
        required=False,
        label=gettext_lazy("internal note"),
        help_text=gettext_lazy("Kept with each request."),
    )


class DecideSelected(ActingAdmin):
    """Add the two actions to the admin of return requests."""

    actions = tuple(NEEDS)
    needs = NEEDS

    def row_context(self, request: HttpRequest, row: ReturnRequest) -> dict[str, Any]:
        """Return the decisions on a pending request that the user can take; their buttons lead to the page below."""
        may = [
            do for do in Decision if row.status == Status.REQUESTED and request.user.has_perm(NEEDS[f"{do}_selected"])
        ]
        return {
            "decisions": [(f"{do}_selected", DO[do]) for do in may],
            "checkbox": ACTION_CHECKBOX_NAME,
        }

    @admin.action(description=gettext_lazy("Approve selected return requests…"))
    def approve_selected(self, request: HttpRequest, queryset: Rows) -> HttpResponse | None:
        """Show what would be approved; approve it once the user has confirmed."""
        return self._decide_selected(request, queryset, Decision.APPROVE, forms.Form)

    @admin.action(description=gettext_lazy("Decline selected return requests…"))
    def decline_selected(self, request: HttpRequest, queryset: Rows) -> HttpResponse | None:
        """Show what would be declined and ask for a reason; decline it once the user has given one."""
        return self._decide_selected(request, queryset, Decision.DECLINE, DeclineForm)

    def _decide_selected(
        self, request: HttpRequest, queryset: Rows, decision: Decision, form_class: type[forms.Form]
    ) -> HttpResponse | None:
        now = trusted_now()
        form = form_class(request.POST if decision in request.POST else None)  # the name of the page's button
        if form.is_bound:
            try:
                token = read_token(request.POST.get("token", ""), decision, request.user.pk)
                token.check(now)
            except NotDone as why:
                self.refuse(request, why)
            else:
                if form.is_valid():
                    self._decide(request, queryset, token.frozen, decision, form, now)
                    return None
        found = preview(decision, now, queryset)
        ids = self.chosen_ids(queryset.filter(frozen_in(found.frozen)))
        across = request.POST.get("select_across") == "1"
        marked = ["0"] if across else request.POST.getlist(ACTION_CHECKBOX_NAME)  # Django needs some id
        return self.confirmation(
            request, "decide_selected", found.totals, title=TITLES[decision],
            token=make_token(decision, request.user.pk, found.frozen, now), verb=decision.value,
            found=found, rows=found.rows.order_by("pk"), form=form, across=across, ids=marked,
            chosen=len(ids), decided=len(ids) - found.count - found.only_declinable,
        )  # fmt: skip

    def _decide(  # noqa: PLR0917  # all of them belong to one press
        self, request: HttpRequest, queryset: Rows, frozen: Frozen, decision: Decision, form: forms.Form, now: datetime
    ) -> None:
        ids = self.chosen_ids(queryset.filter(frozen_in(frozen)))
        by = cast(User, request.user)  # only a user has the permission
        note, code = (str(form.cleaned_data.get(name, "")) for name in ("note", "code"))
        log = partial(
            _log,
            LogEntry(user=by, action_time=now),
            f"{decision.capitalize()} selected" + f" ({code})" * bool(code),
            Counter(),
        )
        asked = {name: str(value) for name, value in form.cleaned_data.items() if name not in {"note", "code"}}
        decided = decide_chosen(
            ids, decision, by=by, note=note, code=code, now=now, clock=timezone.now, log=log, asked=asked
        )
        since = queryset.filter(queries.REQUESTED).exclude(frozen_in(frozen)).count()
        text = " ".join(_said(decision, decided, len(ids) - decided, since))
        self.message_user(request, text, messages.SUCCESS if decided else messages.WARNING)


def _said(decision: Decision, decided: int, left: int, since: int) -> Iterator[str]:
    """Yield what a press did to the chosen rows, and to those that came in `since` the page was made."""
    done, *others = zip(SAID[decision], (decided, left, since), strict=True)
    for text, count in (done, *(one for one in others if one[1])):
        yield str(text) % {"count": number(count)}


def _log(entry: LogEntry, press: str, so_far: Counter[tuple[str, str]], rows: Rows) -> None:
    """Write counts and sums of all rows decided so far to the press's one entry, in the transaction of each chunk."""
    found, _ = queries.totals(rows, Q())
    if not found:
        return
    for currency, count, total in found:
        so_far.update({(currency, "count"): count, (currency, "sum"): total})
    currencies = sorted({currency for currency, _ in so_far})
    totals = [(currency, so_far[currency, "count"], so_far[currency, "sum"]) for currency in currencies]
    entry.content_type, entry.action_flag = ContentType.objects.get_for_model(ReturnRequest), CHANGE
    entry.object_repr = "selected return requests"
    with recorded():
        entry.change_message = f"{press}: {sums(totals)}"
    entry.save()
