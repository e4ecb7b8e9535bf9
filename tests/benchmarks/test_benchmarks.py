"""The benchmarks run, at sizes that measure nothing, so that they do not rot."""

import pytest

from benchmarks import import_returns, pay_refund, paying, stage, sweeps
from benchmarks.run import Options

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]


def test_paying_says_what_is_added_to_a_call() -> None:
    """Each way beside Stripe's client alone, all refunds paid."""
    table = pay_refund.added(Options(rows=5, rounds=1))
    assert table.title == "A refund through Stripe, 5 of each in each round"
    assert [figure.name for figure in table.figures] == ["Stripe's client", "gateway", "operation", "task"]
    assert [len(figure.ratios) for figure in table.figures] == [0, 1, 1, 1]


def test_an_import_is_compared_with_the_database_alone(monkeypatch: pytest.MonkeyPatch) -> None:
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
def test_a_worker_that_pays_is_compared_with_the_statements() -> None:
    """On both databases one worker and two children pay all, and so do the statements."""
    postgres, sqlite, _ = paying.measure(Options(rows=30, decided=10, rounds=1))
    names = ["two statements", "one statement", "worker of 1", "worker of 2"]
    assert [figure.name for figure in postgres.figures] == names
    assert [figure.name for figure in sqlite.figures] == [name for name in names if name != "one statement"]


@pytest.mark.services
@pytest.mark.parametrize("place", list(stage.PLACES))
def test_sweeps_are_compared_with_the_statement(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both decisions are made by workers in processes and by one statement, and what grows is told."""
    monkeypatch.setattr(stage, "PLACES", {place: stage.PLACES[place]})
    monkeypatch.setattr(sweeps, "CHUNKS", (2,))
    approved, grown, declined, _ = sweeps.measure(Options(rows=1, decided=10, rounds=1))
    assert [figure.name for figure in approved.figures] == [
        "one statement",
        "worker of 1",
        "worker of 2",
        "worker of 1, 2 rows a chunk",
    ]
    assert [figure.name for figure in declined.figures] == ["one statement", "worker of 1", "worker of 2"]
    assert grown.title == f"Approve-all on {place}: 1 rows beside 1"
