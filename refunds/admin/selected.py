"""The actions "Approve selected" and "Decline selected": a page that says what they would do, and its confirmation."""

from datetime import datetime
from typing import Final, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.text import capfirst

from .. import queries
from ..domain import cutoff
from ..domain.returns import Decision, Status, decided_status
from ..domain.sweeps import Frozen
from ..errors import ClocksDiffer
from ..frozen import freeze, frozen_in, within
from ..models import ReturnRequest
from ..operations import preview, trusted_now
from ..operations.decisions import decide_chosen
from . import tokens
from .actions import ActingAdmin
from .base import money

APPROVE: Final = "refunds.approve_returnrequest"
DECLINE: Final = "refunds.decline_returnrequest"
ACTIONS: Final = {"approve_selected": APPROVE, "decline_selected": DECLINE}
# Rows that the page names; it counts the rest.
NAMED: Final = 10
# Characters; a paragraph for the customer's record, not a document.
REASON_LENGTH: Final = 500

Rows = QuerySet[ReturnRequest]


class DeclineForm(forms.Form):
    """Why the chosen are declined."""

    reason = forms.CharField(
        max_length=REASON_LENGTH,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 80, "autofocus": True}),
        help_text="Kept with each request as its note.",
    )


class DecideSelected(ActingAdmin[ReturnRequest]):
    """The two actions, for the admin of return requests."""

    actions = tuple(ACTIONS)
    needs = ACTIONS

    def has_approve_permission(self, request: HttpRequest) -> bool:
        """Who may approve chosen rows."""
        return request.user.has_perm(APPROVE)

    def has_decline_permission(self, request: HttpRequest) -> bool:
        """Who may decline chosen rows."""
        return request.user.has_perm(DECLINE)

    @admin.action(description="Approve selected return requests…", permissions=["approve"])
    def approve_selected(self, request: HttpRequest, queryset: Rows) -> HttpResponse | None:
        """Show what would be approved; approve it once that is confirmed."""
        return self._decide_selected(request, queryset, Decision.APPROVE, None)

    @admin.action(description="Decline selected return requests…", permissions=["decline"])
    def decline_selected(self, request: HttpRequest, queryset: Rows) -> HttpResponse | None:
        """Show what would be declined and ask for a reason; decline it once there is one."""
        form = DeclineForm(request.POST if Decision.DECLINE in request.POST else None)
        return self._decide_selected(request, queryset, Decision.DECLINE, form)

    def _decide_selected(
        self, request: HttpRequest, queryset: Rows, decision: Decision, form: DeclineForm | None
    ) -> HttpResponse | None:
        try:
            now = trusted_now()
        except ClocksDiffer as differ:
            self.message_user(request, capfirst(f"{differ}."), messages.ERROR)
            return None
        if decision in request.POST:  # the name of the page's button
            frozen, why = _shown(request, decision, now)
            if frozen is None:
                self._refuse(request, f"{why} Look at the numbers as they are now, and confirm them.")
            elif form is None or form.is_valid():
                note = form.cleaned_data["reason"] if form else ""
                self._decide(request, queryset, frozen, decision=decision, note=note, now=now)
                return None
        return self._page(request, queryset, decision, form, now)

    def _page(
        self, request: HttpRequest, queryset: Rows, decision: Decision, form: DeclineForm | None, now: datetime
    ) -> HttpResponse | None:
        frozen = freeze()
        shown = within(queryset, frozen)
        ids = self._chosen(request, shown)
        if ids is None:
            return None
        found = preview.chosen(shown, decision, now)
        decided = len(ids) - found.count - found.owed_decline
        across = request.POST.get("select_across") == "1"
        context = {
            **self.admin_site.each_context(request),
            **_words(decision),
            "opts": self.opts,
            "form": form,
            "token": tokens.make(
                frozen=frozen, user=request.user.pk, expires_at=cutoff.upcoming(now), salt=_salt(decision)
            ),
            "found": found,
            "chosen": f"{len(ids):,}",
            "count": f"{found.count:,}",
            "owed_decline": f"{found.owed_decline:,}",
            "decided": f"{decided:,}" if decided else "",
            "totals": [money(total, currency) for currency, _, total in found.totals],
            "rows": found.rows.order_by("pk")[:NAMED],
            "more": f"{found.count - NAMED:,}" if found.count > NAMED else "",
            "checkbox": ACTION_CHECKBOX_NAME,
            "across": across,
            # One id is enough to say that something is selected, where all that the filters let through is.
            "ids": ["0"] if across else request.POST.getlist(ACTION_CHECKBOX_NAME),
        }
        return TemplateResponse(request, "admin/refunds/returnrequest/decide_selected.html", context)

    def _decide(
        self, request: HttpRequest, queryset: Rows, frozen: Frozen, *, decision: Decision, note: str, now: datetime
    ) -> None:
        ids = self._chosen(request, within(queryset, frozen))
        if ids is None:
            return
        by = cast(User, request.user)  # the action's permission is one that only a user has
        result = decide_chosen(ids, decision, by=by, note=note, now=now, clock=timezone.now)
        past = _words(decision)["past"]
        text = f"{past.capitalize()}: {result.decided:,}."
        if result.left:
            owed = ", or received before the last cut-off and owed a decline" if decision is Decision.APPROVE else ""
            text += f" Left as they were: {result.left:,} (decided before{owed})."
        if since := queryset.filter(queries.PENDING).exclude(frozen_in(frozen)).count():
            text += f" Not {past}: {since:,} that came in after the page was made."
        self.message_user(request, text, messages.SUCCESS if result.decided else messages.WARNING)


def _words(decision: Decision) -> dict[str, str]:
    return {
        "title": f"{decision.capitalize()} the selected return requests",
        "verb": decision.value,
        "past": decided_status(Status.REQUESTED, decision).value,
    }


def _shown(request: HttpRequest, decision: Decision, now: datetime) -> tuple[Frozen | None, str]:
    """What the page showed that the form comes from; None, and why, where it cannot be confirmed."""
    signed, salt = request.POST.get("token", ""), _salt(decision)
    try:
        token = tokens.read(signed, user=request.user.pk, salt=salt)
    except tokens.Forged as forged:
        return None, str(forged)
    why = tokens.too_late(signed, token, now, salt=salt)
    return (None, why) if why else (token.frozen, "")


def _salt(decision: Decision) -> str:
    return f"refunds.admin.{decision}_selected"
