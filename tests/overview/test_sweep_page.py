"""The sweep's page: parts, sums, log, and what it asks its script to do."""

from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from freezegun.api import FrozenDateTimeFactory

from refunds.admin.sweeps import SweepAdmin
from refunds.domain.returns import Decision
from refunds.models import Refund, ReturnRequest, Sweep
from refunds.operations import sweeps
from refunds.operations.decisions import decide_chosen
from refunds.overview import live
from refunds.overview import sums as of_sweeps

from ..admin.conftest import REFUNDS, browser, client, clock, make_user, user
from ..factories import CUTOFF, HOUR, MINUTE, PRESSED, SECOND, local, make_requests
from .conftest import decide, press

__all__ = ["client", "clock", "user"]  # fixtures

pytestmark = pytest.mark.django_db
PERMISSIONS = ("view_sweep",)
SWEEPS = "/admin/refunds/sweep/"


def parts(client: Client, sweep: Sweep) -> dict[str, Any]:
    """Return the context of the part of the page that changes."""
    page = client.get(f"{SWEEPS}{sweep.pk}/progress/")
    assert page.status_code == 200
    assert "<html" not in page.text
    return {"text": page.text} | {name: page.context[name] for name in page.context.keys()}  # noqa: SIM118  # no iterator


def test_parts_follow_the_sweep(client: Client, clock: FrozenDateTimeFactory) -> None:
    """Approved, skipped and left; rate and time left from the planning on; the script asks again each second."""
    rows = make_requests(6)
    sweep = press()
    assert parts(client, sweep)["ask_again"] == 1
    decide_chosen([rows[0].pk], Decision.DECLINE, by=None, note="", now=PRESSED + SECOND)
    decide(sweep, 1, PRESSED + SECOND)
    clock.move_to(PRESSED + 5 * SECOND)
    found = parts(client, sweep)
    assert found["parts"] == [("Approved", 2), ("Skipped: decided by someone else", 1), ("Left", 3)]
    assert found["speed"] == [("Duration", "0:00:05"), ("Rate", "30.0 rows a minute"), ("Time left", "0:00:06")]
    assert (found["ask_again"], 'data-again="1"' in found["text"]) == (1, True)


def test_sums_say_how_each_payment_stands(client: Client) -> None:
    """By outcome and currency. While refunds wait the script asks again, and not once all are settled."""
    ids = [row.pk for row in (*make_requests(3), *make_requests(2, currency="JPY"))]
    decide(sweep := press())
    settled = {"status": "succeeded", "settled_at": PRESSED, "receipt": "r"}
    Refund.objects.filter(pk__in=[ids[0], ids[3]]).update(**settled)
    Refund.objects.filter(pk=ids[1]).update(status="processing", accepted_at=PRESSED, receipt="p")
    Refund.objects.filter(pk=ids[2]).update(status="failed", settled_at=PRESSED, failure="card closed")
    found = parts(client, sweep)
    assert found["lines"] == [
        ("Approved, paid", 2, ["12.50 GBP", "1,250 JPY"]),
        ("Approved, payment waiting", 1, ["1,250 JPY"]),
        ("Approved, payment under way at the provider", 1, ["12.50 GBP"]),
        ("Approved, payment failed", 1, ["12.50 GBP"]),
    ]
    assert (found["ask_again"], 'data-again="5"' in found["text"]) == (5, True)


