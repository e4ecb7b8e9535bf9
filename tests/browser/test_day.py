"""An operator's day: real processes, as `serve` starts them, and Chromium."""

import csv
import io
import os
import re
import signal
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ..project.running import LONG, Serve, on_one_day
from .chromium import watch
from .hands import Keyboard

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
ROWS = 300
ALL = f"{ROWS} of {ROWS * 12.5:,.2f} GBP"
BOOKS = """
from refunds.models import ReturnRequest, Sweep
approved = ReturnRequest.objects.filter(status="approved", sweep__started_by__username="admin")
print(Sweep.objects.count(), approved.count())
"""
keyboard = Keyboard()


def test_operator_approves_what_was_imported(chromium: "Browser", tmp_path: Path) -> None:
    """Log in to an empty system, import a file by a command, press, and watch the sweep reach 100 %.

    Then the lines of the outcome's CSV add up to what the page says.
    """

    def day(page: "Page", serve: Serve) -> None:
        _import(page, serve)
        _press(page)
        _done(page)
        assert serve.python(BOOKS) == f"1 {ROWS}\n"
        page.locator("caption:text-is('Outcomes') + thead + tbody tr", has_text="Approved, paid").wait_for()
        said = page.locator("caption:text-is('Outcomes') + thead + tbody tr").inner_text()
        assert re.sub(r"\s+", " ", said) == f"Approved, paid {ROWS} {ROWS * 12.5:,.2f} GBP"
        with page.expect_download() as loading:
            page.get_by_role("link", name="Outcome of each request (CSV)").click()
        lines = list(csv.DictReader(io.StringIO(loading.value.path().read_text("utf-8"))))
        assert {line["outcome"] for line in lines} == {"approved_paid"}
        assert (len(lines), sum(Decimal(line["amount"]) for line in lines)) == (ROWS, Decimal("12.50") * ROWS)

    _on_serve(chromium, tmp_path, day)


def test_operator_stops_what_was_pressed(chromium: "Browser", tmp_path: Path) -> None:
    """Undo a sweep within its hold, cancel another one whose worker hangs, and pause payments."""

    def day(page: "Page", serve: Serve) -> None:
        _import(page, serve)
        _press(page)
        _done(page)
        _stop(page, "Undo the sweep", "The undo has begun, in 1 parts.")
        page.locator("tr", has_text=f"Undone: {ALL} returned to requested").wait_for()
        worker = serve.children[0]
        os.kill(worker, signal.SIGSTOP)
        try:
            _press(page)
            assert "planning" in page.locator("#content").inner_text()
            _stop(page, "Cancel the sweep", f"The sweep is cancelled. Left pending: {ALL}.")
            page.locator("td:text-is('cancelled')").wait_for()
        finally:
            os.kill(worker, signal.SIGCONT)
        page.goto("/admin/refunds_brakes/pause/")
        _stop(page, "Pause payments", "Payments are paused.")
        page.goto("/admin/refunds/")
        assert "by admin: of the operator's day" in page.locator("aside").inner_text()
        assert serve.python(BOOKS) == "2 0\n"

    _on_serve(chromium, tmp_path, day, REFUNDS_HOLD="60")


def _on_serve(chromium: "Browser", tmp_path: Path, day: Callable[["Page", Serve], None], **environment: str) -> None:
    """Run the day on an empty system of its own, as its admin; an error on any page fails it."""

    @on_one_day
    def run(folder: Path) -> None:
        with Serve(folder, **environment) as serve:
            context = chromium.new_context(base_url=serve.url)
            page = context.new_page()
            page.set_default_timeout(LONG * 1000)
            problems = watch(page)
            _log_in(page, serve)
            day(page, serve)
            context.close()
        assert problems == []

    run(tmp_path)


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


def _import(page: "Page", serve: Serve) -> None:
    """Import a file by a command; the overview then counts its rows."""
    page.goto("/admin/refunds/")
    assert "No return requests yet" in page.locator("#content").inner_text()
    file = serve.folder / "returns.csv"
    lines = "\n".join(f"{n}/1,1,12.50,GBP,2026-01-02T10:00:00Z" for n in range(ROWS))
    file.write_text(f"order_line,quantity,amount,currency,requested_at\n{lines}\n")
    assert f"imported {ROWS}" in re.sub(" +", " ", serve.refunds("import_returns", str(file)))
    page.reload()
    pending = page.get_by_label("Pending return requests").locator("tbody tr").inner_text()
    assert re.sub(r"\s+", " ", pending).endswith(f" {ROWS} {ROWS * 12.5:,.2f} GBP")


def _press(page: "Page") -> None:
    """Approve all."""
    page.goto("/admin/refunds/returnrequest/approve-all/")
    keyboard.press(page, page.locator(f"input[value='Approve {ROWS} return requests']"))


def _done(page: "Page") -> None:
    """Wait on the sweep's page, which is not touched."""
    page.locator("#progress[value='100']").wait_for()
    page.locator("td:text-is('done')").wait_for()


def _stop(page: "Page", action: str, says: str) -> None:
    """Follow the link, give a reason, and press."""
    page.get_by_role("link", name=action).click()
    keyboard.write(page, page.locator("#id_reason"), "of the operator's day")
    keyboard.press(page, page.locator(f"input[value='{action}']"))
    assert says in page.locator(".messagelist").first.inner_text()
