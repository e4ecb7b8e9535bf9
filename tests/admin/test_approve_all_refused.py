"""Why a press of the button is refused: nothing changes, and a fresh page gives the reason."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import signing
from django.test import Client, TestCase
from freezegun.api import FrozenDateTimeFactory

from refunds.apps import LABEL
from refunds.domain import cutoff

from ..factories import CUTOFF, NOON, make_requests
from .conftest import APPROVE_ALL, Message, browser, local, make_user, press, state, texts, token_of

pytestmark = pytest.mark.django_db

Queued = Callable[[], list[Message]]


@pytest.fixture
def client() -> Client:
    """The browser of one who may press the button."""
    return browser(make_user("approve_all"))


def forged(token: str) -> str:
    return token[:-1] + ("A" if token[-1] != "A" else "B")


def salt(user: object = None) -> str:
    """What the page's token for the user, or for the one who is logged in, is signed with."""
    return f"{LABEL}.admin.approve_all:{user or User.objects.get().pk}"


def contents(token: str) -> list[str]:
    return list(signing.loads(token, salt=salt()))


def of_other_page(token: str) -> str:
    return signing.dumps(contents(token), salt=salt().replace("approve_all", "approve"))


def of_other_contents(token: str) -> str:
    return signing.dumps([*contents(token), "more"], salt=salt())


def of_other_user(token: str) -> str:
    return signing.dumps(contents(token), salt=salt(999))


@pytest.mark.parametrize(
    "spoil", [forged, of_other_page, of_other_contents, of_other_user, lambda _: "", lambda _: "\x00<script>"]
)
def test_forged_page_changes_nothing(
    client: Client, queued: Queued, django_capture_on_commit_callbacks: Any, spoil: Callable[[str], str]
) -> None:
    """A token that was not made here for this user leads back to a fresh page that says so."""
    make_requests(2)
    token = spoil(token_of(client))
    before = state()
    with django_capture_on_commit_callbacks(execute=True):
        response = press(client, token, follow=True)
    assert response.redirect_chain == [(APPROVE_ALL, 302)]
    assert len(texts(response)) == 1
    assert "Nothing was changed: the form was not one that this page made for you." in texts(response)[0]
    assert "token" in response.context
    assert (state(), queued()) == (before, [])


@pytest.mark.parametrize(
    ("shown_at", "after", "why"),
    [
        (CUTOFF - timedelta(seconds=1), timedelta(seconds=1), f"the cutoff of {local(CUTOFF)} ({cutoff.CITY}) passed"),
        (NOON, timedelta(hours=1, seconds=1), "open for more than an hour"),
    ],
)
def test_expired_page_changes_nothing(
    client: Client, clock: FrozenDateTimeFactory, shown_at: datetime, after: timedelta, why: str
) -> None:
    """A page pressed at the cutoff, or a second after its hour, leads to a fresh page."""
    make_requests(2)
    clock.move_to(shown_at)
    token = token_of(client)
    before = state()
    clock.tick(after)
    with TestCase.captureOnCommitCallbacks(execute=True) as callbacks:
        response = press(client, token, follow=True)
    assert response.redirect_chain == [(APPROVE_ALL, 302)]
    assert why in texts(response)[0]
    assert (state(), callbacks) == (before, [])


@pytest.mark.parametrize("method", ["get", "head", "put", "patch", "delete"])
def test_only_post_starts_a_sweep(client: Client, method: str) -> None:
    """The token in a URL, or sent by another method, changes nothing."""
    make_requests()
    token = token_of(client)
    before = state()
    response = getattr(client, method)(f"{APPROVE_ALL}?token={token}")
    assert response.status_code == (200 if method in {"get", "head"} else 405)
    assert state() == before
