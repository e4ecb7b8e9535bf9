"""The sweep's page: its progress counts rows, and it reloads until the sweep is over."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from freezegun.api import FrozenDateTimeFactory

from refunds.domain.sweeps import Frozen
from refunds.models import Chunk, Sweep
from refunds.operations import sweeps

from ..factories import CUTOFF, PRESSED, make_requests
from .conftest import CITY, browser, local, make_user

pytestmark = pytest.mark.django_db

AGAIN = '<meta http-equiv="refresh" content="2">'


@pytest.fixture
def client() -> Client:
    """The browser of a user who can view sweeps."""
    return browser(make_user("view_sweep"))


@pytest.fixture
def sweep(monkeypatch: pytest.MonkeyPatch) -> Sweep:
    """An approval of five rows in chunks of two, pressed by boss."""
    monkeypatch.setattr("refunds.domain.sweeps.CHUNK_ROWS", 2)
    last = make_requests(5)[-1]
    started, _ = sweeps.start_approve(key="k", frozen=Frozen(last.pk), by=make_user(username="boss"), now=PRESSED)
    return started


def page_of(client: Client, sweep: Sweep) -> Any:
    """The page, and the numbers it was given."""
    page = client.get(f"/admin/refunds/sweep/{sweep.pk}/change/")
    assert page.status_code == 200
    return page, (page.context["progress"].state, page.context["progress"].decided, page.context["progress"].left)


def test_page_follows_the_sweep_from_planning_to_done(client: Client, sweep: Sweep) -> None:
    """It shows planning, running and done with their counts, and stops reloading once all rows are decided."""
    page, numbers = page_of(client, sweep)
    assert (numbers, AGAIN in page.text) == (("planning", 0, 5), True)
    sweeps.plan_sweep(sweep.pk, PRESSED)
    first, *rest = Chunk.objects.order_by("pk")
    sweeps.decide_chunk(first.pk, PRESSED)
    page, numbers = page_of(client, sweep)
    assert (numbers, AGAIN in page.text) == (("running", 2, 3), True)
    assert '<progress id="progress" max="100" value="40">40 %</progress>' in page.text
    for chunk in rest:
        sweeps.decide_chunk(chunk.pk, PRESSED)
    page, numbers = page_of(client, sweep)
    assert (numbers, AGAIN in page.text) == (("done", 5, 0), False)
    assert 'value="100">100 %</progress>' in page.text


def test_page_shows_user_start_and_expiry(client: Client, sweep: Sweep) -> None:
    """The user who pressed, and the instants in the cutoff's zone, to the second."""
    text = page_of(client, sweep)[0].text
    assert "<td>boss</td>" in text
    assert f"<td>{local(PRESSED)}</td>" in text
    assert f'<th scope="row">Expires ({CITY})</th><td>{local(CUTOFF)}</td>' in text


def test_page_of_an_expired_sweep_says_how_many_it_left(
    client: Client, sweep: Sweep, clock: FrozenDateTimeFactory
) -> None:
    """From the cutoff on it has expired, before and after it is closed, and the page no longer reloads."""
    clock.move_to(CUTOFF - timedelta(microseconds=1))
    assert page_of(client, sweep)[1] == ("planning", 0, 5)
    clock.move_to(CUTOFF)
    page, numbers = page_of(client, sweep)
    assert (numbers, AGAIN in page.text) == (("expired", 0, 5), False)
    assert sweeps.close_expired(CUTOFF) == 1
    page, numbers = page_of(client, sweep)
    assert (numbers, AGAIN in page.text) == (("expired", 0, 5), False)
    assert "Left</th><td>5: still pending when the sweep expired" in page.text
    assert f"Expired ({CITY})" in page.text


def test_page_of_a_decline_names_its_cutoff(client: Client) -> None:
    """No user started the sweep of the cutoff, and it never expires."""
    text = page_of(client, sweeps.decline_pending(CUTOFF)[0])[0].text
    assert '<th scope="row">Started by</th><td>the cutoff</td>' in text
    assert f'<th scope="row">Cutoff ({CITY})</th><td>{local(CUTOFF)}</td>' in text
    assert "Expires" not in text


def test_page_of_an_approval_from_the_shell_names_no_user(client: Client) -> None:
    """A sweep without a user was started by a command."""
    sweep, _ = sweeps.start_approve(key="k", frozen=Frozen(0), by=None, now=PRESSED)
    assert '<th scope="row">Started by</th><td>a command</td>' in page_of(client, sweep)[0].text


def test_list_shows_every_sweep(client: Client, sweep: Sweep) -> None:
    """Newest first, with its kind and who started it."""
    sweeps.decline_pending(CUTOFF)
    page = client.get("/admin/refunds/sweep/")
    assert [row.kind for row in page.context["cl"].result_list] == ["decline", "approve"]
    assert "boss" in page.text


@pytest.mark.parametrize("object_id", ["999", "x", "<script>", "99999999999999999999"])
def test_page_of_an_unknown_sweep_redirects_to_the_index(client: Client, object_id: str) -> None:
    """The message repeats the unknown id, escaped."""
    page = client.get(f"/admin/refunds/sweep/{object_id}/change/", follow=True)
    assert page.redirect_chain == [("/admin/", 302)]
    assert "<script>”" not in page.text
    assert "Perhaps it was deleted?" in page.text
