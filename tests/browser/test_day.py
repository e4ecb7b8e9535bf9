"""An operator's day begins: real processes, as `serve` starts them, and Chromium."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ..project.running import LONG, Serve, on_one_day
from .chromium import watch
from .hands import Keyboard

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROWS = 300
BOOKS = """
from refunds.models import ReturnRequest, Sweep
approved = ReturnRequest.objects.filter(status="approved", sweep__started_by__username="admin")
print(Sweep.objects.count(), approved.count())
"""


@pytest.mark.browser
def test_operator_approves_what_was_imported(chromium: "Browser", tmp_path: Path) -> None:
    """Log in to an empty system, import a file by a command, press, and watch the sweep reach 100 %."""

    @on_one_day
    def day(folder: Path) -> None:
        with Serve(folder) as serve:
            context = chromium.new_context(base_url=serve.url)
            page = context.new_page()
            page.set_default_timeout(LONG * 1000)
            problems = watch(page)
            _log_in(page, serve)
            _press(page, serve)
            assert serve.python(BOOKS) == f"1 {ROWS}\n"
            context.close()
        assert problems == []

    day(tmp_path)


def _log_in(page: "Page", serve: Serve) -> None:
    """With the password that the screen shows, to a system without a return request."""
    password = re.search(r"Password +(\S+)", serve.screen)
    assert password is not None
    page.goto("/admin/")
    page.keyboard.type("admin")  # the page has the focus there
    page.keyboard.press("Tab")
    page.keyboard.type(password[1])
    Keyboard().press(page, page.locator("input[type=submit]"))
    page.goto("/admin/refunds/returnrequest/approve-all/")
    assert "No pending return request can be approved." in page.locator("#content").inner_text()


def _press(page: "Page", serve: Serve) -> None:
    """Import, approve all, and wait on the sweep's page, which is not touched."""
    file = serve.folder / "returns.csv"
    lines = "\n".join(f"{n}/1,1,12.50,GBP,2026-01-02T10:00:00Z" for n in range(ROWS))
    file.write_text(f"order_line,quantity,amount,currency,requested_at\n{lines}\n")
    assert f"imported {ROWS}" in re.sub(" +", " ", serve.refunds("import_returns", str(file)))
    page.reload()
    Keyboard().press(page, page.locator(f"input[value='Approve {ROWS} return requests']"))
    page.locator("#progress[value='100']").wait_for()
    assert "done" in page.locator("#content").inner_text()
