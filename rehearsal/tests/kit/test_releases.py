"""The table of Celery's releases says of the installed one what its clusters do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import celery as celery_package
import pytest

from . import releases

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = (Path(__file__).parents[2] / "docs" / "celery-releases.md").read_text("utf-8")
TABLE = PAGE.partition("| fact |")[2].partition("\n\n")[0]
HEADER, _line, *ROWS = [[cell.strip() for cell in row.strip("| ").split(" | ")] for row in TABLE.splitlines()]


def column() -> int:
    """Which column of a row has the installed release. Fails the test for a release without one."""
    found = [
        place for place, names in enumerate(HEADER, 1) if celery_package.__version__ in re.findall(r"[\d.]+", names)
    ]
    assert found, f"docs/celery-releases.md has no column for {celery_package.__version__}: python -m kit.releases"
    return found[0]


@pytest.mark.parametrize("fact", releases.FACTS, ids=lambda fact: str(fact.__name__))
def test_the_table_says_what_this_release_does(fact: Callable[[], str]) -> None:
    """Each row's answer is the cluster's."""
    (row,) = [row for row in ROWS if row[0] == fact.__doc__]
    assert row[column()] == fact()
