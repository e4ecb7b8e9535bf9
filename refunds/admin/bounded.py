"""Filters that read a bounded number of rows: by an index, or the newest COUNTED."""

from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from functools import reduce
from operator import or_
from typing import Any, ClassVar, Final

from django.conf import settings
from django.contrib import admin
from django.db.models import Max, Min, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from ..domain.money import EXPONENTS
from ..models import Chunk, ReturnRequest
from .base import COUNTED, LARGEST_ID, ReadOnlyAdmin, is_id
from .words import word

SWEEP: Final = "sweep"
BEFORE: Final = "before"
# What leads from a row to the return request with its id, at the end of a path.
REQUEST: Final = "request__"
NO_ROW: Final = Q(pk__in=[])


def looked_through(request: HttpRequest, model: Any) -> Q:
    """Return the condition for the rows that this request looks through: the newest COUNTED below `before`.

    Of a sweep, those between the ends of its chunks. `request.looked_down_to` is the id above which older rows wait.
    """
    if not hasattr(request, "looked_through"):
        lowest, highest = 0, LARGEST_ID
        if is_id(before := request.GET.get(BEFORE, "")):
            highest = int(before) - 1
        if is_id(sweep := request.GET.get(SWEEP, "")):
            ends = Chunk.objects.filter(sweep=int(sweep)).aggregate(first=Min("first_id"), last=Max("last_id"))
            lowest, highest = ends["first"] or 0, min(highest, ends["last"] or 0)
        rows = (
            model._default_manager.filter(pk__gte=lowest, pk__lte=highest).order_by("-pk").values_list("pk", flat=True)
        )
        highest = rows.first() or 0  # a request of a refund lies below too: the newest requests have none
        older = next(iter(rows[COUNTED : COUNTED + 1]), None)
        request.looked_down_to = older  # type: ignore[attr-defined]  # kept for the page, and asked once
        lowest = lowest if older is None else older + 1
        request.looked_through = Q(pk__gte=lowest, pk__lte=highest)  # type: ignore[attr-defined]  # the same
    return request.looked_through  # type: ignore[attr-defined, no-any-return]  # the same


class BoundedSearch(ReadOnlyAdmin):
    """Search the rows that a request looks through, because no index serves a part of a text. Needs BeforeFilter."""

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> Any:
        """Override of Django's method that finds no other rows, and does not join the return requests.

        PostgreSQL would read the requests outside the range too. Each side has to contain all words.
        """
        if not search_term or "\x00" in search_term:
            return super().get_search_results(request, queryset, search_term)
        looked, fields = looked_through(request, queryset.model), self.get_search_fields(request)
        own = tuple(name for name in fields if REQUEST not in name)
        of_request = tuple(name.rpartition(REQUEST)[2] for name in fields if REQUEST in name)
        sides = ((queryset.model, own), (ReturnRequest, of_request))
        found = (_matching(request, model, names, looked, search_term) for model, names in sides if names)
        return queryset.filter(looked, reduce(or_, found)), False


def _matching(request: HttpRequest, model: Any, fields: tuple[str, ...], looked: Q, text: str) -> Q:
    """Return the condition for the ids of the rows of the model in which Django finds the text."""
    search = type("Search", (admin.ModelAdmin,), {"search_fields": fields})(model, admin.site)
    found, _ = search.get_search_results(request, model._default_manager.filter(looked), text)
    return Q(pk__in=found.values("pk"))


class Filter(admin.SimpleListFilter):
    """Filter by a value of the URL, which is in a column of the row, or of the return request with the same id."""

    of_request: ClassVar = False

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows that match, of those that this request looks through; no rows for a malformed value."""
        value = self.value()
        if not value:
            return queryset
        found = Q(looked_through(request, queryset.model), self.matching(request, value))
        if self.of_request:  # not by a join, for which PostgreSQL reads the requests outside the range too
            found = Q(pk__in=ReturnRequest.objects.filter(found).values("pk"))
        return queryset.filter(looked_through(request, queryset.model), found)

    def matching(self, request: HttpRequest, value: str) -> Q:
        """Return the condition for the rows with this value."""
        raise NotImplementedError

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        """Return the chosen value alone: there are too many to offer."""
        return [(value, value)] if (value := self.value()) else []


class BeforeFilter(Filter):
    """Look through rows that are older than those of the page before."""

    title, parameter_name = gettext_lazy("ids below"), BEFORE

    def matching(self, request: HttpRequest, value: str) -> Q:
        """Return no condition for an id: the rows that this request looks through lie below it."""
        return Q() if is_id(value) else NO_ROW


class _ColumnFilter(Filter):
    """Filter by a column with `known` values. `indexed` has conditions for which SQLite uses a partial index."""

    known: ClassVar[Collection[str]]
    indexed: ClassVar[Mapping[str, RawSQL | Q]] = {}

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        """Return the choices."""
        return [(str(value), word(value)) for value in self.known]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return all rows that match by an index; without one, those of the rows that this request looks through."""
        indexed = self.indexed.get(self.value() or "")
        return super().queryset(request, queryset) if indexed is None else queryset.filter(indexed)

    def matching(self, request: HttpRequest, value: str) -> Q:
        """Return the condition for the rows with this value."""
        return Q(**{str(self.parameter_name): value}) if value in self.known else NO_ROW


def status_filter(statuses: type[StrEnum], indexed: Mapping[Any, RawSQL | Q]) -> type[Filter]:
    """Return a filter by the statuses of the table of transitions."""
    columns = {
        "title": gettext_lazy("status"),
        "parameter_name": "status",
        "known": tuple(statuses),
        "indexed": indexed,
    }
    return type("StatusFilter", (_ColumnFilter,), columns)


class CurrencyFilter(_ColumnFilter):
    """Filter by currency. It offers the accepted currencies; a URL can name any other one of ISO 4217."""

    title, parameter_name = gettext_lazy("currency"), "currency"
    known = EXPONENTS

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        """Return the accepted currencies, and the chosen one even if it is no longer accepted."""
        offered = dict.fromkeys([*settings.REFUNDS_CURRENCIES, *({self.value()} & set(self.known))])
        return [(str(currency), str(currency)) for currency in offered]
