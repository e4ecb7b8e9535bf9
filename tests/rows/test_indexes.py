"""The indexes of the two large tables: every import or decision writes each of them, so each needs a use."""

import pytest
from django.db import connection, models

from refunds.models import Refund, ReturnRequest

pytestmark = pytest.mark.django_db
COUNT = {
    "postgresql": "SELECT count(*) FROM pg_indexes WHERE tablename = %s",
    "sqlite": "SELECT count(*) FROM sqlite_master WHERE type = 'index' AND tbl_name = %s",
}


@pytest.mark.parametrize(
    ("model", "firsts", "counts"),
    [
        # Its id, its key and return_id once, its refund, whether it is pending, when it was decided by hand; none for
        # the beginning of a key. SQLite's table is in the order of the id itself.
        (ReturnRequest, {"id", "key", "return_id", "own_refund_id", "decided_at"}, {"postgresql": 6, "sqlite": 5}),
        # Its request, and the few that are pending, processing, or failed.
        (Refund, {"request_id", "due_at", "accepted_at"}, {"postgresql": 4, "sqlite": 4}),
    ],
)
def test_large_table_has_no_other_index(model: type[models.Model], firsts: set[str], counts: dict[str, int]) -> None:
    """By the first column of each, and by their number: two can be over the same columns."""
    table = model._meta.db_table
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, table)
        cursor.execute(COUNT[connection.vendor], [table])
        count = int(cursor.fetchone()[0])
    assert {each["columns"][0] for each in found.values() if each["index"] or each["unique"]} == firsts
    assert count == counts[connection.vendor]