def test_page_of_settled_refunds_is_final(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the script nor a browser without one asks again, unless another room still works on the sweep."""
    make_requests(1)
    decide(sweep := press())
    page = f"{SWEEPS}{sweep.pk}/change/"
    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in client.get(page).text
    Refund.objects.update(status="succeeded", settled_at=PRESSED, receipt="r")
    cache.clear()
    text = client.get(page).text
    assert ("data-again" in text, "http-equiv" in text) == (False, False)
    monkeypatch.setattr(SweepAdmin, "extra_context", [lambda *_: {"refresh": 2}, *SweepAdmin.extra_context])
    text = client.get(page).text
    assert ('data-again="1"' in text, 'http-equiv="refresh" content="2"' in text) == (True, True)
    assert "not decided yet" not in text


def test_log_tells_what_happened(client: Client, clock: FrozenDateTimeFactory) -> None:
    """Started, planned, chunks and the end, in order, at the instants of the rows."""
    make_requests(5)
    sweep = press()
    decide(sweep, 2, PRESSED + SECOND)
    clock.move_to(CUTOFF)
    log = [
        (local(PRESSED), "Started by boss."),
        (local(PRESSED + SECOND), "Planned: chunks 3."),
        (local(PRESSED + SECOND), "Chunks done: 2 of 3. Decided: 4."),
        (local(CUTOFF), "Expired. Left pending: 1."),
    ]
    assert parts(client, sweep)["events"] == log
    decline, _ = sweeps.decline_pending(CUTOFF + MINUTE)
    decide(decline, None, CUTOFF + MINUTE)
    closed = (local(CUTOFF + MINUTE), "Closed. Left pending: 1.")
    assert parts(client, sweep)["events"] == [*log, closed]
    assert [text for _, text in parts(client, decline)["events"]][-1] == "Finished."
    assert parts(client, sweep)["lines"][-1] == ("Left pending by the sweep", 1, ["12.50 GBP"])


def test_empty_sweep_says_who_took_the_rows(client: Client, clock: FrozenDateTimeFactory) -> None:
    """The sweep of another tab: the page of the second was made before the first was pressed."""
    make_requests(3)
    decide(first := press("ann"))
    decide(second := press("bob", PRESSED + SECOND), None, PRESSED + SECOND)
    clock.move_to(PRESSED + SECOND)
    assert parts(client, first)["takers"] == []
    found = parts(client, second)
    assert found["takers"] == [(f"approve sweep {first.pk}", f"{SWEEPS}{first.pk}/change/", 3)]
    assert f'<a href="{SWEEPS}{first.pk}/change/">Approve sweep {first.pk}</a> decided 3' in found["text"]
    clock.move_to(PRESSED + SECOND)
    later = press("cy", PRESSED + MINUTE + HOUR)
    decide(later, None, PRESSED + MINUTE + HOUR)
    assert parts(client, later)["takers"] == []


def test_page_counts_within_its_budget_and_goes_on_the_next_time(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page counts one piece at least, keeps it, and says how many are counted."""
    make_requests(6)
    decide(sweep := press())
    monkeypatch.setattr(of_sweeps, "perf_counter", iter(range(100)).__next__)
    for counted, requests in (1, []), (2, [2]), (3, [4]):  # the first piece lies before the first chunk
        found = parts(client, sweep)
        assert (found["sums"].counted, found["sums"].of) == (counted, 4)
        assert [count for _, count, _ in found["lines"]] == requests
        assert f"Still counting: {counted} of 4 parts." in found["text"]
        assert found["ask_again"] == 1
    found = parts(client, sweep)
    assert (found["sums"].complete, found["lines"][0][1], "Still counting" in found["text"]) == (True, 6, False)


def test_counts_are_kept_and_grow_old(client: Client, clock: FrozenDateTimeFactory) -> None:
    """Two seconds where a refund waits, ten where all are settled."""
    make_requests(1)
    decide(sweep := press())
    waiting, paid, failed = ("Approved, payment waiting", "Approved, paid", "Approved, payment failed")
    assert parts(client, sweep)["lines"][0][0] == waiting
    Refund.objects.update(status="succeeded", settled_at=PRESSED, receipt="r")
    for seconds, text in (1, waiting), (2, paid):
        clock.move_to(PRESSED + seconds * SECOND)
        assert parts(client, sweep)["lines"][0][0] == text
    Refund.objects.update(status="failed", receipt="", failure="reversed")
    for seconds, text in (11, paid), (12, failed):
        clock.move_to(PRESSED + seconds * SECOND)
        assert parts(client, sweep)["lines"][0][0] == text


def test_page_links_to_what_the_user_can_open(client: Client) -> None:
    """The CSV, and the failed refunds."""
    sweep = press()
    assert parts(client, sweep)["pages"] == []
    viewer = browser(make_user("view_sweep", "view_returnrequest", "view_refund", username="viewer"))
    assert parts(viewer, sweep)["pages"] == [
        ("Outcome of each request (CSV)", f"{SWEEPS}{sweep.pk}/outcome.csv"),
        ("Its failed refunds", f"{REFUNDS}?status=failed&sweep={sweep.pk}"),
    ]


def test_number_of_queries_does_not_grow_with_the_rows(
    client: Client, django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One statement for each piece that is counted, and none for what is kept, besides those of other rooms."""
    monkeypatch.setattr(SweepAdmin, "extra_links", [])
    monkeypatch.setattr(SweepAdmin, "extra_context", [live.live])
    make_requests(8)
    decide(sweep := press())
    address = f"{SWEEPS}{sweep.pk}/progress/"
    client.get(address)
    with django_assert_num_queries(11):
        client.get(address)
    assert ReturnRequest.objects.count() == 8
