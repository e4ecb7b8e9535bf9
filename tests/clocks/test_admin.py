"""The admin on a machine whose clock differs from the database's: nothing is decided, and the page says why."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest
from django.test import Client

from refunds import queries
from refunds.clocks.models import WrongClock

from ..admin.conftest import (
    APPROVE_ALL,
    CHANGE_LIST,
    act,
    client,
    clock,
    confirm,
    press,
    queued,
    state,
    texts,
    token_of,
    user,
)
from ..factories import CUTOFF, MINUTE, PRESSED, make_requests

__all__ = ["client", "clock", "user"]  # fixtures
pytestmark = pytest.mark.django_db
PERMISSIONS = ("approve_all", "approve_returnrequest", "decline_returnrequest")


@contextmanager
def wrong_clock(monkeypatch: pytest.MonkeyPatch) -> Generator[list[Any]]:
    """Put the admin's machine four minutes behind the database, which is past the cutoff.

    Each page in the list is refused: it leads to the list with one message that has both clocks and what to do. No row
    changes, except that the wrong clock is noted.
    """
    pages: list[Any] = []
    before = state()
    monkeypatch.setattr(queries, "database_clock", lambda: CUTOFF + 2 * MINUTE)
    monkeypatch.setattr("socket.gethostname", lambda: "web-1")
    yield pages
    clocks = f"the clock of web-1 says {PRESSED:%Y-%m-%d %H:%M:%S} UTC and the database's"
    for page in pages:
        assert page.redirect_chain == [(CHANGE_LIST, 302)]
        (text,) = texts(page)
        assert text.startswith(f"Nothing was decided: {clocks}")
        assert "web-1 is 240 s behind the database" in text
        assert "Set both clocks by NTP" in text
    assert WrongClock.objects.get().host == "web-1"
    assert (state() | {"WrongClock": []}, queued()) == (before, [])


def test_button_neither_shows_its_page_nor_starts_a_sweep(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page's numbers would be those of another day; the clock can go wrong between page and press."""
    make_requests(received_at=PRESSED)
    token = token_of(client)
    with wrong_clock(monkeypatch) as pages:
        pages.extend([client.get(APPROVE_ALL, follow=True), press(client, token, follow=True)])


@pytest.mark.parametrize("action", ["approve_selected", "decline_selected"])
@pytest.mark.parametrize("across", [0, 1])
def test_actions_neither_show_nor_decide(
    client: Client, monkeypatch: pytest.MonkeyPatch, action: str, across: int
) -> None:
    """For chosen rows and across pages, with the token of a page that was made while the clock was right."""
    chosen = [make_requests(received_at=PRESSED)[0].pk]
    token = act(client, action, chosen, select_across=across).context["token"]
    with wrong_clock(monkeypatch) as pages:
        pages.append(act(client, action, chosen, select_across=across))
        pages.append(confirm(client, action, chosen, token=token, select_across=across))
