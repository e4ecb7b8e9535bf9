"""The tables of releases say of the installed Celery and kombu what their clusters do."""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import celery as celery_package
import pytest

from . import releases

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = (Path(__file__).parents[2] / "docs" / "celery-releases.md").read_text("utf-8")


def answer(fact: Callable[[], str], title: str, release: str) -> str:
    """What the page says under `title` of a fact on a release. Fails the test for a release without a column."""
    table = PAGE.partition(f"| {title} |")[2].partition("\n\n")[0]
    header, _line, *rows = [[cell.strip() for cell in row.strip("| ").split(" | ")] for row in table.splitlines()]
    found = [place for place, names in enumerate(header, 1) if release in re.findall(r"[\d.]+", names)]
    assert found, f"docs/celery-releases.md has no column for {release} under {title}: python -m kit.releases"
    (row,) = [row for row in rows if row[0] == fact.__doc__]
    return row[found[0]]


@pytest.mark.parametrize("fact", releases.FACTS, ids=lambda fact: str(fact.__name__))
def test_the_table_says_what_this_release_does(fact: Callable[[], str]) -> None:
    """Each row's answer is the cluster's."""
    assert answer(fact, "fact", celery_package.__version__) == fact()


@pytest.mark.parametrize("fact", releases.KOMBU_FACTS, ids=lambda fact: str(fact.__name__))
def test_the_table_says_what_this_release_of_kombu_does(fact: Callable[[], str]) -> None:
    """One release of Celery takes several of kombu."""
    assert answer(fact, "fact of kombu", version("kombu")) == fact()
