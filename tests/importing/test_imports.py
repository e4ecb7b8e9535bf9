"""Imports into the database: nothing twice, every row counted, whole batches."""

from collections.abc import Iterator

import pytest
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from refunds.domain.returns import Status
from refunds.importing import importer
from refunds.importing.files import Format, Row
from refunds.models import ReturnRequest

from .files import GOOD, NOW, counts, csv_file, import_good, imported, jsonl_file, line, quoted, read, store, taken

pytestmark = pytest.mark.django_db


def stored() -> list[tuple[object, ...]]:
    """The content of all requests in the database, without ids and times of arrival."""
    fields = "key", "order_line", "quantity", "amount_minor", "currency", "reason", "customer", "requested_at"
    return sorted(ReturnRequest.objects.values_list(*fields))


def test_rows_are_stored_as_requested_and_received_now() -> None:
    """Good rows around a bad one are stored, and the summary has the exact total of each currency."""
    summary, rejected = store(csv_file(line(), line(amount="NaN"), line(currency="UAH"), line(amount="0.01")))
    assert (counts(summary), summary.read) == ((3, 0, 1), 4)
    assert summary.totals == {"GBP": 1251, "UAH": 1250}
    assert [str(each) for each in rejected] == ["line 3: amount 'NaN' is not a number"]
    columns = ReturnRequest.objects.values_list("status", "received_at", "decided_at")
    assert set(columns) == {(Status.REQUESTED, NOW, None)}


def test_key_of_a_row_never_changes() -> None:
    """With other keys, every old file would be imported a second time."""
    (row,) = taken(read(csv_file(line())))
    assert row.key == "79df6e621d2ec02174f2ba0038d3af570dd1027a4b37d9ac0a6121b03572c880"


def test_identical_rows_are_separate_returns_and_the_file_again_changes_nothing() -> None:
    """Three equal rows are three returns, which stay declined; a fourth in a later edition of the file is one more."""
    assert imported(csv_file(*[line()] * 3)) == (3, 0, 0)
    ReturnRequest.objects.update(status=Status.DECLINED, decided_at=NOW)
    before = list(ReturnRequest.objects.order_by("pk").values())
    assert imported(csv_file(*[line()] * 3)) == (0, 3, 0)
    assert list(ReturnRequest.objects.order_by("pk").values()) == before
    summary, _ = store(csv_file(*[line()] * 4))
    assert (counts(summary), summary.totals) == ((1, 3, 0), {"GBP": 1250})


CELLS = st.fixed_dictionaries(
    {
        "order_line": st.sampled_from(["a", "b,c", 'd"e']),
        "amount": st.sampled_from(["1", "12", "12.50", "NaN"]),
        "reason": st.sampled_from(["", "x\ny", "Ünïcode ☃", '""']),
    }
)
LAST = st.sampled_from(["requested_at", "amount", "reason"])


@given(st.lists(CELLS, min_size=1, max_size=4), LAST, st.integers(0, 4), st.integers(0, 9) | st.integers(10, 150))
def test_file_cut_off_anywhere_and_then_whole_ends_as_imported_once(
    rows: list[dict[str, str]], last: str, kept: int, short: int
) -> None:
    """Wherever the cut falls, within a character, a number or a quote, whatever column comes last."""
    order = [name for name in GOOD if name != last] + [last]
    lines = [",".join(order)] + [",".join(quoted({**GOOD, **row}[name]) for name in order) for row in rows]
    data, head = ("".join(f"{each}\n" for each in part).encode() for part in (lines, lines[: 1 + kept]))
    cut_off = head[: max(len(lines[0]) + 1, len(head) - short)]
    ends = []
    for files in ([data], [cut_off, data]):
        with transaction.atomic():
            for each in files:
                summary, rejected = store(each)
                assert summary.rejected == len(rejected)
            ends.append(stored())
            transaction.set_rollback(True)
    assert ends[0] == ends[1]


@given(
    st.lists(st.one_of(st.binary(max_size=40), st.sampled_from([line().encode(), b'"', b"\xff,", b"{", b"1,2"]))),
    st.sampled_from(list(Format)),
)
def test_garbage_never_crashes_and_is_accounted_for(pieces: list[bytes], form: Format) -> None:
    """For any bytes, every row is imported, known or rejected, and the database has the imported ones."""
    beginning = csv_file() if form is Format.CSV else jsonl_file(GOOD)
    with transaction.atomic():
        summary, rejected = store(beginning + b"\n".join(pieces), form)
        assert (summary.read, summary.rejected) == (sum(counts(summary)), len(rejected))
        assert ReturnRequest.objects.count() == summary.imported
        assert sum(summary.totals.values()) == 1250 * summary.imported
        transaction.set_rollback(True)


def test_kill_half_way_keeps_whole_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Committed batches stay, the incomplete batch is lost, and importing the file again adds the rest."""
    monkeypatch.setattr(importer, "BATCH", 1_000)
    rows = taken(read(csv_file(*[line()] * 2_500)))

    def killed() -> Iterator[Row]:
        yield from rows[:2_400]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_good(killed())
    assert ReturnRequest.objects.count() == 2_000
    assert counts(import_good(rows)) == (500, 2_000, 0)
    assert ReturnRequest.objects.count() == 2_500


def test_rows_of_another_importer_are_counted_as_known() -> None:
    """Rows that another import commits while the file is read are neither doubled nor counted as imported."""
    rows = taken(read(csv_file(line(), line(amount="3"))))

    def read_while_another_imports() -> Iterator[Row]:
        yield from rows
        store(csv_file(line()))

    summary = import_good(read_while_another_imports())
    assert (counts(summary), summary.totals) == ((1, 1, 0), {"GBP": 300})
    assert ReturnRequest.objects.count() == 2


def test_constraint_that_fails_is_not_taken_for_a_known_row() -> None:
    """A row that the database refuses for another reason raises, and its batch is not half written."""
    good, late = taken(read(csv_file(line(), line(amount="3"))))
    with pytest.raises(IntegrityError), transaction.atomic():
        import_good([good, late], late.content.requested_at.replace(year=2000))
    assert not ReturnRequest.objects.exists()
