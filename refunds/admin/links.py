"""Columns that link to the pages of other rows, for users who can view them."""

from collections.abc import Callable
from typing import Any

from django.contrib.admin import ModelAdmin
from django.db.models import Model
from django.http import HttpRequest
from django.utils.html import format_html

from .values import column, name_of, url

Id = Callable[[Any], int | None]
Text = Callable[[Any], object]


class _Link:
    def __init__(self, title: Any, model: type[Model], pk: Id, text: Text) -> None:
        self.short_description, self.model, self.pk, self.text = title, model, pk, text
        self.__name__ = name_of(title)

    def __call__(self, row: Any) -> object:
        """Return the text, for Django's checks, which have no request."""
        return self.text(row) or "-"

    def for_request(self, admin: "ModelAdmin[Any]", request: HttpRequest) -> Callable[..., object]:
        """Return the column for the request's user: without the permission it is text."""
        target = admin.admin_site._registry.get(self.model)
        if target is None or not target.has_view_permission(request):
            return column(self.short_description, self.text)

        def linked(row: Any) -> object:
            pk, text = self.pk(row), self.text(row)
            return format_html('<a href="{}">{}</a>', url(self.model._meta, "change", pk), text) if pk else text

        return column(self.short_description, linked)


def link(title: Any, model: type[Model], pk: Id, text: Text | None = None) -> Any:
    """Return a column of a list, or a field of a page, for a ReadOnlyAdmin.

    `pk` returns the id of the other row, or None where there is no such row; `text` what to show (default: the id).
    """
    return _Link(title, model, pk, text or pk)


def lists(model: type[Model], query: str, label: Any) -> Callable[[Any, HttpRequest, Any], list[tuple[str, str]]]:
    """Return a function for `extra_links`: it leads to the list of `model`, filtered by the row's id as `query`."""

    def links(admin: "ModelAdmin[Any]", request: HttpRequest, row: Model) -> list[tuple[str, str]]:
        target = admin.admin_site._registry.get(model)
        may = target is not None and target.has_view_permission(request)
        return [(str(label), f"{url(model._meta, 'changelist')}?{query}={row.pk}")] if may else []

    return links
