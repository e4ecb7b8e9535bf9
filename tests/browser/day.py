"""What an operator does over and over in a day: imports a file, reads sums, presses, waits, downloads an outcome."""

import csv
import io
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..project.running import LONG
from .deployment import Deployment
from .hands import Hands, button

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

APPROVE_ALL = "refunds/returnrequest/approve-all/"
REASON = "of the operator's day"
CSV = "Outcome of each request (CSV)"
# What pages call an outcome, and its code in a CSV.
PAID, LEFT, DECLINED = "Approved, paid", "Left pending by the sweep", "Declined"
CODES = {PAID: "approved_paid", LEFT: "left_pending", DECLINED: "declined"}
# Milliseconds that a page has to change without a reload.
MOMENT = 500


class Return(NamedTuple):
    """A line of a file: its order line, amount, currency and payment."""

    order_line: str
    amount: Decimal
    currency: str
    payment: str


def returns(first: int, count: int) -> list[Return]:
    """Return so many, numbered from `first`; every other one in euros, no two of one amount."""
    numbers = range(first, first + count)
    return [Return(f"{n}/1", Decimal(37 * n) / 100, "GBP" if n % 2 else "EUR", f"ch_{n}") for n in numbers]


def totals(some: Iterable[Return]) -> dict[str, tuple[int, Decimal]]:
    """Return count and sum by currency, in the order in which pages show them."""
    found: dict[str, tuple[int, Decimal]] = {}
    for one in sorted(some, key=lambda each: each.currency):
        count, total = found.get(one.currency, (0, Decimal(0)))
        found[one.currency] = count + 1, total + one.amount
    return found


def amounts(some: Iterable[Return]) -> str:
    """Return the sums as a page shows them: `1,234.50 EUR; 99.90 GBP`."""
    return "; ".join(f"{total:,.2f} {currency}" for currency, (_, total) in totals(some).items())


def counted(some: Iterable[Return]) -> str:
    """Return counts and sums as a page shows them: `3 of 1,234.50 EUR, 1 of 99.90 GBP`."""
    return ", ".join(f"{count} of {total:,.2f} {currency}" for currency, (count, total) in totals(some).items())


@dataclass
class Day:
    """An operator at a page; `hands` are the way in which the operator uses it."""

    page: "Page"
    hands: Hands
    deployed: Deployment

    @property
    def folder(self) -> Path:
        """The working folder of the processes."""
        return self.deployed.folder

    def go(self, address: str) -> str:
        """Open a page of the admin, and return its text."""
        self.page.goto(f"/admin/{address}")
        return self.text()

    def text(self) -> str:
        """Return the text of the page, with single spaces."""
        return re.sub(r"\s+", " ", self.page.locator("#content").inner_text())

    def press(self, name: str) -> None:
        """Press the button, or follow the link, whose name begins so."""
        self.hands.press(self.page, button(self.page, name))

    def give_reason(self, action: str) -> None:
        """Follow the link of an action that asks for a reason, give one, and press."""
        self.press(action)
        self.hands.write(self.page, self.page.locator("#id_reason"), REASON)
        self.press(action)

    def tab(self, address: str) -> "Day":
        """Open a page in another tab."""
        other = Day(self.page.context.new_page(), self.hands, self.deployed)
        other.go(address)
        return other

    def until(self, shown: "Locator") -> None:
        """Wait until it is shown, and reload the page as long as it is not."""
        ends = time.monotonic() + LONG
        while not appears(shown):
            assert time.monotonic() < ends, f"{shown} is not shown within {LONG} s: {self.text()}"
            self.page.goto(self.page.url)  # not reload(), which fails where the page reloads itself at the same time

    def import_file(self, name: str, some: list[Return]) -> None:
        """Import the returns by a command, from a file; the overview then counts them."""
        lines = [f"{one.order_line},1,{one.amount},{one.currency},2026-01-02T10:00:00Z,{one.payment}" for one in some]
        file = self.folder / name
        file.write_text("\n".join(["order_line,quantity,amount,currency,requested_at,payment", *lines, ""]))
        said = re.sub(" +", " ", self.deployed.refunds("import_returns", str(file)))
        self.go("refunds/")
        rows = self.page.get_by_label("Pending return requests").locator("tbody tr").all_inner_texts()
        for row, (currency, (count, total)) in zip(rows, totals(some).items(), strict=True):
            assert f"total {currency} {total:,}" in said
            assert re.sub(r"\s+", " ", row).endswith(f" {count} {total:,.2f} {currency}"), row

    def swept(self) -> None:
        """Wait on the page of a sweep, which is not touched, until all is decided."""
        self.page.locator("#progress[value='100']").wait_for()
        self.page.locator("td:text-is('done')").wait_for()

    def download(self, name: str) -> list[dict[str, str]]:
        """Follow the link of a CSV, and return its lines."""
        with self.page.expect_download() as loading:
            button(self.page, name).click()
        return list(csv.DictReader(io.StringIO(loading.value.path().read_text("utf-8"))))

    def sums(self, outcome: str, some: Sequence[Return]) -> "Locator":
        """Return the row, on a sweep's page, that says that so many requests of these sums had the outcome."""
        cells = (f"th:text-is('{outcome}')", f"td:text-is('{len(some)}')", f"td:text-is('{amounts(some)}')")
        return self.page.locator(f"tr{''.join(f':has({cell})' for cell in cells)}")


def appears(shown: "Locator") -> bool:
    """Return whether it is on the page, or soon is."""
    from playwright.sync_api import TimeoutError as NotShown

    try:
        shown.first.wait_for(timeout=MOMENT)
    except NotShown:
        return False
    return True
