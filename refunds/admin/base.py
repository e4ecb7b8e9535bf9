"""What the pages share: read-only, in Kyiv's time, and with no query that counts or sorts a whole table."""

from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, TypeVar

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from ..domain import cutoff
from ..domain.money import to_major

# Rows that a list counts, and that one action takes. Counting stops here: 100,000 index entries take milliseconds,
# a whole table of millions takes seconds, on every page.
COUNTED: Final = 100_000
LARGEST_ID: Final = 2**63 - 1

M = TypeVar("M", bound=Model)

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin
else:

    class ModelAdmin(admin.ModelAdmin):
        """Django's own, which its type stubs make generic and Django does not."""

        def __class_getitem__(cls, _: object) -> type:
            return cls


def is_id(value: str) -> bool:
    """Whether the text is a number that a row's id can be; 0, which none is, stands for no row in particular."""
    return value.isascii() and value.isdigit() and len(value) <= len(str(LARGEST_ID)) and int(value) <= LARGEST_ID


class CappedPaginator(Paginator):  # type: ignore[type-arg]  # generic in its type stubs alone
    """Pages over at most the first COUNTED rows; what lies beyond is found by filter and search."""

    @cached_property
    def count(self) -> int:
        """How many rows there are, COUNTED where there are more."""
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]  # the admin pages over querysets alone
        return rows.order_by()[:COUNTED].count()


class ReadOnlyAdmin(ModelAdmin[M], Generic[M]):
    """Rows to look at: no add, no change, no delete. Also those may look who have one of `viewers`."""

    viewers: ClassVar[tuple[str, ...]] = ()
    paginator = CappedPaginator
    show_full_result_count = False
    # A count for each value of each filter reads the whole table.
    show_facets = admin.ShowFacets.NEVER
    ordering = ("-pk",)
    # Only the primary key has an index over all rows.
    sortable_by: ClassVar[tuple[str, ...]] = ()

    class Media:
        """Columns that do not break, and a bar that can be seen."""

        css: ClassVar = {"all": ["refunds/admin.css"]}

    def has_add_permission(self, request: HttpRequest) -> bool:
        """No one adds rows here."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """No one changes rows here."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """No one deletes rows here."""
        return False

    def has_view_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Who has the view permission of the model, or one of `viewers`."""
        return super().has_view_permission(request, obj) or any(map(request.user.has_perm, self.viewers))

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Django's. Raises IncorrectLookupParameters, which leads to the list without any, for what no filter asks by.

        Django takes any lookup by a column: of a regular expression that is none, of a year that is none, and of text
        with a NUL the database makes an error, and most of the good ones read the whole table.
        """
        fields = {f"{wanted}__exact" for wanted in self.list_filter if isinstance(wanted, str)}
        names = {getattr(wanted, "parameter_name", "") for wanted in self.list_filter}
        if not super().lookup_allowed(lookup, value, request):  # type: ignore[arg-type]  # Django 5.2 may leave it out
            return False
        if lookup in names or (lookup in fields and "\x00" not in value):
            return True
        raise IncorrectLookupParameters

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[M], search_term: str
    ) -> tuple[QuerySet[M], bool]:
        """Django's, whose list refuses a NUL before, and whose autocompletion does not: it finds nothing."""
        if "\x00" in search_term:
            return queryset.none(), False
        return super().get_search_results(request, queryset, search_term)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> M | None:
        """Django's, for an id that is one: SQLite answers a number that is too large with an error."""
        return super().get_object(request, object_id, from_field) if is_id(object_id) else None

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Django's, which looks for the row before it asks who wants to know. Raises PermissionDenied."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return super().history_view(request, object_id, extra_context)


def kyiv(instant: datetime | None) -> str:
    """The instant on the clocks of Kyiv, to the second: at 18:00 a second decides. Nothing is a dash."""
    if instant is None:
        return "-"
    return f"{timezone.localtime(instant, cutoff.ZONE):%Y-%m-%d %H:%M:%S}"


def kyiv_column(field: str, title: str) -> Callable[[Any, Any], str]:
    """A method for an admin: its column shows an instant of the row in Kyiv's time."""

    @admin.display(description=f"{title} (Kyiv)")
    def column(_admin: Any, row: Any) -> str:
        return kyiv(getattr(row, field))

    return column


def money(minor: int, currency: str) -> str:
    """An amount in major units with its currency: `1,234.50 GBP`."""
    return f"{to_major(minor, currency):,} {currency}"


@admin.display(description="amount")
def amount_column(_admin: Any, row: Any) -> str:
    """A method for an admin: its column shows the row's amount in major units with its currency."""
    return money(row.amount_minor, row.currency)


@admin.display(description="id")
def id_column(_admin: Any, row: Any) -> int:
    """A method for an admin: the primary key of a row whose key is another row's."""
    return row.pk  # type: ignore[no-any-return]  # every model here has a number for its key
