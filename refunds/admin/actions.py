"""Run actions on chosen rows, after the user has confirmed them on a page with a signed token."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any, ClassVar, Final, NamedTuple

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext

from ..apps import LABEL
from ..domain import cutoff
from ..domain.returns import Decision
from ..domain.sweeps import Frozen, has_expired
from ..errors import ClocksDiffer
from ..models import Sweep, money
from .base import COUNTED, NotDone, ReadOnlyAdmin, is_id
from .values import in_zone, number, url
from .words import CITY

# Rows that a confirmation page names; it counts the rest.
NAMED: Final = 10
# The numbers on a page that was open for longer, such as over lunch, are out of date.
MAX_AGE: Final = timedelta(hours=1)
Totals = Sequence[tuple[str, int, int]]  # currency, count, sum in minor units


class Token(NamedTuple):
    """Identify a page that showed a frozen set and its totals at an instant (aware). One `key` starts one sweep."""

    frozen: Frozen
    shown_at: datetime
    key: str
    totals: Totals

    def check(self, now: datetime) -> None:
        """Raise NotDone at `now` (aware) if the page is older than MAX_AGE or from before the last cutoff."""
        if now - self.shown_at > MAX_AGE:
            # Not "then confirm": there can be nothing left to confirm.
            text = gettext("the page had been open for more than an hour. Check the numbers as they are now.")
            raise NotDone(text)
        if has_expired(expires := cutoff.upcoming(self.shown_at), now):
            raise NotDone(_passed(expires))


def _passed(expires: datetime) -> str:
    """Return what happened at the cutoff after the page was made, with a link to its decline."""
    if link := decline_of(expires):
        text = gettext(
            "the cutoff of {at} ({city}) passed after the page was made. What was pending then is declined by the "
            "{link}."
        )
    else:
        text = gettext(
            "the cutoff of {at} ({city}) passed after the page was made. What was pending then is declined once beat "
            "or a worker runs."
        )
    return format_html(text, at=in_zone(expires), city=CITY, link=link)


def decline_of(at: datetime) -> str:
    """Return a link to the sweep that declined what was pending at this cutoff; an empty text before it began."""
    sweep = Sweep.objects.filter(kind=Decision.DECLINE, scheduled_for=at).first()
    return format_html('<a href="{}">{}</a>', url(Sweep._meta, "change", sweep.pk), sweep) if sweep else ""


def make_token(page: str, user: object, frozen: Frozen, now: datetime, totals: Totals = ()) -> str:
    """Return a signed token, with a new key, for the page that `user` (a primary key) is shown at `now`."""
    shown = [frozen.up_to_id, frozen.snapshot, now.isoformat(), token_hex(), list(totals)]
    return signing.dumps(shown, salt=_salt(page, user))


def read_token(signed: str, page: str, user: object) -> Token:
    """Return the token. Raise NotDone for one that was not made here for this page and this user."""
    try:
        up_to_id, snapshot, shown_at, key, totals = signing.loads(signed, salt=_salt(page, user))
    except (signing.BadSignature, ValueError) as error:  # ValueError: signed by another release, with other contents
        text = gettext("the form was not one that this page made for you. Check the numbers as they are now.")
        raise NotDone(text) from error
    return Token(Frozen(up_to_id, snapshot), datetime.fromisoformat(shown_at), key, totals)


def _salt(page: str, user: object) -> str:
    return f"{LABEL}.admin.{page}:{user}"


class ActingAdmin(ReadOnlyAdmin):
    """Add actions on chosen rows to a list. `needs` names the permission of each action."""

    needs: ClassVar[Mapping[str, str]] = {}

    def get_actions(self, request: HttpRequest, action_location: Any = None) -> Any:
        """Override of Django's method that leaves out the actions for which the user lacks the permission."""
        # Django 6.1 says for which page it asks; 5.2 does not know the parameter.
        location = {} if action_location is None else {"action_location": action_location}
        actions = super().get_actions(request, **location)
        return {name: actions[name] for name in actions if request.user.has_perm(self.needs[name])}

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Override of Django's method that raises PermissionDenied for an action that the user cannot take."""
        asked = request.POST.getlist("action")
        # Django would answer "No action selected", which is not the reason.
        if not all(request.user.has_perm(needed) for name, needed in self.needs.items() if name in asked):
            raise PermissionDenied
        return super().changelist_view(request, extra_context)

    def response_action(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse | None:
        """Override of Django's method that shows the user why an action, or a value that is not an id, was refused."""
        try:
            if not all(map(is_id, request.POST.getlist(ACTION_CHECKBOX_NAME))):
                text = gettext("a chosen id is not the id of any %(row)s. Choose from the list again.")
                raise NotDone(text % {"row": self.opts.verbose_name})
            return super().response_action(request, *args, **kwargs)
        except (NotDone, ClocksDiffer) as why:
            self.refuse(request, why)
            return None

    def refuse(self, request: HttpRequest, why: NotDone | ClocksDiffer) -> None:
        """Tell the user why nothing was changed."""
        if isinstance(why, ClocksDiffer):
            text = capfirst(f"{why}.")
        else:
            text = format_html(gettext("Nothing was changed: {}"), why.args[0])
        self.message_user(request, text, messages.ERROR)

    def chosen_ids(self, queryset: QuerySet[Any]) -> list[int]:
        """Return the ids of the chosen rows in ascending order. Raises NotDone for more than COUNTED rows."""
        ids: list[int] = list(queryset.order_by("pk").values_list("pk", flat=True)[: COUNTED + 1])
        if len(ids) > COUNTED:
            text = gettext("more than %(count)s %(rows)s match. Narrow the filters first.")
            raise NotDone(text % {"count": number(COUNTED), "rows": self.opts.verbose_name_plural})
        return ids

    def confirmation(self, request: HttpRequest, page: str, totals: Totals, **context: Any) -> HttpResponse:
        """Return the page on which the user confirms a change. It names the first of `rows`, if they are given.

        `totals` are those of the rows that the form would change.
        """
        opts, count = self.opts, sum(count for _, count, _ in totals)
        context = self.admin_site.each_context(request) | {"back": request.get_full_path()} | context
        context |= {"opts": opts, "city": CITY, "count": count, "checkbox": ACTION_CHECKBOX_NAME}
        context["totals"] = [(currency, count, money(total, currency)) for currency, count, total in totals]
        context |= {"rows": context.get("rows", ())[:NAMED], "more": max(0, count - NAMED)}
        return TemplateResponse(request, f"admin/{opts.app_label}/{opts.model_name}/{page}.html", context)
