"""Actions on chosen rows: who can take them, how many rows they take, and the page on which a user confirms them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Final

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.text import capfirst

from ..domain import cutoff
from ..errors import ClocksDiffer
from ..operations import clocks
from .base import COUNTED, ReadOnlyAdmin, is_id, money

# Rows that a confirmation page names; it counts the rest.
NAMED: Final = 10
# What to do after a confirmation that was refused: the page shows the present numbers.
CHECK_AGAIN: Final = "Check the numbers as they are now, then confirm them."


class ActingAdmin(ReadOnlyAdmin):
    """A list with actions on chosen rows. `needs` names the permission of each action."""

    needs: ClassVar[Mapping[str, str]] = {}

    def get_actions(self, request: HttpRequest) -> Any:
        """Override of Django's method that leaves out the actions for which the user lacks the permission."""
        actions = super().get_actions(request)
        return {name: actions[name] for name in actions if request.user.has_perm(self.needs[name])}

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Override of Django's method that raises PermissionDenied for an action that the user cannot take."""
        asked = request.POST.getlist("action")
        # Django would answer "No action selected", which is not the reason.
        if any(name in asked and not request.user.has_perm(needed) for name, needed in self.needs.items()):
            raise PermissionDenied
        return super().changelist_view(request, extra_context)

    def response_action(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse | None:
        """Override of Django's method, which answers a value that is not an id with an error page."""
        if all(map(is_id, request.POST.getlist(ACTION_CHECKBOX_NAME))):
            return super().response_action(request, *args, **kwargs)
        self.refuse(request, f"a chosen id is not the id of any {self.opts.verbose_name}. Choose from the list again.")
        return None

    def chosen_ids(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[int] | None:
        """Return the ids of the chosen rows, rising; None, with a message, for more than one action takes."""
        ids: list[int] = list(queryset.order_by("pk").values_list("pk", flat=True)[: COUNTED + 1])
        if len(ids) <= COUNTED:
            return ids
        self.refuse(request, f"more than {COUNTED:,} {self.opts.verbose_name_plural} match. Narrow the filters first.")
        return None

    def refuse(self, request: HttpRequest, why: str) -> None:
        """Tell the user that nothing was changed, and why."""
        self.message_user(request, f"Nothing was changed: {why}", messages.ERROR)

    def trusted_now(self, request: HttpRequest) -> datetime | None:
        """Return the time; None, with a message, where this process's clock differs from the database's."""
        try:
            return clocks.trusted(timezone.now)
        except ClocksDiffer as differ:
            self.message_user(request, capfirst(f"{differ}."), messages.ERROR)
            return None

    def confirmation(
        self, request: HttpRequest, page: str, totals: Sequence[tuple[str, int, int]], **context: Any
    ) -> HttpResponse:
        """Return the page that shows how many rows a form would change: by (currency, count, sum in minor units).

        `rows`, where they are given, are those rows: the page names the first of them.
        """
        count = sum(count for _, count, _ in totals)
        opts = self.opts
        context = self.admin_site.each_context(request) | {"back": request.get_full_path()} | context
        context |= {
            "opts": opts,
            "city": cutoff.CITY,
            "count": count,
            "totals": [(currency, count, money(total, currency)) for currency, count, total in totals],
            "rows": context.get("rows", ())[:NAMED],
            "more": max(0, count - NAMED),
            "checkbox": ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, f"admin/{opts.app_label}/{opts.model_name}/{page}.html", context)
