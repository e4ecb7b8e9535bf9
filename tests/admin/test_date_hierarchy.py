"""The dates above the lists of requests and sweeps: years, months and days of the rows that a filter looks through."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from refunds.domain import cutoff
from refunds.domain.sweeps import Frozen
from refunds.models import ReturnRequest
from refunds.operations import button

from ..factories import PRESSED, make_requests, never_read_tables
from ..rows.plans import explained
from .conftest import CHANGE_LIST, REFUNDS

pytestmark = pytest.mark.django_db
PERMISSIONS = ("view_returnrequest", "view_refund", "view_sweep")
DAYS = 'AS "day"'  # in the statement that reads them
SWEEPS = "/admin/refunds/sweep/"


def received(day: str, at: time = time(12)) -> ReturnRequest:
    """Make a request that was received on this day of the cutoff's zone."""
    instant = datetime.combine(date.fromisoformat(day), at, cutoff.ZONE).astimezone(UTC)
    return make_requests(1, received_at=instant, requested_at=instant)[0]


def dates(client: Client, query: str = "", address: str = CHANGE_LIST) -> tuple[list[str], list[str]]:
    """Return the titles and the addresses of the dates on the list, the way back first."""
    cache.clear()
    page = client.get(address + query)
    shown = page.context["dates"]
    links = ([shown.back] if shown.back else []) + shown.choices
    assert all(f'href="{link}"'.replace("&", "&amp;") in page.text for _, link in links if link)
    return [title for title, _ in links], [link for _, link in links]


def test_list_offers_years_then_months_then_days(client: Client) -> None:
    """As Django's hierarchy does: it begins where there is a choice, each level leads back, and filters stay."""
    assert dates(client) == ([], [])
    for day in ("2026-03-29", "2026-03-30"):
        received(day)
    assert dates(client) == (["March 29", "March 30"], ["?day=2026-03-29", "?day=2026-03-30"])
    received("2026-05-01")
    assert dates(client) == (["March 2026", "May 2026"], ["?day=2026-03", "?day=2026-05"])
    received("2025-12-31")
    assert dates(client) == (["2025", "2026"], ["?day=2025", "?day=2026"])
    assert dates(client, "?currency=GBP&day=2026") == (
        ["All dates", "March 2026", "May 2026"],
        ["?currency=GBP", "?currency=GBP&day=2026-03", "?currency=GBP&day=2026-05"],
    )
    assert dates(client, "?day=2026-03")[0] == ["2026", "March 29", "March 30"]
    assert dates(client, "?day=2026-03-29") == (["March 2026", "March 29"], ["?day=2026-03", ""])


@pytest.mark.parametrize("value", ["2026-02-31", "2026-13", "2026-13-01", "0000-01-01"])
def test_day_that_does_not_exist_is_no_choice(client: Client, value: str) -> None:
    """The list has no rows then, and the dates are those of a list without a chosen one."""
    received("2026-03-29")
    assert dates(client, f"?day={value}") == (["March 29"], ["?day=2026-03-29"])
    assert list(client.get(f"{CHANGE_LIST}?day={value}").context["cl"].result_list) == []


def test_day_filter_takes_a_month_and_a_year_of_the_zone(client: Client) -> None:
    """From midnight to midnight there."""
    last, first = received("2025-12-31", time(23, 59, 59)), received("2026-01-01", time(0))
    newest = received("2026-02-01", time(0))
    for query, rows in {
        "2025": [last], "2026": [newest, first], "2025-12": [last], "2026-01": [first], "2026-01-01": [first],
        "2026-13": [], "2026-1": [], "0000": [], "10000": [], "9999": [], "9999-12": [], "202": [], "2026-": [],
    }.items():  # fmt: skip
        page = client.get(f"{CHANGE_LIST}?day={query}")
        assert (query, list(page.context["cl"].result_list)) == (query, rows)


def test_field_for_a_day_has_whole_days_alone(client: Client) -> None:
    """A browser warns of others; the link to all rows stays."""
    for value, shown in ("2026-03-29", "2026-03-29"), ("2026-03", ""), ("x", ""):
        text = client.get(f"{CHANGE_LIST}?day={value}").text
        assert f'<input type="date" name="day" value="{shown}" ' in text
        assert '<a href="?">All</a>' in text


def test_dates_are_those_of_the_rows_looked_through(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest so many; a link leads to those before, and no statement reads the whole table."""
    monkeypatch.setattr("refunds.admin.bounded.COUNTED", 2)
    older = received("2026-01-01")
    for day in ("2026-03-29", "2026-03-30"):
        received(day)
    assert dates(client) == (
        ["March 29", "March 30", "earlier"],
        ["?day=2026-03-29", "?day=2026-03-30", f"?before={older.pk + 1}"],
    )
    assert client.get(CHANGE_LIST).context["older"] is None
    assert dates(client, f"?before={older.pk + 1}")[0] == ["January 1"]
    cache.clear()
    never_read_tables()
    with explained() as plans:
        client.get(CHANGE_LIST)
    (days,) = [plan for plan in plans if DAYS in plan.statement]
    assert not days.reads_a_large_table


def test_dates_are_kept_for_a_minute(client: Client) -> None:
    """Of one list, with one `before` and one sweep, for all users."""
    received("2026-03-29")
    statements = []
    for query in ("", "", "?before=9", "?sweep=7"):
        with CaptureQueriesContext(connection) as captured:
            client.get(CHANGE_LIST + query)
        statements.append(sum(DAYS in each["sql"] for each in captured))
    assert statements == [1, 0, 1, 1]


def test_sweeps_have_the_days_on_which_they_started(client: Client) -> None:
    """The list of refunds filters by the day of another table, and offers no dates."""
    for at in (PRESSED, PRESSED - timedelta(days=40)):
        button.start_approve(key=str(at), frozen=Frozen(0), by=None, now=at)
    titles, links = dates(client, address=SWEEPS)
    assert (len(titles), len(client.get(SWEEPS + links[0]).context["cl"].result_list)) == (2, 1)
    assert client.get(REFUNDS).context["dates"] is None
