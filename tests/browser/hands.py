"""Two ways to use a page: with the keyboard alone, and with a mouse but without JavaScript."""

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

# More than any page has controls.
STOPS = 300
# Whether the element with the focus looks otherwise than without it.
VISIBLE = """element => {
  const look = () => (({outlineStyle, outlineWidth, boxShadow, borderColor, backgroundColor, textDecorationLine}) =>
    [outlineStyle, outlineWidth, boxShadow, borderColor, backgroundColor, textDecorationLine].join())(getComputedStyle(element));
  const focused = look();
  element.blur();
  const blurred = look();
  element.focus();
  return focused !== blurred;
}"""


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
        with page.expect_navigation():
            control.click()

    def tick(self, page: "Page", box: "Locator") -> None:
        """See Hands."""
        box.check()

    def choose(self, page: "Page", menu: "Locator", label: str) -> None:
        """See Hands."""
        menu.select_option(label=label)

    def write(self, page: "Page", field: "Locator", text: str) -> None:
        """See Hands."""
        field.fill(text)


def reach(page: "Page", control: "Locator") -> None:
    """Press Tab until the control has the focus, which can be seen there."""
    for _ in range(STOPS):
        if control.evaluate("element => element === document.activeElement"):
            assert control.evaluate(VISIBLE), f"the focus cannot be seen on {control}"
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not reach {control}")


# What Tab must reach: what a mouse can use.
CONTROLS = "a[href], button, input:not([type=hidden]), select, textarea, summary"
STOP = """() => {
  const element = document.activeElement, index = [...document.querySelectorAll(%r)].indexOf(element);
  const {left, right} = element.getBoundingClientRect();
  return [index, index < 0 || (%s)(element), left >= 0 && right <= innerWidth];
}""" % (CONTROLS, VISIBLE)  # fmt: skip
ALL = """() => [...document.querySelectorAll(%r)].flatMap((element, index) =>
  element.checkVisibility({visibilityProperty: true}) && !element.disabled ? [[index, element.outerHTML]] : [])""" % CONTROLS


def unreachable(page: "Page") -> list[str]:
    """Return the controls that Tab does not reach, or where the focus cannot be seen."""
    left, found = {index: html for index, html in page.evaluate(ALL)}, []
    for _ in range(len(left) + 2):  # the focus can begin in a field, and leaves the page once
        page.keyboard.press("Tab")
        index, visible, inside = page.evaluate(STOP)
        html = left.pop(index, "")
        if html and not (visible and inside):
            found.append(f"the focus is not seen: {html}")
    return found + [f"Tab does not reach: {html}" for html in left.values()]
