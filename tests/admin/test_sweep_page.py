"""The sweep's page: its progress counts rows, and it reloads until the sweep is over."""

from typing import Any

import pytest
from django.test import Client
from freezegun.api import FrozenDateTimeFactory

from refunds.domain.sweeps import Frozen
from refunds.models import Chunk, Sweep
from refunds.operations import button, sweeps

from ..factories import BLINK, CUTOFF, PRESSED, local, make_requests
from .conftest import CITY, make_user

pytestmark = pytest.mark.django_db

AGAIN = '<meta http-equiv="refresh" content="2">'
PERMISSIONS = ("view_sweep",)


@pytest.fixture
def sweep(monkeypatch: pytest.MonkeyPatch) -> Sweep:
    """An approval of five rows in chunks of two, pressed by boss."""
    monkeypatch.setattr("refunds.domain.sweeps.CHUNK_ROWS", 2)
    last = make_requests(5)[-1]
    started, _ = button.start_approve(key="k", frozen=Frozen(last.pk), by=make_user(username="boss"), now=PRESSED)
    return started


def page_of(client: Client, sweep: Sweep) -> tuple[str, tuple[Any, ...]]:
    """Return the page's text; and its state, how many rows are decided and left, and whether it reloads."""
    page = client.get(f"/admin/refunds/sweep/{sweep.pk}/change/")
    assert page.status_code == 200
    progress = page.context["progress"]
    return page.text, (progress.state, progress.decided, progress.left, AGAIN in page.text)


def test_page_follows_the_sweep_from_planning_to_done(client: Client, sweep: Sweep) -> None:
    """It shows planning, running and done with their counts, and stops reloading once all rows are decided."""
    assert page_of(client, sweep)[1] == ("planning", 0, 5, True)
    sweeps.plan_sweep(sweep.pk, PRESSED)
    first, *rest = Chunk.objects.order_by("pk")
    sweeps.decide_chunk(first.pk, PRESSED)
    text, numbers = page_of(client, sweep)
    assert numbers == ("running", 2, 3, True)
    assert '<progress id="progress" max="100" value="40">40 %</progress>' in text
    for chunk in rest:
        sweeps.decide_chunk(chunk.pk, PRESSED)
    text, numbers = page_of(client, sweep)
    assert numbers == ("done", 5, 0, False)
    assert 'value="100">100 %</progress>' in text


def test_page_shows_user_start_and_expiry(client: Client, sweep: Sweep) -> None:
    """The user who pressed, and the instants in the cutoff's zone, to the second."""
    text = page_of(client, sweep)[0]
    assert "<td>boss</td>" in text
    assert f"<td>{local(PRESSED)}</td>" in text
    assert f'<th scope="row">Expires ({CITY})</th><td>{local(CUTOFF)}</td>' in text


def test_page_of_an_expired_sweep_says_how_many_it_left(
    client: Client, sweep: Sweep, clock: FrozenDateTimeFactory
) -> None:
    """From the cutoff on it has expired, before and after it is closed, and the page no longer reloads."""
    clock.move_to(CUTOFF - BLINK)
    assert page_of(client, sweep)[1] == ("planning", 0, 5, True)
    clock.move_to(CUTOFF)
    assert page_of(client, sweep)[1] == ("expired", 0, 5, False)
    assert sweeps.close_expired(CUTOFF) == 1
    text, numbers = page_of(client, sweep)
    assert numbers == ("expired", 0, 5, False)
    for cell in ("<td>expired</td>", f"<td>{local(CUTOFF)}</td>", "<td>5: still pending when the sweep expired"):
        assert cell in text
    assert f"Expired ({CITY})" in text


def test_page_without_a_user_says_what_started_the_sweep(client: Client) -> None:
    """The cutoff starts the decline, which never expires. A command starts an approval without a user."""
    text = page_of(client, sweeps.decline_pending(CUTOFF)[0])[0]
    assert '<th scope="row">Started by</th><td>the cutoff</td>' in text
    assert f'<th scope="row">Cutoff ({CITY})</th><td>{local(CUTOFF)}</td>' in text
    assert "Expires" not in text
    approval, _ = button.start_approve(key="k", frozen=Frozen(0), by=None, now=PRESSED)
    assert '<th scope="row">Started by</th><td>a command</td>' in page_of(client, approval)[0]


def test_list_shows_every_sweep(client: Client, sweep: Sweep) -> None:
    """Newest first, with its kind and who started it. It filters by kind."""
    decline, _ = sweeps.decline_pending(CUTOFF)
    for query, found in ("", [decline, sweep]), ("?kind__exact=approve", [sweep]), ("?kind__exact=decline", [decline]):
        page = client.get(f"/admin/refunds/sweep/{query}")
        assert list(page.context["cl"].result_list) == found
        assert ("boss" in page.text) is (sweep in found)
