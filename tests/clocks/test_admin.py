"""The admin on a machine whose clock differs from the database's: nothing is decided, and the page says why."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from refunds import queries
from refunds.clocks.models import WrongClock

from ..admin.conftest import APPROVE_ALL, CHANGE_LIST, browser, clock, make_user, press, state, texts, token_of
from ..factories import CUTOFF, PRESSED, make_requests

__all__ = ["clock"]  # a fixture
pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    """The browser of a user who may decide everything."""
    return browser(make_user("approve_all", "approve_returnrequest", "decline_returnrequest"))


def database_is_past_the_cutoff(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine of the admin is four minutes behind it, and still before the cutoff."""
    monkeypatch.setattr(queries, "database_clock", lambda: CUTOFF + timedelta(minutes=2))
    monkeypatch.setattr("socket.gethostname", lambda: "web-1")


def refused(page: Any) -> None:
    """The list, with one message that has both clocks and what to do."""
    assert page.redirect_chain == [(CHANGE_LIST, 302)]
    (text,) = texts(page)
    assert text.startswith(
        f"Nothing was decided: the clock of web-1 says {PRESSED:%Y-%m-%d %H:%M:%S} UTC and the database's"
    )
    assert "web-1 is 240 s behind the database" in text
    assert "Set both clocks by NTP" in text
    assert WrongClock.objects.get().host == "web-1"


def test_button_shows_no_page(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page's numbers would be those of another day."""
    make_requests()
    database_is_past_the_cutoff(monkeypatch)
    refused(client.get(APPROVE_ALL, follow=True))


def test_press_of_a_page_made_before_starts_nothing(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock went wrong between page and press."""
    make_requests(received_at=PRESSED)
    token = token_of(client)
    before = state()
    database_is_past_the_cutoff(monkeypatch)
    refused(press(client, token, follow=True))
    assert state() | {"WrongClock": []} == before  # the wrong clock is noted


@pytest.mark.parametrize("verb", ["approve", "decline"])
@pytest.mark.parametrize("across", [0, 1])
def test_actions_neither_show_nor_decide(
    client: Client, monkeypatch: pytest.MonkeyPatch, verb: str, across: int
) -> None:
    """For chosen rows and across pages, with the token of a page that was made while the clock was right."""
    (row,) = make_requests(received_at=PRESSED)
    form = {"action": f"{verb}_selected", "_selected_action": row.pk, "select_across": across}
    token = client.post(CHANGE_LIST, form).context["token"]
    before = state()
    database_is_past_the_cutoff(monkeypatch)
    refused(client.post(CHANGE_LIST, form, follow=True))
    refused(client.post(CHANGE_LIST, {**form, verb: "x", "token": token, "reason": "r"}, follow=True))
    assert state() | {"WrongClock": []} == before  # the wrong clock is noted
