"""Why the form of a confirmation page is refused: nothing changes, and a fresh page gives the reason."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import signing
from django.test import Client
from freezegun.api import FrozenDateTimeFactory

from refunds.admin.actions import MAX_AGE
from refunds.apps import LABEL
from refunds.operations.sweeps import decline_pending

from ..factories import CUTOFF, NOON, SECOND, local, make_requests
from .conftest import APPROVE_ALL, CITY, act, confirm, press, texts, token_of, unchanged

pytestmark = pytest.mark.django_db
PERMISSIONS = ("approve_all", "approve_returnrequest", "decline_returnrequest")
EVERY_PAGE = pytest.mark.parametrize("page", ["approve_all", "approve", "decline"])


@pytest.fixture
def chosen() -> list[int]:
    """Return the ids of two pending requests."""
    return [row.pk for row in make_requests(2)]


def shown(client: Client, page: str, chosen: list[int]) -> str:
    """Return the token of the page."""
    if page == "approve_all":
        return token_of(client)
    return str(act(client, f"{page}_selected", chosen).context["token"])


def send(client: Client, page: str, chosen: list[int], token: str) -> Any:
    """Send the page's form, and return the fresh page with the one reason."""
    if page != "approve_all":
        fresh = confirm(client, f"{page}_selected", chosen, token=token)
    else:
        fresh = press(client, token, follow=True)
        assert fresh.redirect_chain == [(APPROVE_ALL, 302)]
    (reason,) = texts(fresh)
    return fresh, reason


def signed(token: str, page: str, *more: str, other: str = "", user: object = None) -> str:
    """Sign what the token has, and more, for this page and this user, or for others."""
    pk = User.objects.get().pk
    contents = signing.loads(token, salt=f"{LABEL}.admin.{page}:{pk}")
    return signing.dumps([*contents, *more], salt=f"{LABEL}.admin.{other or page}:{user or pk}")


SPOILT: dict[str, Callable[[str, str], str]] = {
    "changed": lambda token, _: token[:-1] + ("A" if token[-1] != "A" else "B"),
    "of the button": lambda token, page: signed(
        token, page, other="approve_all" if page != "approve_all" else "approve"
    ),
    "with more in it": lambda token, page: signed(token, page, "more"),
    "of another user": lambda token, page: signed(token, page, user=999),
    "empty": lambda *_: "",
    "text": lambda *_: "1:2:\x00<script>",
}


@EVERY_PAGE
@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_forged_page_changes_nothing(
    client: Client, chosen: list[int], page: str, spoil: Callable[[str, str], str]
) -> None:
    """A token that was not made here for this page and this user leads to a fresh page that says so."""
    token = shown(client, page, chosen)
    with unchanged():
        fresh, reason = send(client, page, chosen, spoil(token, page))
    assert reason.startswith("Nothing was changed: the form was not one that this page made for you. Check the numbers")
    assert fresh.context["totals"] == [("GBP", 2, "25.00 GBP")]
    assert fresh.context["token"] != token


@EVERY_PAGE
@pytest.mark.parametrize(
    ("shown_at", "sent_at", "why"),
    [
        (CUTOFF - SECOND, CUTOFF, f"the cutoff of {local(CUTOFF)} ({CITY}) passed"),
        (NOON, NOON + MAX_AGE + SECOND, "open for more than an hour"),
    ],
)
def test_expired_page_changes_nothing(  # noqa: PLR0917  # three of them are one case
    client: Client, clock: FrozenDateTimeFactory, chosen: list[int], page: str,
    shown_at: datetime, sent_at: datetime, why: str,
) -> None:  # fmt: skip
    """A page sent at the cutoff, or a second after its hour, leads to a fresh page that says why."""
    clock.move_to(shown_at)
    token = shown(client, page, chosen)
    clock.move_to(sent_at)
    with unchanged():
        assert why in send(client, page, chosen, token)[1]


@EVERY_PAGE
def test_page_that_is_sent_after_its_cutoff_leads_to_the_decline(
    client: Client, clock: FrozenDateTimeFactory, chosen: list[int], page: str
) -> None:
    """It says what happened to the rows. Until beat or a worker has run, there is no sweep to lead to."""
    token = shown(client, page, chosen)
    clock.move_to(CUTOFF)
    assert send(client, page, chosen, token)[1].endswith(
        "What was pending then is declined once beat or a worker runs."
    )
    sweep, _ = decline_pending(CUTOFF)
    link = f'<a href="/admin/refunds/sweep/{sweep.pk}/change/">decline sweep {sweep.pk}</a>'
    fresh, reason = send(client, page, chosen, token)
    assert reason.endswith(f"What was pending then is declined by the {link}.")
    assert link in fresh.text


@pytest.mark.parametrize("method", ["get", "head", "put", "patch", "delete"])
def test_only_post_starts_a_sweep(client: Client, chosen: list[int], method: str) -> None:
    """The token in a URL, or sent by another method, changes nothing."""
    token = token_of(client)
    with unchanged():
        response = getattr(client, method)(f"{APPROVE_ALL}?token={token}")
    assert response.status_code == (200 if method in {"get", "head"} else 405)
