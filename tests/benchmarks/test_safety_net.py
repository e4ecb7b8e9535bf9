"""The benchmark of reconciler and health check runs, at a size that measures nothing."""

import pytest

from benchmarks import safety_net
from benchmarks.report import Skipped
from benchmarks.run import Options

pytestmark = pytest.mark.processes

NAMES = [
    "reconcile, nothing to do",
    "health, all well",
    "health, a refund and a mail overdue",
    "reconcile, a refund sent again",
]


def test_looks_are_timed_with_and_without_pending_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has its goal, next to the shortest statement. Without PostgreSQL the report says so."""

    def away() -> None:
        raise Skipped("no PostgreSQL")

    monkeypatch.setattr(safety_net, "Postgres", away)
    monkeypatch.setattr(safety_net, "LOOKS", 2)
    first, second = safety_net.measure(Options(rows=5, decided=20, rounds=1))
    assert first.title == "The safety net on SQLite among 20 decided"
    assert [figure.name for figure in first.figures if figure.goal] == [*NAMES, *(f"{n}, 5 pending" for n in NAMES)]
    assert (second.figures, second.note) == ((), "Skipped: no PostgreSQL")
