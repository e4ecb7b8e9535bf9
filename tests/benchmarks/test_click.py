"""The benchmark of the click runs, at a size that measures nothing."""

import sys

import pytest

from benchmarks import click
from benchmarks.run import Options

pytestmark = [
    pytest.mark.services,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]


def test_click_on_each_database() -> None:
    """Press, first press and page at both sizes, none without its goal, with work left for the worker to the end."""
    pytest.importorskip("gunicorn", reason="refunds[web] is not installed")
    tables = list(click.measure(Options(rows=300, decided=50, rounds=1), clicks=2, first=1, work=300_000))
    assert [table.title for table in tables] == [
        f"The click on {name} among 50 decided: 1 rounds of 2" for name in ("SQLite", "PostgreSQL")
    ]
    for table in tables:
        assert [figure.name for figure in table.figures if figure.goal][-1] == "press, p95, 300 by 3 pending"
        assert len(table.figures) == 15
