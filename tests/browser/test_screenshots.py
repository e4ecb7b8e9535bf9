"""The pictures of the documentation, from the demo's rows at a fixed instant."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .pages import PAGES
from .screenshots import FOLDER

if TYPE_CHECKING:
    from .conftest import Browse

DOCS = Path(__file__).parents[2]
# The page and the language of each picture, by the name of its file, and the file that shows it.
PICTURES = {
    "approve-all": ("approve all", "en", "README.md"),
    "requests": ("requests", "en", "docs/admin.md"),
    "sweep": ("sweep, running", "en", "docs/admin.md"),
    "overview": ("app", "en", "docs/overview.md"),
    "failed-refund": ("failed refund", "en", "docs/admin.md"),
    "approve-all-uk": ("approve all", "uk", "docs/languages.md"),
    "sweep-uk": ("sweep, running", "uk", "docs/languages.md"),
}


@pytest.mark.browser
@pytest.mark.parametrize("name", PICTURES)
def test_picture_is_taken(name: str, browse: "Browse", demo: dict[str, Any], tmp_path: Path) -> None:
    """As a small file: what a reader's browser loads at once."""
    title, language, _ = PICTURES[name]
    (shown,) = [page for page in PAGES if page.name == title]
    page = browse(language=language)
    shown.open(page, demo)
    file = Path(os.environ.get(FOLDER, tmp_path)) / f"{name}.png"
    page.screenshot(path=file)
    assert file.stat().st_size < 150_000


@pytest.mark.parametrize("name", PICTURES)
def test_picture_is_shown(name: str) -> None:
    """With a text in its place for readers who cannot see it."""
    file = DOCS / PICTURES[name][2]
    address = f"{'docs/' if file.name == 'README.md' else ''}pictures/{name}.png"
    (line,) = [line for line in file.read_text("utf-8").splitlines() if address in line]
    assert len(line.removeprefix("![").partition("](")[0]) > len("a long enough text")
    assert (file.parent / address).is_file()
