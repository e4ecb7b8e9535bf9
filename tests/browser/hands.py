"""Two ways to use a page: with the keyboard alone, and with a mouse but without JavaScript."""

from typing import TYPE_CHECKING, Protocol

import pytest

from .chromium import check

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

# More than any page has controls.
STOPS = 300


class Hands(Protocol):
    """A way to use the controls of a page."""

    javascript: bool

    def press(self, page: "Page", control: "Locator") -> None:
        """Press a button or follow a link, and wait for the page after it."""

    def tick(self, page: "Page", box: "Locator") -> None:
        """Tick a box."""

    def choose(self, page: "Page", menu: "Locator", label: str) -> None:
        """Choose from a menu."""

    def write(self, page: "Page", field: "Locator", text: str) -> None:
        """Write into a field."""


class Keyboard:
    """Tab, Enter, the space bar and letters; JavaScript runs."""

    javascript = True

    def press(self, page: "Page", control: "Locator") -> None:
        """See Hands."""
        reach(page, control)
        with page.expect_navigation():
            page.keyboard.press("Enter")

    def tick(self, page: "Page", box: "Locator") -> None:
        """See Hands."""
        reach(page, box)
        page.keyboard.press("Space")

    def choose(self, page: "Page", menu: "Locator", label: str) -> None:
        """See Hands."""
        reach(page, menu)
        page.keyboard.type(label)

    def write(self, page: "Page", field: "Locator", text: str) -> None:
        """See Hands."""
        reach(page, field)
        page.keyboard.type(text)


class Mouse:
    """Clicks, and no JavaScript."""

    javascript = False

    def press(self, page: "Page", control: "Locator") -> None:
        """See Hands."""
        # Not expect_navigation, which fails where the click ends the navigation of a page that was reloading itself.
        with page.expect_event("framenavigated"):
            control.click()
        page.wait_for_load_state()

    def tick(self, page: "Page", box: "Locator") -> None:
        """See Hands."""
        box.check()

    def choose(self, page: "Page", menu: "Locator", label: str) -> None:
        """See Hands."""
        menu.select_option(label=label)

    def write(self, page: "Page", field: "Locator", text: str) -> None:
        """See Hands."""
        field.fill(text)


both_hands = pytest.mark.parametrize("hands", [Keyboard(), Mouse()], ids=["keyboard alone", "no JavaScript"])


def button(page: "Page", name: str) -> "Locator":
    """Return the button, link or field whose name begins so."""
    return page.locator(f"input[type=submit][value^='{name}'], button:text-is('{name}'), a:text-is('{name}')").first


def said(page: "Page") -> str:
    """Return Django's messages; the banner has a list of its own."""
    return page.locator(":not(aside) > .messagelist").inner_text()


def reach(page: "Page", control: "Locator") -> None:
    """Press Tab until the control has the focus, which can be seen there."""
    for _ in range(STOPS):
        if control.evaluate("element => element === document.activeElement"):
            assert check(page, "focusIsSeen(document.activeElement)"), f"the focus cannot be seen on {control}"
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not reach {control}")


def unreachable(page: "Page") -> list[str]:
    """Return the controls that Tab does not reach, or where the focus cannot be seen."""
    left: dict[int, str] = dict(check(page, "usable()"))
    found = []
    # The focus can begin in a field, leaves the page once, and stops several times in a field for a date. What scrolls
    # is a stop too.
    for _ in range(2 * len(left) + 10):
        page.keyboard.press("Tab")
        number, seen = page.evaluate("checks.stop()")
        if (html := left.pop(number, "")) and not seen:
            found.append(f"the focus is not seen: {html}")
    return found + [f"Tab does not reach: {html}" for html in left.values()]
