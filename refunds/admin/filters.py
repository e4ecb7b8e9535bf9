"""Filters whose choices come from code: the admin's own read them from the whole table."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.contrib.admin import SimpleListFilter
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL
from django.http import HttpRequest

from ..domain.currencies import EXPONENTS


class StatusFilter(SimpleListFilter):
    """By status. `indexed` has the statuses with a partial index, each with the condition by which SQLite finds it."""

    title = "status"
    parameter_name = "status"
    statuses: tuple[StrEnum, ...]
    indexed: tuple[tuple[str, RawSQL], ...]

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        """Every status of the table of transitions."""
        return [(status.value, status.value) for status in self.statuses]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rows with the chosen status; none where the address names one that does not exist."""
        value = self.value()
        if value is None:
            return queryset
        if value not in self.statuses:
            return queryset.none()
        condition = dict(self.indexed).get(value)
        return queryset.filter(status=value) if condition is None else queryset.filter(condition)


class CurrencyFilter(SimpleListFilter):
    """By currency. The choices are the accepted ones; an address can name any other of ISO 4217."""

    title = "currency"
    parameter_name = "currency"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        """The accepted currencies, whether a request has them or not, and the chosen one where it no longer is."""
        chosen = self.value()
        offered: list[str] = list(settings.REFUNDS_CURRENCIES)
        if chosen is not None and chosen in EXPONENTS and chosen not in offered:
            offered.append(chosen)
        return [(currency, currency) for currency in offered]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rows in the chosen currency; none where the address names one that does not exist."""
        value = self.value()
        if value is None:
            return queryset
        return queryset.filter(currency=value) if value in EXPONENTS else queryset.none()
