"""The app's first page: what is pending, paid, decided and overdue, for each user what that user can view."""

from datetime import timedelta
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from django.apps import apps
from django.core.management import get_commands
from django.test import Client
from freezegun.api import FrozenDateTimeFactory
from pytest_django import Settings

from refunds import signals
from refunds.domain import cutoff
from refunds.domain.returns import Decision
from refunds.models import ReturnRequest
from refunds.operations import sweeps
from refunds.operations.decisions import decide_chosen
from refunds.overview import chart, facts
from refunds.overview.templatetags import returns_overview

from ..admin.conftest import CITY, LATE, REFUNDS, browser, client, clock, make_user, user
from ..factories import (
    CUTOFF,
    DAY,
    MINUTE,
    NOON,
    PRESSED,
    SECOND,
    local,
    make_failed,
    make_processing,
    make_refund,
    make_requests,
    never_read_tables,
)
from ..rows.plans import explained
from .conftest import decide, press

__all__ = ["client", "clock", "user"]  # fixtures

pytestmark = pytest.mark.django_db
PAGE = "/admin/refunds/"


def test_empty_page_says_how_requests_come_in(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the import's command, where the project has it; and not once there is a request."""
    text = client.get(PAGE).text
    assert ("import_returns FILE" in text) is ("import_returns" in get_commands())
    monkeypatch.setattr(returns_overview, "get_commands", dict)
    assert "Return requests come in by your own code." in client.get(PAGE).text
    make_requests(1)
    assert "No return requests yet" not in client.get(PAGE).text


def test_pending_requests_by_currency_and_age(client: Client) -> None:
    """Received before the last cutoff, since then, and in the last hour; with a total in each currency."""
    make_requests(1, received_at=LATE)
    make_requests(2)
    make_requests(3, received_at=PRESSED - 59 * MINUTE)
    make_requests(1, currency="JPY")
    make_requests(1, status="declined")
    page = client.get(PAGE)
    assert page.context["pending"] == [("GBP", [1, 2, 3], 6, "75.00 GBP"), ("JPY", [0, 1, 0], 1, "1,250 JPY")]
    assert "can only be declined" in page.text


def test_refunds_that_are_not_paid(client: Client) -> None:
    """Waiting, under way and failed, with their sums, each with a link to its list."""
    make_refund()
    make_refund(currency="JPY")
    make_processing()
    make_failed(2)
    make_refund(status="succeeded", settled_at=NOON, receipt="r")
    page = client.get(PAGE)
    assert [(text, totals.count, totals.amounts) for _, text, totals in page.context["refunds"]] == [
        ("waiting", 2, ["12.50 GBP", "1,250 JPY"]),
        ("under way at the provider", 1, ["12.50 GBP"]),
        ("failed", 2, ["25.00 GBP"]),
    ]
    for status in "pending", "processing", "failed":
        assert f'href="{REFUNDS}?status={status}"' in page.text


def test_counts_are_capped_as_those_of_lists(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the limit the page says that there are more."""
    for module in facts, returns_overview:
        monkeypatch.setattr(module, "COUNTED", 2)
    make_requests(2)
    make_failed(2)
    assert "more than" not in client.get(PAGE).text
    make_requests(1)
    make_failed(1)
    page = client.get(PAGE)
    assert "There are more: these are the first 2." in page.text
    assert "<td>more than 2</td><td>more than 37.50 GBP</td>" in page.text


def test_decisions_by_day_of_the_zone(client: Client) -> None:
    """In the chart and, newest first, in the table: those of sweeps, and those on chosen rows."""
    midnight = cutoff.on(cutoff.in_utc(CUTOFF).astimezone(cutoff.ZONE).date()).astimezone(cutoff.ZONE)
    midnight = midnight.replace(hour=0, minute=0)
    for at, count in (midnight - SECOND - 20 * DAY, 1), (midnight - SECOND, 2), (midnight, 3):
        make_requests(count, received_at=at - MINUTE)
        decide(press(now=at), None, at)
    make_requests(5)
    decide(sweeps.decline_pending(CUTOFF)[0], None, CUTOFF)
    chosen = [row.pk for row in make_requests(4, received_at=midnight - 30 * DAY, requested_at=midnight - 30 * DAY)]
    instants = (midnight - 14 * DAY - SECOND, midnight - SECOND, midnight, midnight)
    for pk, at in zip(chosen, instants, strict=True):
        decide_chosen([pk], Decision.DECLINE, by=None, note="", now=at)
    page = client.get(PAGE)
    today = midnight.date()
    assert page.context["days"][:2] == [(today, 3, 7), (today - timedelta(days=1), 2, 1)]
    assert page.context["days"][2:] == [(today - timedelta(days=ago), 0, 0) for ago in range(2, 15)]
    picture = ET.fromstring("<svg" + page.text.partition('<svg class="decisions"')[2].partition("</svg>")[0] + "</svg>")
    rects = [{**rect.attrib} for rect in picture.findall("rect")]
    assert [rect["height"] for rect in rects[-4:]] == ["24", "12", "36", "84"]
    assert {rect["class"] for rect in rects} == {"approved", "declined"}
    assert f"Decisions by day ({CITY})" in page.text


def test_decisions_on_chosen_rows_are_read_by_their_index(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest, of so many as lists count; then the page says that there are more."""
    monkeypatch.setattr(facts, "COUNTED", 2)
    for ago in range(3):
        decide_chosen([make_requests()[0].pk], Decision.DECLINE, by=None, note="", now=PRESSED - ago * DAY)
        assert ("There are more decisions on chosen rows" in client.get(PAGE).text) is (ago == 2)
    assert [declined for _, _, declined in client.get(PAGE).context["days"][:4]] == [1, 1, 1, 0]
    never_read_tables()
    with explained() as plans:
        facts.by_hand(PRESSED)
    assert ["request_by_hand" in plan.indexes for plan in plans] == [True]


def test_bars_show_each_day_in_proportion() -> None:
    """Declined on top of approved; a single row next to many is still seen; no decision is no bar."""
    day = CUTOFF.date()
    assert chart.bars([(day, 1, 0), (day, 300, 700), (day, 0, 0)]) == [
        chart.Bar(day, 6, 119, 1, 119, 0),
        chart.Bar(day, 46, 84, 36, 0, 84),
        chart.Bar(day, 86, 120, 0, 120, 0),
    ]


def test_last_sweeps_and_health(client: Client, clock: FrozenDateTimeFactory) -> None:
    """The newest first, with who, when, how many rows and the state; and what was overdue ten seconds ago at most."""
    make_requests(3)
    decide(first := press(now=PRESSED - MINUTE), 1, PRESSED - MINUTE)
    decline, _ = sweeps.decline_pending(CUTOFF - DAY)
    page = client.get(PAGE)
    assert [(row["sweep"], row["by"], row["decided"], row["state"]) for row in page.context["sweeps"]] == [
        (decline, "the cutoff", 0, "planning"),
        (first, "boss", 2, "running"),
    ]
    assert f'<a href="/admin/refunds/sweep/{first.pk}/change/">Approve sweep {first.pk}</a>' in page.text
    assert f"<td>{local(PRESSED - MINUTE)}</td>" in page.text
    assert f"Stalled sweep: {decline} has not moved since" in page.text
    decide(decline, None, PRESSED)
    assert "Stalled sweep" in client.get(PAGE).text
    clock.move_to(PRESSED + 10 * SECOND)
    assert "Nothing is overdue." in client.get(PAGE).text


@pytest.mark.parametrize(
    ("permission", "shows"),
    [
        ("view_returnrequest", {"pending"}),
        ("view_refund", {"refunds", "health"}),
        ("view_sweep", {"days", "sweeps", "health"}),
        ("view_walletentry", set()),
    ],
)
def test_user_sees_what_the_permission_opens(permission: str, shows: set[str]) -> None:
    """Each section needs the permission of the list that it sums up."""
    make_failed()
    page = browser(make_user(permission)).get(PAGE)
    assert {name for name in ("pending", "refunds", "health", "days", "sweeps") if name in page.context} == shows


def test_page_leads_to_flower_and_to_results(
    client: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the project has them, and the user can view them; and to what rooms have."""
    monkeypatch.setattr(signals.tools_requested, "receivers", [])
    assert client.get(PAGE).context["tools"] == []
    settings.REFUNDS_FLOWER_URL = "https://flower.example.com/"
    flower, results = ("Flower", "https://flower.example.com/"), ("Results of tasks", "/results/")
    monkeypatch.setattr(apps, "is_installed", lambda name: name == "django_celery_results")
    monkeypatch.setattr(returns_overview, "reverse", lambda name: "/results/")
    assert client.get(PAGE).context["tools"] == [flower, results]
    viewer = make_user("view_sweep", username="viewer")

    def room(user: Any, **_: Any) -> list[tuple[str, str]]:
        return [("Room", "/room/")] if user == viewer else []

    signals.tools_requested.connect(room)
    assert client.get(PAGE).context["tools"] == [flower, results]
    assert browser(viewer).get(PAGE).context["tools"] == [flower, ("Room", "/room/")]


def test_rooms_say_what_waits(client: Client) -> None:
    """Text and link of each line, escaped."""

    def room(user: Any, now: Any, **_: Any) -> list[tuple[str, str]]:
        return [(f"<b>{user}: 3", "/there/"), ("no link", "")] if now == PRESSED else []

    signals.waiting_requested.connect(room)
    try:
        text = client.get(PAGE).text
    finally:
        signals.waiting_requested.disconnect(room)
    assert '<li><a href="/there/">&lt;b&gt;pat: 3</a></li><li>no link</li>' in text


def test_page_makes_a_bounded_number_of_queries(client: Client, django_assert_max_num_queries: Any) -> None:
    """However many rows and sweeps there are."""
    client.get(PAGE)
    for number in range(8):
        make_requests(1)
        decide(press(now=PRESSED + number * SECOND))
    with django_assert_max_num_queries(30) as found:
        client.get(PAGE)
    assert not [
        query for query in found if ReturnRequest._meta.db_table in query["sql"] and "LIMIT" not in query["sql"]
    ]
