"""The benchmark of frozen sets says what it lacks."""

import pytest

from benchmarks import frozen
from benchmarks.report import Skipped
from benchmarks.run import Options

pytestmark = pytest.mark.processes


def test_machine_without_postgresql_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite's sets are a highest id, and have nothing to compare."""

    def away() -> None:
        raise Skipped("no PostgreSQL")

    monkeypatch.setattr(frozen, "Postgres", away)
    (table,) = frozen.measure(Options(rows=5, decided=20, rounds=1))
    assert (table.figures, table.note) == ((), "Skipped: no PostgreSQL")


@pytest.mark.services
def test_each_kind_of_work_is_timed_with_and_without_the_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    """At a size that measures nothing."""
    monkeypatch.setattr(frozen, "IMPORTED", 5_000)
    monkeypatch.setattr(frozen, "TIMES", 1)
    (table,) = frozen.measure(Options(rows=12_000, decided=20, rounds=1))
    assert [bool(figure.reference) for figure in table.figures] == [False, True] * len(frozen.KINDS)
