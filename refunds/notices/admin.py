"""Addresses that want no mail: to look at, to add for a customer who asks, and to delete for one who asks again."""

from typing import ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone

from ..admin.actions import ActingAdmin
from ..admin.base import column, instant_column
from ..admin.refunds import RefundAdmin
from ..models import OptOut
from . import opt_outs


class OptOutForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in its type stubs alone
    """One address, in lower case as it is kept."""

    def clean_address(self) -> str:
        """Raises ValidationError for one that is there already."""
        address: str = self.cleaned_data["address"].lower()
        if opt_outs.has_opted_out(address):
            raise ValidationError(f"{address} has opted out already.")
        return address


@admin.register(OptOut)
class OptOutAdmin(ActingAdmin):
    """Django's own permissions to view, add and delete. An address does not change."""

    list_display = ("address", "since")
    readonly_fields = ("since",)
    search_fields = ("address",)
    search_help_text = "Part of an address"
    form = OptOutForm
    needs: ClassVar = {"delete_selected": "refunds.delete_optout"}  # the action is Django's own

    since = instant_column("created_at", "opted out")

    def get_fields(self, request: HttpRequest, obj: OptOut | None = None) -> tuple[str, ...]:
        """The instant is shown where there is one."""
        return ("address", "since") if obj else ("address",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Who has Django's."""
        return admin.ModelAdmin.has_add_permission(self, request)

    def has_delete_permission(self, request: HttpRequest, obj: OptOut | None = None) -> bool:
        """Who has Django's."""
        return admin.ModelAdmin.has_delete_permission(self, request, obj)

    def save_model(self, request: HttpRequest, obj: OptOut, form: "forms.ModelForm[OptOut]", change: bool) -> None:
        """Opt out, which cancels the mails that are owed as well."""
        made = opt_outs.opt_out(obj.address, timezone.now())
        obj.pk, obj.created_at = made.pk, made.created_at


RefundAdmin.fields += [
    instant_column("notified_at", "customer told"),
    column("notice", lambda refund: refund.notice_suppressed),
]
