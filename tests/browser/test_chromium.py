"""The checks find what they look for, and the browser's tests say what a machine lacks."""

from typing import TYPE_CHECKING, Any

import pytest

from . import chromium
from .hands import reach, unreachable

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from pytest_django.live_server_helper import LiveServer

# A table that scrolls is no fault; a box in a page, and a text in a box, that are too wide are.
WIDE = """<title>t</title><div style="overflow-x: auto"><p style="width: 2000px">scrolls</p></div>
<p id="wide" style="width: 500px">wide</p>
<p id="cut" style="width: 50px; overflow: hidden; white-space: nowrap">This text is longer than its box.</p>"""
BAD = """<html lang="en"><title>t</title><main><h1>t</h1><button style="outline: none">seen by nobody</button>
<input type="submit" tabindex="-1" value="out of reach"><p style="color: #aaa">pale</p></main>"""


@pytest.mark.browser
def test_what_is_cut_off_is_found(chromium_page: Any) -> None:
    """In the window and in a box, but not in a table that scrolls."""
    chromium_page.set_content(WIDE)
    found = [text.partition(" ")[0:3:2] for text in chromium.cut_off(chromium_page, 400)]
    assert found == [
        ("the", "page is 508 wide in 400"),
        ("outside:", "P wide: wide"),
        ("cut", "off: P cut: This text is longer than its box."),
    ]
    assert chromium.cut_off(chromium_page, 1280) == ["cut off: P cut: This text is longer than its box."]


@pytest.mark.browser
def test_what_is_inaccessible_is_found(chromium_page: Any) -> None:
    """By axe-core a pale text, by the keyboard a focus that is not seen and a button that Tab does not reach."""
    chromium_page.set_content(BAD)
    assert [text.partition(":")[0] for text in chromium.inaccessible(chromium_page)] == ["color-contrast"]
    assert [text.partition(": ")[0] for text in unreachable(chromium_page)] == [
        "the focus is not seen",
        "Tab does not reach",
    ]
    for control in ("button", "input"):
        with pytest.raises(AssertionError):
            reach(chromium_page, chromium_page.locator(control))


@pytest.mark.browser
@pytest.mark.usefixtures("transactional_db")
def test_errors_of_a_page_are_found(chromium_page: Any, live_server: "LiveServer") -> None:
    """What the policy blocks, what is missing, what a script raises and what it logs."""
    problems = chromium.watch(chromium_page)
    chromium_page.goto(f"{live_server.url}/admin/login/")
    assert problems == []
    for script in (
        "document.body.append(Object.assign(document.createElement('script'), {text: '1'}))",
        "fetch('/static/none.js')",
        "setTimeout(() => { throw Error('raised') })",
        "console.error('logged')",
    ):
        chromium_page.evaluate(f"() => {{ {script} }}")
    chromium_page.wait_for_load_state("networkidle")
    assert ["Content Security Policy" in problems[0], *sorted(problems[1:])] == [
        *(True, f"404 {live_server.url}/static/none.js", "logged", "raised")
    ]


@pytest.fixture
def chromium_page(chromium: "Browser") -> Any:
    """An empty window."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    yield context.new_page()
    context.close()


def test_missing_parts_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A laptop without them skips with the reason."""
    monkeypatch.setenv(chromium.FOLDER, "/nowhere")
    monkeypatch.setattr(chromium, "find_spec", lambda name: name)
    monkeypatch.setattr("shutil.which", lambda name: name)
    lack = "the npm package axe-core is not in REFUNDS_NODE_MODULES='/nowhere': tox run -e browser installs it"
    assert chromium.missing() == lack
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert chromium.missing() == "there is no chromium on the path: apt-get install chromium"
    monkeypatch.setattr(chromium, "find_spec", lambda name: None)
    assert chromium.missing() == "Playwright is not installed: tox run -e browser installs it"
