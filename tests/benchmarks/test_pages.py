"""The benchmark of the pages runs, at a size that measures nothing."""

import pytest

from benchmarks import pages
from benchmarks.run import Options

pytestmark = pytest.mark.services


def test_pages_are_measured_in_each_scene(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each page is answered, has its goal and its statements, and the banner has a goal of its own."""
    monkeypatch.setattr(pages, "RUNS", 1)
    tables = list(pages.measure(Options(rows=20, decided=30, rounds=1)))
    scenes = ["all pending", "half of a sweep open", "paid", "half of a decline open", "declined"]
    scenes.append("half of a sweep undone")
    assert [table.title for table in tables] == [
        f"Pages on PostgreSQL, {scene}: 20 rows among 30 decided" for scene in scenes
    ]
    goals = {figure.name: figure.goal for table in tables for figure in table.figures}
    assert [goals[name] for name in ("banner", "sweep", "the button's page", "refund?status=failed")] == [5, *[200] * 3]
    assert all(int(figure.more["statements"]) for figure in tables[2].figures if "kept" not in figure.name)
