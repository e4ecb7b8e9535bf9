"""The benchmark of the click runs, at a size that measures nothing."""

import sys

import pytest

from benchmarks import click, load
from benchmarks.run import Options
from benchmarks.stage import PLACES

pytestmark = [
    pytest.mark.services,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]


@pytest.fixture(autouse=True)
def _gunicorn() -> None:
    pytest.importorskip("gunicorn", reason="refunds[web] is not installed")


@pytest.mark.parametrize("place", list(PLACES))
def test_click_on_each_database(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Press, first press and page at both sizes, none without its goal."""
    monkeypatch.setattr(click, "PLACES", {place: PLACES[place]})
    monkeypatch.setattr(load.Work, "is_left", True)
    (table,) = click.measure(Options(rows=300, decided=50, rounds=1), clicks=2, first=1, work=10)
    assert table.title == f"The click on {place} among 50 decided: 1 rounds of 2"
    assert [figure.name for figure in table.figures if figure.goal][-1] == "press, p95, 300 by 3 pending"
    assert len(table.figures) == 15


def test_a_click_beside_an_idle_worker_is_no_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the worker has done all before the last click there is an error instead of a number."""
    monkeypatch.delitem(PLACES, "PostgreSQL")
    with pytest.raises(RuntimeError, match="the worker had nothing left to do"):
        next(click.measure(Options(rows=3, decided=5, rounds=1), clicks=1, first=1, work=1))
