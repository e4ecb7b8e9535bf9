"""Actions on chosen rows: who may take them, how many rows at once, and what an id that is none is answered."""

from collections.abc import Mapping
from typing import Any, ClassVar, Generic

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from .base import COUNTED, M, ReadOnlyAdmin, is_id


class ActingAdmin(ReadOnlyAdmin[M], Generic[M]):
    """A list whose rows can be chosen and acted on. `needs` names the permission of each action."""

    needs: ClassVar[Mapping[str, str]] = {}

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Django's list. Raises PermissionDenied for an action that the user may not take."""
        if request.method == "POST":
            asked = request.POST.getlist("action")
            # Django's own answer to an action that the user lacks is "No action selected", which is not why.
            if any(name in asked and not request.user.has_perm(needed) for name, needed in self.needs.items()):
                raise PermissionDenied
        return super().changelist_view(request, extra_context)

    def response_action(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse | None:
        """Django's, for ids that are ids: it answers any other with an error page."""
        if all(map(is_id, request.POST.getlist(ACTION_CHECKBOX_NAME))):
            return super().response_action(request, *args, **kwargs)
        self._refuse(request, f"a chosen id is not the id of any {self.opts.verbose_name}. Choose from the list again.")
        return None

    def _chosen(self, request: HttpRequest, queryset: QuerySet[M]) -> list[int] | None:
        """The ids of the chosen rows, rising; None, and a message, where they are more than one action takes."""
        ids: list[int] = list(queryset.order_by("pk").values_list("pk", flat=True)[: COUNTED + 1])
        if len(ids) <= COUNTED:
            return ids
        self._refuse(request, f"more than {COUNTED:,} {self.opts.verbose_name_plural} match. Narrow the filters first.")
        return None

    def _refuse(self, request: HttpRequest, why: str) -> None:
        self.message_user(request, f"Nothing was changed: {why}", messages.ERROR)
