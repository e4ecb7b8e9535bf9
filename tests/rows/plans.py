"""The plans by which a database would execute the statements of the code under test."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection

from refunds.apps import LABEL
from refunds.models import Refund, ReturnRequest, WalletEntry

# Tables that grow by millions: no statement of a page, the reconciler or the health check reads a whole one.
LARGE = tuple(model._meta.db_table for model in (Refund, ReturnRequest, WalletEntry))


@dataclass(frozen=True)
class Plan:
    """A statement, and its plan as text."""

    statement: str
    text: str

    @property
    def indexes(self) -> set[str]:
        """The indexes that it uses, without primary keys: SQLite has no name for them."""
        found = re.findall(r"(?:INDEX|(?:using|on)) (\w+)", self.text)
        names = {name for name in found if not name.startswith((f"{LABEL}_", "sqlite_autoindex", "PRIMARY"))}
        return names - {"KEY"}

    @property
    def reads_a_large_table(self) -> bool:
        """Whether the plan reads all rows of a table; the first or last row by the primary key is one row."""
        read = re.findall(rf"(?:Seq Scan on|SCAN) ({LABEL}_\w+)", self.text)
        first = re.search(r'ORDER BY ("\w+"\."id" ASC|1 DESC) LIMIT 1$', self.statement)
        return not first and any(table in LARGE for table in read)


@contextmanager
def explained() -> Iterator[list[Plan]]:
    """Collect the plans of the statements within, in order. Tables of tests are small: see never_read_tables."""
    how = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
    plans: list[Plan] = []

    def explain(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith(("SELECT", "UPDATE", "INSERT")):
            with connection.cursor() as cursor:
                cursor.execute(f"{how} {sql}", params)
                plans.append(Plan(sql, "\n".join(str(row[-1]) for row in cursor.fetchall())))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explain):
        yield plans
