"""Count and add up rows, but never more than a list counts."""

from dataclasses import dataclass
from typing import Any

from django.db import connections, router
from django.db.models import QuerySet

from ..admin.base import money


@dataclass(frozen=True)
class Totals:
    """How many rows there are, and their sums by currency in minor units; of the first rows if `more`."""

    count: int
    sums: list[tuple[str, int]]
    more: bool

    @property
    def amounts(self) -> list[str]:
        """Return the sums with their currencies, for a page."""
        return [money(total, currency) for currency, total in self.sums]


def grouped(rows: QuerySet[Any, Any], *by: str, limit: int) -> list[tuple[Any, ...]]:
    """Return the values of `by`, the count and the sum in minor units of the first `limit` + 1 rows, by `by`."""
    first = rows.values_list(*by, "amount_minor")[: limit + 1]
    inner, params = first.query.sql_with_params()  # the ORM cannot group a slice
    numbers = ", ".join(str(number) for number, _ in enumerate(by, 1))
    columns = ", ".join(by)
    with connections[router.db_for_read(rows.model)].cursor() as cursor:
        counts = f"SELECT {columns}, COUNT(*), SUM(amount_minor) FROM ({inner}) AS counted"  # noqa: S608  # the ORM's own
        cursor.execute(f"{counts} GROUP BY {numbers} ORDER BY {numbers}", params)
        return [(*values, count, int(total)) for *values, count, total in cursor.fetchall()]


def totals(rows: QuerySet[Any, Any], limit: int) -> Totals:
    """Return the totals of the rows by currency."""
    found = grouped(rows, "currency", limit=limit)
    count = sum(count for _, count, _ in found)
    return Totals(min(count, limit), [(currency, total) for currency, _, total in found], count > limit)
