"""The benchmarks run, at sizes that measure nothing, so that they do not rot."""

import pytest
from freezegun import freeze_time

from benchmarks import approve_all, import_returns, memory, pay_refund, paying, stage, sweep
from benchmarks.run import Options

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


def test_paying_says_what_is_added_to_a_call() -> None:
    """Each way beside Stripe's client alone, all refunds paid."""
    table = pay_refund.added(Options(rows=5, rounds=1))
    assert table.title == "A refund through Stripe, 5 of each in each round"
    assert [figure.name for figure in table.figures] == ["Stripe's client", "gateway", "operation", "task"]
    assert [len(figure.ratios) for figure in table.figures] == [0, 1, 1, 1]


def test_an_import_stands_beside_the_database_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command imports the file and knows it again; the rows alone are taken; both sizes have their memory."""
    monkeypatch.setattr(stage, "PLACES", {"SQLite": stage.sqlite})
    few, many, memory = import_returns.measure(Options(rows=30, rounds=1))
    assert (few.title, many.title) == ("A file of 3 returns into SQLite", "A file of 30 returns into SQLite")
    assert [figure.name for figure in many.figures] == ["executemany", "command", "the same file again", "parsing"]
    assert [len(figure.ratios) for figure in many.figures] == [0, 1, 1, 1]
    assert [figure.name for figure in memory.figures] == ["SQLite, 3 rows", "SQLite, 30 rows", "SQLite, grown by"]


@pytest.mark.services
def test_an_import_stands_beside_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same on PostgreSQL."""
    monkeypatch.delitem(stage.PLACES, "SQLite")
    _, many, _ = import_returns.measure(Options(rows=30, rounds=1))
    assert [figure.name for figure in many.figures] == ["COPY", "command", "the same file again", "parsing"]


@pytest.mark.services
def test_a_worker_that_pays_stands_beside_the_statements() -> None:
    """On both databases one worker and two children pay all, and so do the statements."""
    postgres, sqlite, _ = paying.measure(Options(rows=30, decided=10, rounds=1))
    names = ["two statements", "one statement", "worker of 1", "worker of 2"]
    assert [figure.name for figure in postgres.figures] == names
    assert [figure.name for figure in sqlite.figures] == [name for name in names if name != "one statement"]
