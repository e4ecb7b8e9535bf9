"""Each page in Chromium: accessible in light and dark, whole at 1,280 and 400 pixels, and without stock words."""

import re
from itertools import chain
from typing import TYPE_CHECKING, Any

import pytest
from django.apps import apps
from django.db.models import CharField, TextField
from django.urls import resolve

from refunds.apps import LABEL

from ..admin import matrix
from . import chromium
from .hands import unreachable
from .pages import PAGES, ROWS, Shown, address

if TYPE_CHECKING:
    from .conftest import Browse

each_page = pytest.mark.parametrize("shown", PAGES, ids=str)
each_language = pytest.mark.parametrize("language", ["en", "uk"])
# Two English words, one after the other.
ENGLISH = re.compile(r"[A-Za-z]{2,} [a-z]{2,}[a-z ]*")
LISTS = ["requests", "refunds", "sweeps", "pauses", "wallet", "notices"]
# Django's own names for an admin that has none.
STOCK = ("Django administration", "Django site admin", "Site administration", "Select ")
# What scripts and programs read.
SWEEP = "admin/refunds/sweep/<int:sweep_id>/"
NO_PAGES = {"admin/autocomplete/", "admin/jsi18n/", f"{SWEEP}progress/", f"{SWEEP}outcome.csv"}


@pytest.mark.browser
@each_page
def test_page_is_accessible(shown: Shown, browse: "Browse", rows: dict[str, Any]) -> None:
    """In light and in dark, axe-core finds nothing serious or critical, except the reload without JavaScript."""
    page = browse(anonymous=shown.anonymous)
    shown.open(page, rows)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found = [rule.partition(":")[0] for rule in chromium.inaccessible(page)]
        assert (scheme, found) == (scheme, list(shown.excepted)), chromium.inaccessible(page)


@pytest.mark.browser
@each_page
def test_page_works_with_the_keyboard(shown: Shown, browse: "Browse", rows: dict[str, Any]) -> None:
    """Tab reaches each link, button and field, and the focus is seen there."""
    page = browse(anonymous=shown.anonymous)
    shown.open(page, rows)
    assert unreachable(page) == []


@pytest.mark.browser
@each_language
@each_page
def test_page_shows_everything(shown: Shown, language: str, browse: "Browse", rows: dict[str, Any]) -> None:
    """Only a table that scrolls is wider than the window, no text is cut off, and none is Django's stock.

    On a page in Ukrainian, only what is stored is English.
    """
    page = browse(anonymous=shown.anonymous, language=language)
    shown.open(page, rows)
    for width in (1280, 400):
        assert (width, chromium.cut_off(page, width)) == (width, [])
    assert page.locator("html").get_attribute("lang") == language
    texts = page.title() + page.locator("body").inner_text()
    assert [words for words in STOCK if words in texts] == []
    if language != "en":
        kept = stored()
        assert [words for words in ENGLISH.findall(texts) if words.casefold() not in kept] == []


def stored() -> str:
    """Return in small letters every text of the database, and the names that other packages give their models."""
    columns = [
        (model, [field.name for field in model._meta.fields if isinstance(field, CharField | TextField)])
        for model in apps.get_models()
    ]
    rows = (row for model, names in columns if names for row in model._default_manager.values_list(*names))
    others = [one for one in apps.get_app_configs() if not one.name.startswith(("django.", f"{LABEL}.", LABEL))]
    names = [
        name
        for one in others
        for model in one.get_models()
        for name in (one.verbose_name, model._meta.verbose_name_plural)
    ]
    return "\n".join(map(str, [*names, *chain.from_iterable(rows)])).casefold()


@pytest.mark.browser
@each_language
@pytest.mark.parametrize("address", [shown.address for shown in PAGES if shown.name in LISTS], ids=LISTS)
def test_list_fits_beside_navigation_and_filters(address: str, language: str, browse: "Browse") -> None:
    """At 1,280 pixels all columns are in sight, with texts of usual lengths."""
    page = browse(language=language)
    page.goto(f"/admin/{address}")
    assert page.locator("#nav-sidebar").is_visible()
    assert (
        page.evaluate("(({scrollWidth, clientWidth}) => scrollWidth - clientWidth)(document.querySelector('.results'))")
        == 0
    )


def test_every_page_is_listed() -> None:
    """Each address that a table "Who may do what" calls a page has its line."""
    tables = [page for page in sorted(matrix.DOCS.glob("*.md")) if matrix.HEADING in page.read_text("utf-8")]
    names: dict[str, Any] = dict.fromkeys((*ROWS, "id", "type", "forged", "undoable", *matrix.all_models()), 1)
    listed = {resolve(address(shown.address, names)).route for shown in PAGES if shown.name != "not found"}
    pages = {
        resolve(asked.path(names)).route
        for asked in matrix.requests(matrix.all_models(), *tables)
        if asked.method == "GET" and "page" in asked.cells.values()
    }
    assert pages - listed == NO_PAGES
