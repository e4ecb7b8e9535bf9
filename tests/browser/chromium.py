"""Debian's Chromium, driven by Playwright, and axe-core: where they are, and what is wrong with a page."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Response

PACKAGE = "axe-core"
# The folder node_modules that has the package.
FOLDER = "REFUNDS_NODE_MODULES"
# Debian's name, and the names on other machines.
NAMES = ("chromium", "chromium-browser", "google-chrome")
CHECKS = Path(__file__).with_name("checks.js")


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
    page.route("**/favicon.ico", lambda route: route.abort())
    return problems


def cut_off(page: "Page", width: int) -> list[str]:
    """Return what is cut off where the window is so many pixels wide."""
    page.set_viewport_size({"width": width, "height": 800})
    return list(check(page, "cutOff()"))


def inaccessible(page: "Page") -> list[str]:
    """Return what axe-core finds serious or critical."""
    page.evaluate(_text(axe()))
    return list(check(page, "inaccessible()"))


def check(page: "Page", called: str) -> Any:
    """Return what a function of checks.js returns for the page."""
    page.evaluate(_text(CHECKS))
    return page.evaluate(f"checks.{called}")


@cache
def _text(path: Path) -> str:
    return path.read_text("utf-8")
