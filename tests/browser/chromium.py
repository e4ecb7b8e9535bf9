"""Debian's Chromium, driven by Playwright, and axe-core: where they are, and what is wrong with a page."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Response

PACKAGE = "axe-core"
# The folder node_modules that has the package.
FOLDER = "REFUNDS_NODE_MODULES"
# Debian's name, and the names on other machines.
NAMES = ("chromium", "chromium-browser", "google-chrome")
# Nothing within the page is wider than the window, except in an element that scrolls, and no text is cut off.
CUT = """() => {
  const found = [], root = document.scrollingElement;
  if (root.scrollWidth > innerWidth) found.push(`the page is ${root.scrollWidth} wide in ${innerWidth}`);
  const scrolls = (element) => element && element !== document.body &&
    (["auto", "scroll"].includes(getComputedStyle(element).overflowX) || scrolls(element.parentElement));
  for (const element of document.body.querySelectorAll("*")) {
    const box = element.getBoundingClientRect(), style = getComputedStyle(element);
    if (!element.checkVisibility({visibilityProperty: true}) || box.width <= 1 || style.position === "absolute") continue;
    const name = `${element.tagName} ${element.id || element.className}: ${element.textContent.trim().slice(0, 40)}`;
    if (box.right > innerWidth + 1 && !scrolls(element)) found.push(`outside: ${name}`);
    if (["hidden", "clip"].includes(style.overflowX) && element.scrollWidth > element.clientWidth + 1)
      found.push(`cut off: ${name}`);
  }
  return found;
}"""
AUDIT = """async () => {
  await Promise.all(document.getAnimations().map(({finished}) => finished));  // of colours
  // No preload: axe would fetch style sheets and write them into a document, which the page's policy forbids.
  const {violations} = await axe.run(document, {resultTypes: ["violations"], preload: false});
  return violations.filter(({impact}) => ["serious", "critical"].includes(impact))
    .flatMap(({id, nodes}) => nodes.map(({html, failureSummary}) => `${id}: ${html} ${failureSummary}`));
}"""


def program() -> str | None:
    """Return the path of Chromium, if this machine has it."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def axe() -> Path:
    """Return the path of axe-core's script."""
    return Path(os.environ.get(FOLDER, "")) / PACKAGE / "axe.min.js"


def missing() -> str:
    """Return what this machine lacks; an empty text where it lacks nothing."""
    if find_spec("playwright") is None:
        return "Playwright is not installed: tox run -e browser installs it"
    if program() is None:
        return "there is no chromium on the path: apt-get install chromium"
    if not axe().is_file():
        named = os.environ.get(FOLDER)
        return f"the npm package {PACKAGE} is not in {FOLDER}={named!r}: tox run -e browser installs it"
    return ""


@contextmanager
def launched() -> "Iterator[Browser]":
    """Run Chromium without a window. Playwright downloads no browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program())
        yield browser
        browser.close()


def watch(page: "Page") -> list[str]:
    """Return a list to which each error of a page is added: of scripts, of loading, of the content security policy."""
    problems: list[str] = []

    def console(message: "ConsoleMessage") -> None:
        # `answered` has what could not be loaded, with its address.
        if message.type in {"error", "warning"} and not message.text.startswith("Failed to load resource"):
            problems.append(message.text)

    def answered(response: "Response") -> None:
        if response.status >= 400 and response.request.resource_type != "document":
            problems.append(f"{response.status} {response.url}")

    page.on("console", console)
    page.on("response", answered)
    page.on("pageerror", lambda error: problems.append(str(error)))
    # Every browser asks for this picture, also where no page names one.
    page.route("**/favicon.ico", lambda route: route.fulfill(status=204))
    return problems


def cut_off(page: "Page", width: int) -> list[str]:
    """Return what is cut off where the window is so many pixels wide."""
    page.set_viewport_size({"width": width, "height": 800})
    return list(page.evaluate(CUT))


def inaccessible(page: "Page") -> list[str]:
    """Return what axe-core finds serious or critical."""
    page.evaluate(_script())
    return list(page.evaluate(AUDIT))


@cache
def _script() -> str:
    return axe().read_text("utf-8")
