"""Provide read-only pages, columns and filters. No query counts or sorts a whole table."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, ClassVar, Final, cast

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.text import capfirst

from ..apps import LABEL
from .values import sums

# The most rows that a list counts or an action takes: counting 100,000 index entries takes milliseconds, counting a
# whole table takes seconds.
COUNTED: Final = 100_000
LARGEST_ID: Final = 2**63 - 1


class NotDone(Exception):
    """Nothing was changed. The text tells the user why, and what to do."""


def is_id(value: str) -> bool:
    """Return whether the text can be an id. Forms send 0, which no row has, where Django only needs some id."""
    return value.isascii() and value.isdigit() and len(value) <= len(str(LARGEST_ID)) and int(value) <= LARGEST_ID


class CappedPaginator(Paginator):  # type: ignore[type-arg]  # generic in its type stubs alone
    """Paginate the first COUNTED rows. Users find the others by filter and search."""

    # Whether each row is read anyway, so that one statement counts and adds up. `amounts` as in ReadOnlyAdmin.
    adds_up, amounts = False, ""

    @cached_property
    def totals(self) -> list[tuple[str, int, int]]:
        """Currency, count and sum in minor units of all rows."""
        numbers = (Count("pk"), Sum(f"{self.amounts}amount_minor"))
        rows = cast(Any, self.object_list).order_by().values_list(f"{self.amounts}currency").annotate(*numbers)
        return sorted((currency, count, int(total)) for currency, count, total in rows)

    @cached_property
    def _found(self) -> int:
        if self.adds_up:
            return sum(count for _, count, _ in self.totals)
        return int(cast(Any, self.object_list).order_by().values("pk")[: COUNTED + 1].count())

    @cached_property
    def count(self) -> int:
        """The number of rows, at most COUNTED."""
        return min(self._found, COUNTED)

    @property
    def more(self) -> bool:
        """Whether there are more rows than are counted."""
        return self._found > COUNTED


def _template(page: str) -> Any:
    """Return the attribute that names a page's templates as Django does, and the core's also for models of rooms."""

    def names(self: Any) -> list[str]:
        label, model = self.opts.app_label, self.opts.model_name
        return [f"admin/{folder}{page}.html" for folder in (f"{label}/{model}/", f"{label}/", f"{LABEL}/")]

    return property(names)


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in its type stubs alone
    """Show rows that users cannot edit. Users with any permission in `viewers` can view them too.

    Optional rooms append to `extra_urls`, which are called with the admin, and to `extra_links`. These get admin,
    request and row. They return label and URL of each page that the user can open from the row's page. `extra_context`
    also gets the context so far, and returns what the room's template of the row's page needs in addition.
    """

    viewers: ClassVar[Sequence[str]] = ()
    # What leads from a row to its amount; None for rows without one.
    amounts: ClassVar[str | None] = None
    extra_urls: ClassVar[list[Callable[[Any], list[URLPattern]]]]
    extra_links: ClassVar[list[Callable[[Any, HttpRequest, Any], list[tuple[str, str]]]]]
    extra_context: ClassVar[list[Callable[[Any, HttpRequest, Any, dict[str, Any]], dict[str, Any]]]]
    paginator = CappedPaginator
    change_list_template, change_form_template, object_history_template = map(
        _template, ("change_list", "change_form", "object_history")
    )
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # a count for each value of each filter reads the whole table
    ordering = ("-pk",)
    sortable_by: ClassVar[tuple[str, ...]] = ()  # only the primary key has an index over all rows

    def __init_subclass__(cls) -> None:
        """Give each admin lists of its own."""
        super().__init_subclass__()
        cls.extra_urls, cls.extra_links, cls.extra_context = [], [], []

    class Media:  # keeps columns on one line, and makes the progress bar visible
        css: ClassVar = {"all": [f"{LABEL}/admin.css"]}

    def get_urls(self) -> list[URLPattern]:
        """Return the rooms' pages before Django's own: one of Django's patterns takes any path as an id."""
        return [*(page for urls in self.extra_urls for page in urls(self)), *super().get_urls()]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody adds, changes or deletes rows here."""
        return False

    has_add_permission: Any = has_change_permission
    has_delete_permission = has_change_permission

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Override of Django's method that also counts permissions of other apps: `viewers` can have those of rooms."""
        return super().has_module_permission(request) or self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Override of Django's method that accepts any of `viewers` too."""
        return super().has_view_permission(request, obj) or any(map(request.user.has_perm, self.viewers))

    def get_list_display(self, request: HttpRequest) -> Any:
        """Override of Django's method that makes links (links.link) for the request's user."""
        return [self._for_user(request, one) for one in super().get_list_display(request)]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Override of Django's method that makes links for the request's user."""
        return [self._for_user(request, one) for one in super().get_fields(request, obj)]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Override of Django's method that makes links for the request's user."""
        return [self._for_user(request, one) for one in super().get_readonly_fields(request, obj)]

    def _for_user(self, request: HttpRequest, shown: Any) -> Any:
        if not hasattr(shown, "for_request"):
            return shown
        # Once a request: Django compares the fields with those that are read-only.
        made = request.__dict__.setdefault("links_for_user", {})
        if shown not in made:
            made[shown] = shown.for_request(self, request)
        return made[shown]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Override of Django's method that adds totals by currency, how far filters have looked, and dates to choose.

        Its title is the name of the rows, instead of "Select … to view".
        """
        title = capfirst(self.opts.verbose_name_plural)
        response = super().changelist_view(request, {"title": title, **(extra_context or {})})
        context = getattr(response, "context_data", None)
        if context and "cl" in context:
            shown, older = context["cl"], getattr(request, "looked_down_to", None)
            query = shown.get_query_string({"before": older + 1}) if older else ""
            context |= {"sums": self._sums(shown), "counted": COUNTED, "older": older, "older_query": query}
            for spec in shown.filter_specs:
                if hasattr(spec, "dates"):
                    context["dates"] = spec.dates(request, shown)
        return response

    def _sums(self, shown: Any) -> str:
        """Return the totals of all rows that the filters select, unless these are more than are counted."""
        if self.amounts is None or shown.paginator.more or not shown.result_count:
            return ""
        return sums(shown.paginator.totals)

    def get_paginator(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Override of Django's method that counts by the totals where filters have limited what is read."""
        paginator: Any = super().get_paginator(request, *args, **kwargs)
        if self.amounts is not None:
            paginator.amounts, paginator.adds_up = self.amounts, hasattr(request, "looked_through")
        return paginator

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Override of Django's method that allows only the list's filters. Raises IncorrectLookupParameters.

        Other lookups fail in the database (a bad pattern, year 99999), or read the whole table.
        """
        if not super().lookup_allowed(lookup, value, request):  # type: ignore[arg-type]  # Django 5.2 may leave it out
            return False
        if lookup in {getattr(filter_, "parameter_name", "") for filter_ in self.list_filter}:
            return True
        if lookup not in {f"{field}__exact" for field in self.list_filter} or "\x00" in value:
            raise IncorrectLookupParameters
        return True

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> Any:
        """Override of Django's method that finds nothing for a text with a NUL. Only the list's form refuses a NUL."""
        rows = queryset.none() if "\x00" in search_term else queryset
        return super().get_search_results(request, rows, search_term.replace("\x00", ""))

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Override of Django's method that returns None for a text that is not an id: SQLite would raise an error."""
        return super().get_object(request, object_id, from_field) if is_id(object_id) else None

    def history_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Override of Django's method that raises PermissionDenied before it looks for the row."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return super().history_view(request, *args, **kwargs)

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Override of Django's method that adds `row_context`. Django has checked the permission to view."""
        if row := context.get("original"):
            # Not "View …", after which Ukrainian needs another form of the name.
            context |= {"title": capfirst(self.opts.verbose_name)} | self.whole_context(request, row)
        return super().render_change_form(request, context, *args, **kwargs)

    def whole_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """Return `row_context`, and what the rooms add to it."""
        links = [link for links in self.extra_links for link in links(self, request, row)]
        context = {"links": links} | self.row_context(request, row)
        for extra in self.extra_context:
            context |= extra(self, request, row, context)
        return context

    def row_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """Return what the template of the row's page needs in addition to Django's context."""
        return {}
