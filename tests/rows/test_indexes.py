"""The indexes of the two large tables: every import or decision writes each of them, so each needs a use."""

import pytest
from django.db import connection

from refunds.models import Refund, ReturnRequest

pytestmark = pytest.mark.django_db


def indexed(table: str) -> set[tuple[str, ...]]:
    """The columns of each index."""
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, table)
    return {tuple(each["columns"]) for each in found.values() if each["index"] or each["unique"]}


def counted(table: str) -> int:
    """How many indexes there are, two over the same columns counted twice."""
    statements = {
        "postgresql": "SELECT count(*) FROM pg_indexes WHERE tablename = %s",
        "sqlite": "SELECT count(*) FROM sqlite_master WHERE type = 'index' AND tbl_name = %s",
    }
    with connection.cursor() as cursor:
        cursor.execute(statements[connection.vendor], [table])
        return int(cursor.fetchone()[0])


def test_return_request_has_four_indexes_and_a_fifth_for_a_return_id() -> None:
    """Its id, its key and return_id once, its refund, and whether it is pending; none for the beginning of a key."""
    table = ReturnRequest._meta.db_table
    assert {columns[0] for columns in indexed(table)} == {"id", "key", "return_id", "owed_id"}
    # SQLite's table is in the order of the id itself.
    assert counted(table) == {"postgresql": 5, "sqlite": 4}[connection.vendor]


def test_refund_is_written_to_its_key_and_three_partial_indexes() -> None:
    """Its request, and the few that are pending, processing, or failed."""
    table = Refund._meta.db_table
    columns = {"request_id", "due_at", "accepted_at"}
    assert {found[0] for found in indexed(table)} == columns
    assert counted(table) == 4
