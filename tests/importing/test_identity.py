"""Which rows are one return: by the shop's own return_id, or by the facts and their number."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from refunds.domain.returns import Status
from refunds.importing import importer
from refunds.importing.files import Format, Row
from refunds.importing.importer import import_rows
from refunds.models import ReturnRequest

from .files import GOOD, NOW, counts, csv_file, imported, jsonl_file, line, read, store, taken, with_ids

pytestmark = pytest.mark.django_db
# A return_id, or none, and the row's differences from the good one.
Rows = list[tuple[str, dict[str, str]]]


def ids() -> list[str]:
    """The return_ids in the database, sorted; an empty text for each return without one."""
    return sorted(ReturnRequest.objects.values_list("return_id", flat=True))


SAID = {"reason": "broken", "customer": "Ann Smith", "customer_email": "ANN@example.com", "payment": "pi_3abc"}


@pytest.mark.parametrize("column", SAID)
@pytest.mark.parametrize("return_id", ["", "R-1"])
def test_changed_reason_email_or_payment_is_the_same_return(column: str, return_id: str) -> None:
    """The return is known when the next export adds a reason or a payment, or changes the case of an e-mail."""
    first = {name: value for name, value in GOOD.items() if name != column} | {"return_id": return_id}
    assert imported(jsonl_file(first), Format.JSONL) == (1, 0, 0)
    assert imported(jsonl_file({**first, column: SAID[column]}), Format.JSONL) == (0, 1, 0)


# Each fact: another value than the good row's, and what a message says.
FACTS = {
    "order_line": ("1001/2", "order_line was '1001/1', is now '1001/2'"),
    "quantity": ("3", "quantity was 2, is now 3"),
    "amount": ("13.00", "amount was 12.50, is now 13.00"),
    "currency": ("EUR", "currency was GBP, is now EUR"),
    "requested_at": (
        "2026-07-15T12:00:01+03:00",
        "requested_at was 2026-07-15T09:00:00+00:00, is now 2026-07-15T09:00:01+00:00",
    ),
}


@pytest.mark.parametrize("column", FACTS)
def test_another_fact_is_another_return(column: str) -> None:
    """Without a return_id, two returns differ by any of the five facts."""
    assert imported(csv_file(line())) == (1, 0, 0)
    assert imported(csv_file(line(**{column: FACTS[column][0]}))) == (1, 0, 0)


@pytest.mark.parametrize("columns", [*([column] for column in FACTS), [*FACTS]], ids=",".join)
@pytest.mark.parametrize("where", ["one file", "one batch", "another batch", "another file"])
def test_return_id_with_other_facts_is_rejected_with_both_values(
    columns: list[str], where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rejection has the line and names each differing fact; what is stored stays."""
    monkeypatch.setattr(importer, "BATCH", 1 if where == "another batch" else 5_000)
    other = ("R-1", {column: FACTS[column][0] for column in columns})
    if where == "another file":
        store(with_ids(("R-1", {})))
    summary, (rejection,) = store(with_ids(("R-2" if where == "another file" else "R-1", {}), other))
    assert (summary.rejected, summary.known) == (1, 0)
    assert str(rejection) == (
        f"line 3: return_id 'R-1' is known with other facts: {'; '.join(FACTS[column][1] for column in columns)}; "
        "correct the row, or give it a return_id of its own"
    )
    assert ReturnRequest.objects.get(return_id="R-1").amount_minor == 1250


def test_long_order_line_is_compared_and_shown_whole() -> None:
    """Other messages cut a long value."""
    first, other = (f"{'x' * 60}/{number}" for number in (1, 2))
    store(with_ids(("R-1", {"order_line": first})))
    _, (rejection,) = store(with_ids(("R-1", {"order_line": other})))
    assert f"order_line was '{first}', is now '{other}'" in rejection.reason


