"""How many statements, by which plans, and how much memory and disk, an import takes; it stores what it reads."""

import gc
import tracemalloc
from datetime import UTC, datetime
from itertools import chain, islice
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from refunds.domain.returns import Status
from refunds.importing import importer
from refunds.importing.dates import FIRST_YEAR
from refunds.importing.files import OWN, BadFile, Format, Return, Row, Source
from refunds.importing.identity import Occurrences
from refunds.importing.importer import import_file
from refunds.models import ReturnRequest

from ..factories import make_requests, never_read_tables
from ..rows.plans import explained
from .files import HEADER, NOW, csv_file, import_good, imported, line, none_rejected, read, store, taken, with_ids

pytestmark = pytest.mark.django_db


WITH_IDS = with_ids(*((f"R-{number}", {"order_line": f"{number}"}) for number in range(500)))


@pytest.mark.parametrize(
    ("data", "new", "known"), [(csv_file(*[line()] * 500), 3, 3), (WITH_IDS, 9, 3)], ids=["facts", "return_ids"]
)
def test_batch_takes_one_statement_or_three(
    django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch, data: bytes, new: int, known: int
) -> None:
    """Of three batches, each adds its rows by one statement. New rows with ids need two more.

    These find the stored ids and the taken numbers.
    """
    monkeypatch.setattr(importer, "BATCH", 200)
    rows = taken(read(data))
    for statements in (new, known):
        with django_assert_num_queries(statements):
            assert import_good(rows).read == 500
    assert ReturnRequest.objects.count() == 500


def test_file_of_rejected_rows_sends_no_statement(django_assert_num_queries: Any) -> None:
    """Without a good row there is nothing to add."""
    with django_assert_num_queries(0):
        assert store(csv_file(line(amount="NaN")))[0].rejected == 1


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=20)


TIMES = st.datetimes(datetime(FIRST_YEAR, 1, 1), datetime(2026, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(TEXTS, TEXTS, st.integers(1, 2**31 - 1), st.integers(1, 2**63 - 1), TIMES)
def test_stored_request_equals_its_row(line_: str, text: str, quantity: int, minor: int, at: datetime) -> None:
    """It has every character, the largest numbers and the microsecond."""
    content = Return(line_, quantity, minor, "GBP", text, text, "ann@example.com", at, text)
    with transaction.atomic():
        import_good([Row(2, "k", content)])
        request = ReturnRequest.objects.get()
        assert {name: getattr(request, name) for name in vars(content)} == vars(content)
        assert (request.key, request.received_at, request.status) == ("k", NOW, Status.REQUESTED)
        transaction.set_rollback(True)


def peak(rows: int) -> int:
    """The most bytes that Python held while it imported this many different rows, each made when it is read."""
    lines = chain([HEADER], (line(order_line=f"{row} of {rows}") for row in range(rows)))
    stream = SimpleNamespace(readline=lambda _size: "".join(f"{text}\n" for text in islice(lines, 1)).encode())
    gc.collect()
    tracemalloc.start()
    try:
        source = Source(stream, "generated")
        summary = import_file(source, layout=OWN, form=Format.CSV, now=NOW, on_rejected=none_rejected)
        assert summary.imported == rows
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The facts that distinguish equal rows are on the disk; a row of the batch takes some 1,500 bytes."""
    monkeypatch.setattr(importer, "BATCH", 500)
    peak(1_000)  # what is loaded once is not counted
    assert peak(8_000) - peak(2_000) < 6_000 * 10


def test_full_disk_ends_the_import_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """The temporary files have no room for the facts that distinguish equal rows; earlier batches stay."""
    monkeypatch.setattr(importer, "BATCH", 100)
    room = Occurrences.__init__

    def little(occurrences: Occurrences) -> None:
        room(occurrences)
        occurrences._seen.execute("PRAGMA max_page_count = 3")

    monkeypatch.setattr(Occurrences, "__init__", little)
    with pytest.raises(BadFile, match="cannot be kept among the temporary files: database or disk is full"):
        store(csv_file(*(line(order_line=str(number)) for number in range(500))))
    assert ReturnRequest.objects.count() in (100, 200, 300, 400)


def test_import_with_return_ids_goes_by_indexes() -> None:
    """Stored return_ids are found by their index, of thousands too; the numbers of equal facts by their keys."""
    make_requests(1, return_id="another")
    never_read_tables()
    rows = taken(read(with_ids(*((f"R-{number}", {}) for number in range(2_000)))))
    with explained() as plans:
        import_good(rows)
    assert [plan for plan in plans if plan.reads_a_large_table] == []
    by_return_id, by_key, *_ = [plan.indexes for plan in plans if ReturnRequest._meta.db_table in plan.text]
    assert by_return_id == {"request_return_id_once"}
    # SQLite's index of a constraint over the whole table has no name of ours.
    assert by_key == ({"request_key_once"} if connection.vendor == "postgresql" else set())


def test_many_return_ids_with_equal_facts_take_few_queries(django_assert_max_num_queries: Any) -> None:
    """A shop's times are whole days: the next file's returns go past the stored ones together, not one by one.

    No number is left out: as many rows without ids are known.
    """
    store(with_ids(*((f"A-{number}", {}) for number in range(50))))
    with django_assert_max_num_queries(20):
        assert imported(with_ids(*((f"B-{number}", {}) for number in range(50)))) == (50, 0, 0)
    assert imported(csv_file(*[line()] * 101)) == (1, 100, 0)
