"""The benchmarks run, at sizes that measure nothing, so that they do not rot."""

import pytest
from freezegun import freeze_time

from benchmarks import approve_all, import_returns, memory, pay_refund, sweep

from ..factories import PRESSED

pytestmark = pytest.mark.django_db(transaction=True)


def test_approve_all_prints_its_tables(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The click by turns at two sizes, each size of chunks beside the raw statements, and memory at two sizes."""
    monkeypatch.setattr(memory, "measure", lambda sizes: dict.fromkeys(sizes, 6.0))  # has a test of its own
    with freeze_time(PRESSED):  # a press at 18:00:00 is refused
        approve_all.main(20, clicks=1, rounds=1, chunks=(6, 10))
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line and not line.startswith("|")] == [
        "The click: 1 by turns",
        "Approve-all of 20 rows, press to last paid refund: 1 rounds",
        "Memory of approve-all, a process each",
    ]
    names = [line.split("|")[1].strip() for line in lines if line.startswith("|")]
    assert names == [
        *("", "-----------", "press, p50", "press, p95", "page, p50", "page, p95", "first press"),
        *("rows a chunk", "------------", "6", "10", "raw"),
        *("rows", "----", "2", "20"),
    ]


def test_a_sweep_that_pays_too_little_is_no_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where refunds are left unpaid there is an error instead of a number."""
    monkeypatch.setattr(sweep, "RAW_PAYING", ())
    with pytest.raises(RuntimeError, match="0 of 5 refunds were paid"):
        sweep.measure(5, (), rounds=1)


def test_memory_is_of_a_process_of_its_own() -> None:
    """A process approves the rows and says by how many MiB it grew, which is more than nothing."""
    assert memory.measure([5])[5] > 0


def test_paying_prints_what_is_added_to_a_call(capsys: pytest.CaptureFixture[str]) -> None:
    """Each way beside Stripe's client alone, all refunds paid."""
    pay_refund.main(5)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "A refund through Stripe, 5 of each by turns"
    names = [line.split("|")[1].strip() for line in lines if line.startswith("|")]
    assert names[2:] == ["Stripe's client", "gateway", "operation", "task"]


def test_import_prints_new_and_known_rows(capfd: pytest.CaptureFixture[str]) -> None:
    """The command imports the file once, and knows it the second time."""
    import_returns.main(3)
    out = capfd.readouterr().out
    for line in ("3 new rows in ", "3 known rows in ", "imported                 3", "already known            3"):
        assert line in out
