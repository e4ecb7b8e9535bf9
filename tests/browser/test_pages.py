"""Each page in Chromium: accessible in light and dark, whole at 1,280 and 400 pixels, and without stock words."""

from typing import TYPE_CHECKING, Any

import pytest
from django.urls import get_resolver, resolve

from ..admin import matrix
from . import chromium
from .pages import NO_PAGES, PAGES, Shown

if TYPE_CHECKING:
    from .conftest import Browse

each_page = pytest.mark.parametrize("shown", PAGES, ids=str)


@pytest.mark.browser
@each_page
def test_page_is_accessible(shown: Shown, browse: "Browse", rows: dict[str, Any]) -> None:
    """axe-core finds nothing serious or critical, in light and in dark."""
    page = browse(anonymous=shown.anonymous)
    shown.open(page, rows)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert (scheme, chromium.inaccessible(page)) == (scheme, [])


@pytest.mark.browser
@each_page
def test_nothing_is_cut_off(shown: Shown, browse: "Browse", rows: dict[str, Any]) -> None:
    """Only a table that scrolls is wider than the window."""
    page = browse(anonymous=shown.anonymous)
    shown.open(page, rows)
    for width in (1280, 400):
        assert (width, chromium.cut_off(page, width)) == (width, [])


def test_every_page_is_listed() -> None:
    """Each address of the project that shows a page is in the table."""
    listed = {resolve(_path(shown)).route for shown in PAGES if shown.name != "not found"}
    routes = matrix.routes(get_resolver().url_patterns)
    others = ("admin/auth/", "admin/django_celery_beat/")
    there = {route for route in routes if not route.startswith(others)}
    assert there - listed == set(NO_PAGES)
