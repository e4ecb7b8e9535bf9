"""Filters with choices from the code: Django's own read them from the whole table."""

from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.admin import SimpleListFilter
from django.db.models import Q, QuerySet
from django.db.models.expressions import RawSQL
from django.http import HttpRequest

from ..domain.currencies import EXPONENTS


class _ColumnFilter(SimpleListFilter):
    """By a column with `known` values. `indexed` has the condition by which SQLite finds a value's partial index."""

    known: ClassVar[Collection[str]]
    indexed: ClassVar[Mapping[str, RawSQL]] = {}

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        """Return the choices."""
        return [(str(value), str(value)) for value in self.known]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows with the chosen value; no rows for an unknown one."""
        value = self.value()
        if value is None:
            return queryset
        if value not in self.known:
            return queryset.none()
        return queryset.filter(self.indexed.get(value) or Q(**{str(self.parameter_name): value}))


def status_filter(statuses: type[StrEnum], indexed: Mapping[Any, RawSQL]) -> type[SimpleListFilter]:
    """Return a filter by the statuses of the table of transitions."""
    columns = {"title": "status", "parameter_name": "status", "known": tuple(statuses), "indexed": indexed}
    return type("StatusFilter", (_ColumnFilter,), columns)


class CurrencyFilter(_ColumnFilter):
    """By currency. The choices are the accepted ones; an address can name any other of ISO 4217."""

    title = parameter_name = "currency"
    known = EXPONENTS

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        """Return the accepted currencies, and the chosen one if it is accepted no more."""
        offered = dict.fromkeys([*settings.REFUNDS_CURRENCIES, *({self.value()} & set(self.known))])
        return [(str(currency), str(currency)) for currency in offered]
