"""The default project on a live server, the demo's rows, and browsers that are logged in. All clocks stand still."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from freezegun import freeze_time
from pytest_django.live_server_helper import LiveServer

from refunds.notices import opt_outs

from ..factories import PRESSED
from .chromium import launched, missing, watch
from .demo import make_demo, make_long

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    Browse = Callable[..., Page]


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Use a file: two requests at once cannot share the one connection to a database in memory."""
    settings.DATABASES["default"]["TEST"]["NAME"] = str(tmp_path_factory.mktemp("browser") / "refunds.sqlite3")


@pytest.fixture(scope="session")
def live_server(django_db_setup: None, live_server: LiveServer) -> LiveServer:
    """Make the database first: a server that starts before would share one connection among its threads."""
    return live_server


@pytest.fixture(scope="session")
def chromium() -> "Iterator[Browser]":
    """One browser for all tests; each page has cookies of its own. Skips where the machine lacks something."""
    if lack := missing():
        pytest.skip(lack)
    # Playwright runs an event loop in the thread of the tests, and waits in it: Django need not fear two tasks at once.
    with pytest.MonkeyPatch.context() as patch, launched() as browser:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        yield browser


@pytest.fixture
def clock(chromium: "Browser") -> Iterator[None]:  # the browser first: its own clock goes on
    """Stop the clock of the tests and of the server, two minutes before the cutoff of an ordinary day."""
    with freeze_time(PRESSED, real_asyncio=True):
        yield


@pytest.fixture
def demo(clock: None, django_db_reset_sequences: None) -> dict[str, Any]:
    """The ids of the demo's rows, by name: the same in every test, so that pictures change only with the pages."""
    return make_demo()


@pytest.fixture
def rows(demo: dict[str, Any]) -> dict[str, Any]:
    """The demo's rows, those with long texts, and the token of a customer's link."""
    return demo | make_long() | {"token": opt_outs.token("c-1001@example.com")}


@pytest.fixture
def browse(chromium: "Browser", live_server: LiveServer, demo: dict[str, Any]) -> "Iterator[Browse]":
    """Open a window of the operator, who is logged in unless `anonymous`. An error on any page fails the test.

    The browser asks for pages in `language`.
    """
    contexts, problems = [], []

    def browse(*, anonymous: bool = False, width: int = 1280, javascript: bool = True, language: str = "en") -> "Page":
        viewport = {"width": width, "height": 800}
        options: dict[str, Any] = {"viewport": viewport, "java_script_enabled": javascript, "locale": language}
        context = chromium.new_context(base_url=live_server.url, **options)
        contexts.append(context)
        context.clock.set_fixed_time(PRESSED)
        if not anonymous:
            client = Client()
            client.force_login(User.objects.get())
            context.add_cookies(
                [{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}]
            )
        context.on("page", lambda page: problems.append(watch(page)))
        return context.new_page()

    yield browse
    for context in contexts:
        context.close()
    assert [problem for found in problems for problem in found] == []
