"""Every page that this project shows, one a line: a new page needs a line here, and nothing else."""

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

REQUESTS, REFUNDS, OPT_OUTS = "refunds/returnrequest/", "refunds/refund/", "refunds_notices/optout/"
# The names of the demo's rows, besides those of the models.
ROWS = ("failed", "doubled", "running", "long", "long_refund", "token")


class Shown(NamedTuple):
    """A page: its name, its address below /admin/ with ids of the demo's rows by name, and how it is opened.

    A page after a list is opened by the `action` on the list's first row, or `across` pages on all. `excepted` are the
    rules of axe-core that the page breaks.
    """

    name: str
    address: str
    action: str = ""
    across: bool = False
    anonymous: bool = False
    excepted: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name

    def open(self, page: "Page", rows: dict[str, Any]) -> None:
        """Show the page in the browser, as a user gets there."""
        page.goto(address(self.address, rows))
        if self.action == "logout":
            follow(page, page.locator("#logout-form button"))
        elif self.action:
            choose(page, self.action, across=self.across)


def address(template: str, rows: dict[str, Any]) -> str:
    """Return the address with the rows' ids; one without a slash in front is below /admin/."""
    return ("" if template.startswith("/") else "/admin/") + template.format(**rows)


def choose(page: "Page", action: str, *, across: bool = False) -> None:
    """Run the action of the list on its first row."""
    page.locator("select[name=action]").first.select_option(action)
    page.locator("input.action-select").first.check()
    if across:  # a list offers that where it has more than a page
        page.locator("input[name=select_across]").first.evaluate("input => { input.value = 1 }")
    follow(page, page.locator("button[name=index]").first)


def follow(page: "Page", control: "Locator") -> None:
    """Click what leads to another page, and wait for that page."""
    with page.expect_navigation():
        control.click()


PAGES = [
    Shown("login", "login/", anonymous=True),
    Shown("logged out", "", action="logout"),
    Shown("not found", "/no/such/page/"),
    Shown("customer's opt-out", "/opt-out/{token}/", anonymous=True),
    Shown("forged opt-out", "/opt-out/{token}x/", anonymous=True),
    Shown("password change", "password_change/"),
    Shown("password changed", "password_change/done/"),
    Shown("index", ""),
    Shown("app", "refunds/"),
    Shown("notices' app", "refunds_notices/"),
    Shown("requests", REQUESTS),
    Shown("requests, none found", f"{REQUESTS}?q=nowhere"),
    Shown("requests of a month", f"{REQUESTS}?day=2026-07"),
    Shown("request", REQUESTS + "{returnrequest}/change/"),
    Shown("request with long texts", REQUESTS + "{long}/change/"),
    Shown("request, history", REQUESTS + "{returnrequest}/history/"),
    Shown("approve all", f"{REQUESTS}approve-all/"),
    Shown("approve selected", REQUESTS, action="approve_selected"),
    Shown("decline selected", REQUESTS, action="decline_selected"),
    Shown("refunds", REFUNDS),
    Shown("refund", REFUNDS + "{refund}/change/"),
    Shown("refund with long texts", REFUNDS + "{long_refund}/change/"),
    Shown("settle a refund with long texts", REFUNDS + "{long_refund}/settle-elsewhere/"),
    Shown("failed refund", REFUNDS + "{failed}/change/"),
    Shown("refund, history", REFUNDS + "{failed}/history/"),
    Shown("try again", f"{REFUNDS}?status=failed", action="try_again", across=True),
    Shown("correct payment", REFUNDS + "{failed}/correct-payment/"),
    Shown("settle elsewhere", REFUNDS + "{failed}/settle-elsewhere/"),
    Shown("second receipt", REFUNDS + "{doubled}/second-receipt/"),
    Shown("sweeps", "refunds/sweep/"),
    Shown("sweep, done", "refunds/sweep/{sweep}/change/"),
    Shown("sweep, running", "refunds/sweep/{running}/change/"),
    Shown("cancel a sweep", "refunds/sweep/{running}/cancel/"),
    Shown("undo a sweep", "refunds/sweep/{sweep}/undo/"),
    Shown("sweep, history", "refunds/sweep/{sweep}/history/"),
    Shown("beat's schedule", "refunds/sweep/schedule/"),
    Shown("pauses", "refunds_brakes/pause/"),
    Shown("pause", "refunds_brakes/pause/{pause}/change/"),
    Shown("pause, history", "refunds_brakes/pause/{pause}/history/"),
    Shown("pause payments", "refunds_brakes/pause/switch/"),
    Shown("wallet", "refunds/walletentry/"),
    Shown("wallet entry", "refunds/walletentry/{walletentry}/change/"),
    Shown("wallet entry, history", "refunds/walletentry/{walletentry}/history/"),
    Shown("notices", "refunds_notices/notice/"),
    Shown("notice", "refunds_notices/notice/{notice}/change/"),
    Shown("notice, history", "refunds_notices/notice/{notice}/history/"),
    Shown("opt-outs", OPT_OUTS),
    Shown("opt-out", OPT_OUTS + "{optout}/change/"),
    Shown("opt-out, history", OPT_OUTS + "{optout}/history/"),
    Shown("add an opt-out", f"{OPT_OUTS}add/"),
    Shown("delete an opt-out", OPT_OUTS + "{optout}/delete/"),
    Shown("delete opt-outs", OPT_OUTS, action="delete_selected"),
]