def test_repeated_return_id_is_known_within_a_file_and_between_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two rows with one id and equal facts are one return, wherever the second one is."""
    data = with_ids(("R-1", {}), ("R-1", {"reason": "again"}), ("R-2", {}), ("R-1", {}))
    monkeypatch.setattr(importer, "BATCH", 3)
    assert (imported(data), imported(data)) == ((2, 2, 0), (0, 4, 0))
    assert ids() == ["R-1", "R-2"]


def test_two_return_ids_with_equal_facts_are_two_returns() -> None:
    """They are so in the next file too, in any order. When the export loses the column, nothing is paid again."""
    assert imported(with_ids(("R-1", {}), ("R-2", {}))) == (2, 0, 0)
    assert imported(with_ids(("R-3", {}), ("R-2", {}), ("R-1", {}))) == (1, 2, 0)
    assert ids() == ["R-1", "R-2", "R-3"]
    assert len(set(ReturnRequest.objects.values_list("key", flat=True))) == 3
    assert imported(csv_file(*[line()] * 4)) == (1, 3, 0)
    assert ids() == ["", "R-1", "R-2", "R-3"]


def test_return_id_is_added_to_a_return_that_was_imported_without_one() -> None:
    """When the shop begins to export ids, its old returns get them and are not paid again."""
    store(csv_file(line(), line(), line(order_line="decided")))
    ReturnRequest.objects.filter(order_line="decided").update(status=Status.DECLINED, decided_at=NOW)
    again = with_ids(("R-1", {}), ("R-2", {}), ("R-3", {"order_line": "decided"}), ("R-4", {}))
    assert imported(again) == (1, 3, 0)
    assert ids() == ["R-1", "R-2", "R-3", "R-4"]
    assert ReturnRequest.objects.get(return_id="R-3").status == Status.DECLINED
    assert imported(again) == (0, 4, 0)


@pytest.mark.parametrize("order", [("", "R-1"), ("R-1", "")])
def test_row_is_rejected_where_only_some_rows_with_equal_facts_have_an_id(order: tuple[str, str]) -> None:
    """The row without an id could be the other one, so the later row is rejected, in each import."""
    data = with_ids(*((return_id, {}) for return_id in order))
    for known in (0, 1):
        summary, (rejection,) = store(data)
        assert counts(summary) == (1 - known, known, 1)
        assert str(rejection).startswith("line 3: another row of this file has the same order line, quantity, amount")
    assert ids() == [order[0]]
    assert imported(with_ids(("R-1", {}), ("R-2", {}))) == (1, 1, 0)


def test_rows_with_other_facts_need_no_id() -> None:
    """An id is optional for each row; the database refuses a second row with one."""
    assert imported(with_ids(("R-1", {}), ("", {"quantity": "1"}), ("", {"quantity": "3"}))) == (3, 0, 0)
    values = {"order_line": "x", "quantity": 1, "amount_minor": 1, "currency": "GBP"}
    with pytest.raises(IntegrityError), transaction.atomic():
        ReturnRequest.objects.create(return_id="R-1", requested_at=NOW, received_at=NOW, **values)
    assert ids() == ["", "", "R-1"]


ROWS = st.lists(
    st.tuples(st.sampled_from(["", "R-1", "R-2", "R-3"]), st.sampled_from([{}, {"quantity": "9"}])), max_size=6
)


@given(ROWS, st.integers(0, 6), st.integers(1, 3))
def test_file_cut_off_and_then_whole_ends_as_imported_once(rows: Rows, kept: int, batch: int) -> None:
    """Its rows have ids, none, or some have one, in batches of any size."""
    ends = []
    for files in ([rows], [rows[:kept], rows]):
        with transaction.atomic(), pytest.MonkeyPatch.context() as patch:
            patch.setattr(importer, "BATCH", batch)
            for each in files:
                store(with_ids(*each))
            # Which of the ids with equal facts has which of their keys means nothing.
            rows_of = ReturnRequest.objects.values_list
            ends.append((sorted(rows_of("key", flat=True)), sorted(rows_of("return_id", "quantity"))))
            transaction.set_rollback(True)
    assert ends[0] == ends[1]


@given(ROWS, ROWS)
def test_each_id_is_one_return_in_all_files(first: Rows, second: Rows) -> None:
    """Every row is accounted for, and no id is stored twice or lost although its row was taken."""
    with transaction.atomic():
        for rows in (first, second):
            summary, rejected = store(with_ids(*rows))
            assert (summary.read, summary.rejected) == (len(rows), len(rejected))
        stored = [each for each in ids() if each]
        assert len(stored) == len(set(stored))
        assert imported(with_ids(*((each, {}) for each in stored)))[0] == 0
        transaction.set_rollback(True)


def test_id_of_a_concurrent_import_is_known() -> None:
    """Of rows that are committed while the file is read, those with the same facts are known, others rejected."""
    rows = taken(read(with_ids(("R-1", {}), ("R-2", {}), ("R-3", {}))))

    def read_while_another_imports() -> Iterator[Row]:
        yield from rows
        store(with_ids(("R-3", {}), ("R-1", {"amount": "9"})))

    rejected: list[object] = []
    assert counts(import_rows(read_while_another_imports(), now=NOW, on_rejected=rejected.append)) == (1, 1, 1)
    wanted = "line 2: return_id 'R-1' is known with other facts: amount was 9.00, is now 12.50;"
    assert str(rejected[0]).startswith(wanted)
    assert ids() == ["R-1", "R-2", "R-3"]


def test_known_row_changes_nothing() -> None:
    """It changes neither the stored texts nor the time of arrival."""
    store(with_ids(("R-1", {})))
    before = ReturnRequest.objects.values().get()
    store(with_ids(("R-1", {"reason": "now with a reason"})), now=NOW + timedelta(hours=1))
    assert ReturnRequest.objects.values().get() == before
