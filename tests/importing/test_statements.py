"""The importer's statements go by indexes, whatever the number of rows."""

import pytest
from django.db import connection

from refunds.importing import importer
from refunds.models import ReturnRequest

from ..factories import make_requests, never_read_tables
from ..rows.plans import explained
from .files import HEADER, NOW, csv_file, line, none_rejected, read, taken


@pytest.mark.django_db
def test_import_with_return_ids_goes_by_indexes() -> None:
    """Stored return_ids are found by their index, of thousands too; the numbers of equal facts by their keys."""
    make_requests(1, return_id="another")
    never_read_tables()
    rows = taken(read(csv_file(*(f"{line()},R-{number}" for number in range(2_000)), header=f"{HEADER},return_id")))
    with explained() as plans:
        importer.import_rows(rows, now=NOW, on_rejected=none_rejected)
    assert [plan for plan in plans if plan.reads_a_large_table] == []
    by_return_id, by_key, *_ = [plan.indexes for plan in plans if ReturnRequest._meta.db_table in plan.text]
    assert by_return_id == {"request_return_id_once"}
    # SQLite's index of a constraint over the whole table has no name of ours.
    assert by_key == ({"request_key_once"} if connection.vendor == "postgresql" else set())
