"""The web process of the benchmarks: started, pressed, renewed and ended."""

import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from benchmarks import stage, stock
from benchmarks.browser import LIST, PAGE
from benchmarks.sessions import ask_once
from benchmarks.web import Site, web

pytestmark = [pytest.mark.processes, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """On three pending returns, received so late that no cut-off comes between them and a press."""
    pytest.importorskip("gunicorn", reason="refunds[web] is not installed")
    file = tmp_path / "web.sqlite3"
    url = f"sqlite:///{file}"
    stage.migrate(url)
    stock.add_sqlite(str(file), 1, 3, datetime.now(UTC) + timedelta(days=1))
    with web(os.environ | {"DATABASE_URL": url, "CELERY_BROKER_URL": "memory://"}, workers=1) as started:
        yield started


def test_the_button_starts_a_sweep_for_each_page(site: Site, tmp_path: Path) -> None:
    """A browser sees list, page and sweep as a superuser. A page after a sweep that has gone leads to another one."""
    browser = site.browser()
    assert "Approve all" in browser.get(LIST).text
    page = browser.get(PAGE)
    assert "Approve 3 return requests" in page.text
    assert [browser.press(page)[0], browser.press(page)[0]] == [1, 1]
    ask_once(f"sqlite:///{tmp_path / 'web.sqlite3'}", "DELETE FROM refunds_sweep")
    assert browser.press()[0] == 2
    assert browser.get("/admin/refunds/sweep/2/change/").status == 200


def test_a_form_without_its_cookie_is_refused(site: Site) -> None:
    """The site checks where a form is from: a browser that saw no page is told so, and starts nothing."""
    page = site.browser().get(PAGE)
    stranger = site.browser()
    assert stranger.post(PAGE, page.form).status == 403
    with pytest.raises(RuntimeError, match="status 200 of the page, 403 of the press"):
        stranger.press(page)


def test_renewed_workers_are_fresh_and_know_the_session(site: Site) -> None:
    """No process of before is left, and a page that was shown before still works."""
    browser = site.browser()
    page, before = browser.get(PAGE), site.workers
    assert len(before) == 1
    site.renew()
    assert not set(before) & set(site.workers)
    assert browser.press(page)[0] == 1
    assert 10 < site.peak < 1_000
