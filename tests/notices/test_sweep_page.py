"""The page of a sweep says how many notices of its refunds were sent, wait, or are suppressed."""

from typing import Any

import pytest
from django.test import Client
from freezegun.api import FrozenDateTimeFactory

from refunds.frozen import freeze
from refunds.models import Chunk, Refund, Sweep
from refunds.notices import of_sweep
from refunds.notices.models import Notice
from refunds.operations import button, sweeps

from ..admin.conftest import browser, clock, make_user
from ..factories import CUTOFF, NOON, PRESSED, make_refund, make_requests

__all__ = ["clock"]  # a fixture
pytestmark = pytest.mark.django_db
STATUSES: dict[str, dict[str, Any]] = {
    "sent": {"notified_of": "succeeded", "notified_at": NOON},
    "pending": {"due_at": NOON},
    "suppressed": {"reason": "opted out"},
}


@pytest.fixture
def client() -> Client:
    """Return the browser of a user who can view sweeps and notices."""
    return browser(make_user("view_sweep", "view_notice"))


@pytest.fixture
def sweep(monkeypatch: pytest.MonkeyPatch) -> Sweep:
    """Return a finished sweep of three chunks, with the refund of another decision between its own."""
    monkeypatch.setattr("refunds.domain.sweeps.CHUNK_ROWS", 2)
    make_requests(3)
    Notice.objects.create(request=make_refund().request, status="sent", **STATUSES["sent"])
    make_requests(3)
    sweep, _ = button.start_approve(key="k", frozen=freeze(), by=None, now=PRESSED)
    sweeps.plan_sweep(sweep.pk, PRESSED)
    for chunk in Chunk.objects.order_by("pk"):
        sweeps.decide_chunk(chunk.pk, PRESSED)
    return sweep


def notify(sweep: Sweep, *statuses: str) -> None:
    """Make notices of the sweep's first refunds."""
    refunds = Refund.objects.filter(request__sweep=sweep).order_by("pk")
    for refund, status in zip(refunds, statuses, strict=False):
        Notice.objects.create(request=refund.request, status=status, **STATUSES[status])


def shown(client: Client, sweep: Sweep) -> tuple[list[str], Any]:
    """Return the numbers of sent, waiting and suppressed notices on the sweep's page, and whether more can come."""
    context = client.get(f"/admin/refunds/sweep/{sweep.pk}/change/").context
    facts = dict(context["instants"])
    return [facts[f"Notices {status}"] for status in ("sent", "waiting", "suppressed")], context["waits"]


def test_page_counts_the_notices_of_its_refunds(
    client: Client, sweep: Sweep, clock: FrozenDateTimeFactory, django_assert_num_queries: Any
) -> None:
    """By status, and of no other sweep; counted again after half a minute, if there is something to wait for."""
    assert shown(client, sweep) == (["0", "0", "0"], False)
    notify(sweep, "sent", "sent", "pending", "suppressed", "sent", "sent")
    with django_assert_num_queries(1):  # the chunks
        of_sweep.count(sweep, PRESSED)
    clock.move_to(PRESSED + of_sweep.FRESH)
    assert shown(client, sweep) == (["4", "1", "1"], True)
    clock.move_to(PRESSED + 2 * of_sweep.FRESH)
    with django_assert_num_queries(2):  # the one chunk with a mail that waits
        of_sweep.count(sweep, PRESSED + 2 * of_sweep.FRESH)


def test_page_counts_for_a_bounded_time(client: Client, sweep: Sweep, monkeypatch: pytest.MonkeyPatch) -> None:
    """One chunk at least, and says so; the next page goes on."""
    monkeypatch.setattr(of_sweep, "BUDGET", 0)
    notify(sweep, *["sent"] * 6)
    assert shown(client, sweep) == (["at least 2", "at least 0", "at least 0"], True)
    shown(client, sweep)
    assert shown(client, sweep) == (["6", "0", "0"], False)


def test_notices_are_for_users_who_can_view_them(sweep: Sweep) -> None:
    """And a decline has none."""
    page = browser(make_user("view_sweep", username="other")).get(f"/admin/refunds/sweep/{sweep.pk}/change/")
    assert "Notices" not in page.text
    decline, _ = sweeps.decline_pending(CUTOFF)
    boss = browser(make_user(is_superuser=True, username="boss"))
    assert "Notices sent" not in boss.get(f"/admin/refunds/sweep/{decline.pk}/change/").text
