"""What the pages share: read-only rows, columns, and no query that counts or sorts a whole table."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar, Final

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone

from ..apps import LABEL
from ..domain import cutoff
from ..domain.money import to_major
from ..gateways import secret_in

# Rows that a list counts, and that one action takes. Counting stops here: 100,000 index entries take milliseconds,
# a whole table of millions takes seconds, on every page.
COUNTED: Final = 100_000
LARGEST_ID: Final = 2**63 - 1


def is_id(value: str) -> bool:
    """Return whether the text is a number that an id can be. 0, which no row has, stands for no row in particular."""
    return value.isascii() and value.isdigit() and len(value) <= len(str(LARGEST_ID)) and int(value) <= LARGEST_ID


class CappedPaginator(Paginator):  # type: ignore[type-arg]  # generic in its type stubs alone
    """Pages over the first COUNTED rows at most. Users find the rows beyond by filter and search."""

    @cached_property
    def count(self) -> int:
        """The number of rows, at most COUNTED."""
        rows: Any = self.object_list
        return int(rows.order_by()[:COUNTED].count())


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in its type stubs alone
    """Rows that users can view and not edit. Users with any permission in `viewers` can view them too."""

    viewers: Sequence[str] = ()
    paginator = CappedPaginator
    show_full_result_count = False
    # A count for each value of each filter reads the whole table.
    show_facets = admin.ShowFacets.NEVER
    ordering = ("-pk",)
    # Only the primary key has an index over all rows.
    sortable_by: ClassVar[tuple[str, ...]] = ()

    class Media:
        """Columns that do not break, and a progress bar that is visible."""

        css: ClassVar = {"all": [f"{LABEL}/admin.css"]}

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody adds rows here."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody changes or deletes rows here."""
        return False

    has_delete_permission = has_change_permission

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Override of Django's method that accepts any of `viewers` too."""
        return super().has_view_permission(request, obj) or any(map(request.user.has_perm, self.viewers))

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Override of Django's method for the list's filters alone.

        Raises IncorrectLookupParameters, which leads to the unfiltered list, for any other lookup by a column. Django
        allows them all: some are errors of the database (a bad pattern, year 99999, NUL), most read the whole table.
        """
        if not super().lookup_allowed(lookup, value, request):  # type: ignore[arg-type]  # Django 5.2 may leave it out
            return False
        by_field = lookup.removesuffix("__exact") in self.list_filter and lookup.endswith("__exact")
        if (by_field and "\x00" not in value) or lookup in {getattr(f, "parameter_name", "") for f in self.list_filter}:
            return True
        raise IncorrectLookupParameters

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> Any:
        """Override of Django's method that finds nothing for a NUL, which only the list's own form refuses."""
        if "\x00" in search_term:
            return queryset.none(), False
        return super().get_search_results(request, queryset, search_term)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Override of Django's method for ids only: SQLite answers a number that is too large with an error."""
        return super().get_object(request, object_id, from_field) if is_id(object_id) else None

    def history_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Override of Django's method that raises PermissionDenied before it looks for the row."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return super().history_view(request, *args, **kwargs)

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Override of Django's method that adds `row_context`. Django has checked the permission to view."""
        if (row := context.get("original")) is not None:
            context |= self.row_context(request, row)
        return super().render_change_form(request, context, *args, **kwargs)

    def row_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """Return what the template of the row's page needs besides Django's context."""
        return {}


def url_name(opts: Any, page: str) -> str:
    """Return the name of an admin page of the model."""
    return f"{opts.app_label}_{opts.model_name}_{page}"


def url(opts: Any, page: str, *args: object) -> str:
    """Return the address of an admin page of the model."""
    return reverse(f"admin:{url_name(opts, page)}", args=args)


def in_zone(instant: datetime | None) -> str:
    """Return the instant on the clocks of the cutoff's zone, to the second; a dash for None."""
    return "-" if instant is None else f"{timezone.localtime(instant, cutoff.ZONE):%Y-%m-%d %H:%M:%S}"


def money(minor: int, currency: str) -> str:
    """Return an amount in major units with its currency: `1,234.50 GBP`."""
    return f"{to_major(minor, currency):,} {currency}"


def masked(payment: str) -> str:
    """Return a provider's id of a payment. In place of a secret, which a file can have brought, return a note."""
    try:
        return "(a secret, not shown)" if secret_in(payment) else payment
    except ImproperlyConfigured as error:
        return f"(not shown: {error})"


def column(title: str, shown: Callable[[Any], object]) -> Callable[..., Any]:
    """Return a method for an admin, or a function of a row: it shows what `shown` returns for the row, or a dash."""

    @admin.display(description=title)
    def method(*args: Any) -> object:
        return shown(args[-1]) or "-"

    method.__name__ = title  # the name of the field in the page's context
    return method


def instant_column(field: str, title: str) -> Callable[..., Any]:
    """Return the column of an instant of the row, in the cutoff's zone."""
    return column(f"{title} ({cutoff.CITY})", lambda row: in_zone(getattr(row, field)))


amount_column = column("amount", lambda row: money(row.amount_minor, row.currency))
# The primary key of a row whose key is another row's.
id_column = column("id", lambda row: row.pk)
