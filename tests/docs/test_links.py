"""The links between the pages lead somewhere."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "tests/README.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "rehearsal").glob("*.md")),
    *sorted((ROOT / "rehearsal" / "docs").rglob("*.md")),
]
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = HEADING.findall(page.read_text("utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def dead_links(page: Path) -> Iterator[str]:
    """Yield each link of the page to a file or heading that does not exist."""
    for link in LINK.findall(page.read_text("utf-8")):
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        if "://" not in link and (not target.exists() or (anchor and anchor not in anchors(target))):
            yield link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_lead_to_files_and_headings(page: Path) -> None:
    """Each relative link of a page names a file that exists, and a heading that it has."""
    assert list(dead_links(page)) == []


def test_readme_links_every_page_and_every_lesson() -> None:
    """A reader reaches each page of docs and each file of the lesson from README."""
    linked = set(LINK.findall((ROOT / "README.md").read_text("utf-8")))
    pages = {page.relative_to(ROOT).as_posix() for page in (ROOT / "docs").glob("*.md")}
    lessons = {page.relative_to(ROOT).as_posix() for page in (ROOT / "lesson").glob("test_*.py")}
    # The lanes that run the lesson's tests on several brokers are no lesson.
    assert pages | lessons - {"lesson/test_lanes.py"} <= {link.partition("#")[0] for link in linked}


def test_readme_names_files_that_exist() -> None:
    """Each file that README names in `refunds/` exists."""
    text = (ROOT / "README.md").read_text("utf-8")
    named = re.findall(r"`([a-z_]+(?:/[a-z_]+)*\.py)`", text.partition("## Three doors")[2])
    assert [name for name in named if not (ROOT / "refunds" / name).is_file()] == []
