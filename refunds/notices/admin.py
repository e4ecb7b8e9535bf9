"""The pages of this room: notices are read-only; opt-outs are added and deleted for customers who ask."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.auth import get_permission_codename
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from ..admin.actions import ActingAdmin
from ..admin.base import ReadOnlyAdmin, id_column, is_id, kyiv_column
from ..admin.filters import StatusFilter
from . import opt_outs
from .models import Notice, NoticeStatus, OptOut


class NoticeStatusFilter(StatusFilter):
    """By status; the pending ones by their partial index."""

    statuses = tuple(NoticeStatus)
    indexed = ()

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Override that names the index's condition for pending notices."""
        rows = super().queryset(request, queryset)
        return rows.filter(due_at__isnull=False) if self.value() == NoticeStatus.PENDING else rows


@admin.register(Notice)
class NoticeAdmin(ReadOnlyAdmin[Notice]):
    """Which customers were notified of what, which will be, and why others will not."""

    list_display = ("number", "customer", "status", "notified_of", "notified", "due", "reason")
    fields = ("refund", "customer", "status", "notified_of", "notified", "due", "reason")
    readonly_fields = fields
    list_filter = (NoticeStatusFilter,)
    search_fields = ("refund__request__customer_email",)
    search_help_text = "Id of a refund, or part of an address"
    number = id_column
    notified = kyiv_column("notified_at", "notified")
    due = kyiv_column("due_at", "due")

    @admin.display(description="customer")
    def customer(self, notice: Notice) -> str:
        """Return the address on the return request."""
        return notice.refund.request.customer_email

    def get_queryset(self, request: HttpRequest) -> QuerySet[Notice]:
        """Override that reads the refund and its request as well."""
        return super().get_queryset(request).select_related("refund__request")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Notice], search_term: str
    ) -> tuple[QuerySet[Notice], bool]:
        """Override by which a number finds the notice of that refund."""
        if is_id(search_term):
            return queryset.filter(pk=int(search_term)), False
        return super().get_search_results(request, queryset, search_term)


class OptOutForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in its type stubs alone
    """One address, in lower case as it is kept."""

    def clean_address(self) -> str:
        """Raise ValidationError for an address that has opted out already."""
        address: str = self.cleaned_data["address"].lower()
        if opt_outs.has_opted_out(address):
            raise ValidationError(f"{address} has opted out already.")
        return address


@admin.register(OptOut)
class OptOutAdmin(ActingAdmin[OptOut]):
    """Opt-outs, by Django's own permissions to view, add and delete. An address does not change."""

    list_display = ("address", "since")
    readonly_fields = ("since",)
    search_fields = ("address",)
    search_help_text = "Part of an address"
    form = OptOutForm
    # Django's own action.
    needs: ClassVar = {"delete_selected": f"{OptOut._meta.app_label}.{get_permission_codename('delete', OptOut._meta)}"}

    since = kyiv_column("created_at", "opted out")

    def get_fields(self, request: HttpRequest, obj: OptOut | None = None) -> tuple[str, ...]:
        """Override that shows the instant where there is one."""
        return ("address", "since") if obj else ("address",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Override by which users with Django's permission can add."""
        return admin.ModelAdmin.has_add_permission(self, request)

    def has_delete_permission(self, request: HttpRequest, obj: OptOut | None = None) -> bool:
        """Override by which users with Django's permission can delete."""
        return admin.ModelAdmin.has_delete_permission(self, request, obj)

    def save_model(self, request: HttpRequest, obj: OptOut, form: "forms.ModelForm[OptOut]", change: bool) -> None:
        """Opt out, which suppresses the pending notices as well."""
        made = opt_outs.opt_out(obj.address, timezone.now())
        obj.pk, obj.created_at = made.pk, made.created_at
