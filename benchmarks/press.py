"""The click: the admin's confirmation page and its button, through Django's test client, as a superuser's browser."""

import re
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TypeVar

from django.contrib.auth.models import User
from django.db import connections
from django.test import Client
from django.utils import timezone

from refunds.demo import scratch_database

from .measure import Real, Times
from .rows import fill

PAGE = "/admin/refunds/returnrequest/approve-all/"
SWEEP = "/admin/refunds/sweep/"
FIELD = re.compile(r'name="(csrfmiddlewaretoken|token)" value="([^"]+)"')
Response = TypeVar("Response")  # what the test client returns, which has no name to import


@dataclass
class Clicks:
    """Seconds for the page and for the press, at so many pending rows; the first of each warms up and is apart."""

    pending: int
    pages: list[float] = field(default_factory=list)
    presses: list[float] = field(default_factory=list)

    @property
    def page(self) -> Times:
        """From the request for the page to its last byte."""
        return Times(self.pages[1:])

    @property
    def press(self) -> Times:
        """From the form to the redirect."""
        return Times(self.presses[1:])


def measure(sizes: Sequence[int], clicks: int) -> list[Clicks]:
    """So many clicks at each size after one to warm up, by turns, each size in a SQLite file of its own."""
    with ExitStack() as stack:
        browsers = []
        for size in sizes:
            stack.enter_context(scratch_database())
            fill(size, timezone.now())
            browsers.append((Clicks(size), connections["default"], _browser()))
        innermost = connections["default"]
        for _ in range(clicks + 1):
            for found, connection, client in browsers:
                connections["default"] = connection
                _click(client, found)
        connections["default"] = innermost
    return [found for found, _, _ in browsers]


def _browser() -> Client:
    user = User.objects.create_superuser("admin", password=None)
    client = Client(enforce_csrf_checks=True, SERVER_NAME="localhost")
    client.force_login(user)
    return client


def _click(client: Client, found: Clicks) -> None:
    page, seconds = _timed(lambda: client.get(PAGE))
    found.pages.append(seconds)
    form = dict(FIELD.findall(page.text))
    answer, seconds = _timed(lambda: client.post(PAGE, form))
    found.presses.append(seconds)
    if not answer.headers.get("Location", "").startswith(SWEEP):
        raise RuntimeError(
            f"a press at {found.pending:,} pending rows started no sweep (status {answer.status_code}); "
            "if 18:00 in Kyiv has just passed, run it again"
        )


def _timed(request: Callable[[], Response]) -> tuple[Response, float]:
    # As in a web process with Django's default CONN_MAX_AGE: each request opens its connection.
    connections["default"].close()
    began = Real.clock()
    response = request()
    return response, Real.clock() - began
