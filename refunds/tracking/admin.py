"""The look-up on the refund's page in the admin."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest

from ..admin.base import kyiv_column
from ..admin.money import RefundAdmin
from ..models import Refund
from .models import LookUp

if TYPE_CHECKING:
    _Inline = admin.StackedInline[LookUp, Refund]
else:
    _Inline = admin.StackedInline


class LookUpInline(_Inline):
    """When the refund is looked up next, and whether it failed after it had succeeded. Read-only."""

    model = LookUp
    fields = ("next", "reversed")
    readonly_fields = fields
    can_delete = False
    extra = 0
    next = kyiv_column("look_at", "next look-up")
    reversed = kyiv_column("reversed_at", "failed after it had succeeded")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Users who can view the refund can view its look-up."""
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """No one adds a look-up here."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """No one changes a look-up here."""
        return False


RefundAdmin.inlines = (*RefundAdmin.inlines, LookUpInline)
