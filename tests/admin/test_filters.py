"""The filters of the lists, the totals below them, and the links between rows."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from refunds.domain.sweeps import Frozen
from refunds.models import Chunk, ReturnRequest, Sweep, WalletEntry
from refunds.operations import button

from ..factories import (
    CUTOFF,
    DAY,
    NOON,
    PRESSED,
    TODAY,
    make_failed,
    make_refund,
    make_requests,
    never_read_tables,
)
from ..rows.plans import explained
from .conftest import CHANGE_LIST, REFUNDS, act, browser, make_user, try_again

pytestmark = pytest.mark.django_db
PERMISSIONS = ("view_returnrequest", "view_refund", "view_walletentry", "view_sweep", "retry_refund")
WALLET, SWEEPS = "/admin/refunds/walletentry/", "/admin/refunds/sweep/"
LISTS = (CHANGE_LIST, REFUNDS, WALLET)


@pytest.fixture
def boss() -> User:
    """Return another user."""
    return make_user(username="boss")


@pytest.fixture
def sweep(boss: User) -> Sweep:
    """Return an approval of the two requests that it made, among others of the same time, with refunds and credits."""
    make_refund(received_at=NOON - 2 * DAY, requested_at=NOON - 2 * DAY)
    made, _ = button.start_approve(key="k", frozen=Frozen(0), by=boss, now=PRESSED)
    rows = [make_refund(amount_minor=minor) for minor in (100, 2_000)]
    ReturnRequest.objects.filter(pk__in=[row.pk for row in rows]).update(sweep=made, decided_by=boss)
    WalletEntry.objects.bulk_create(
        WalletEntry(refund=row, amount_minor=row.amount_minor, currency="GBP") for row in rows
    )
    Chunk.objects.create(sweep=made, first_id=rows[0].pk, last_id=rows[1].pk, decided=2, dispatched_at=PRESSED,
                         totals=[["GBP", 2, 2_100]])  # fmt: skip
    make_failed(1, amount_minor=3_000)
    make_requests(currency="JPY", amount_minor=20)
    return made


def found(client: Client, address: str) -> list[int]:
    """The amounts of the rows on the page, in its order."""
    return [row.amount_minor for row in client.get(address).context["cl"].result_list]


def test_lists_filter_by_sweep_person_amount_and_day(client: Client, sweep: Sweep, boss: User) -> None:
    """The newest are first. Amounts are in major units of each currency; the day is that of the cutoff's zone."""
    day = f"day={TODAY}" if NOON.date() == TODAY else f"day={TODAY - DAY}"
    for query, amounts in {
        f"sweep={sweep.pk}": [2_000, 100], f"by={boss.pk}": [2_000, 100], "by=me": [],
        "amount_from=1": [20, 1_250, 2_000, 100, 1_250], "amount_from=12.51": [20, 2_000],
        "amount_to=1": [100], "amount_to=0.999": [], "amount_from=12.499&amount_to=12.50": [1_250, 1_250],
        f"{day}&currency=GBP": [1_250, 2_000, 100], f"{day}&amount_to=12.50&by=nobody": [1_250],
        f"before={2**62}": [20, 1_250, 2_000, 100, 1_250],
    }.items():  # fmt: skip
        assert (query, found(client, f"{CHANGE_LIST}?{query}")) == (query, amounts)
    for address in (REFUNDS, WALLET):
        assert found(client, f"{address}?sweep={sweep.pk}&amount_from=1&by={boss.pk}") == [2_000, 100]
        assert found(client, f"{address}?sweep={sweep.pk}&currency=EUR") == []
    for query, count in ((f"by={boss.pk}", 1), ("by=nobody", 0), (f"day={TODAY}", 1), (f"day={TODAY - 9 * DAY}", 0)):
        assert (query, client.get(f"{SWEEPS}?{query}").context["cl"].result_count) == (query, count)


def test_requests_are_found_by_a_part_of_the_reason(client: Client) -> None:
    """In any case; signs of patterns are letters."""
    make_requests(1, amount_minor=1, reason="Boots: 100% too small")
    make_requests(1, amount_minor=2, reason="boots_read")
    for reason, amounts in {
        "BOOTS": [2, 1],
        "too small": [1],
        "100%25 t": [1],
        "s_r": [2],
        "_": [2],
        "%00": [],
    }.items():
        assert (reason, found(client, f"{CHANGE_LIST}?reason={reason}")) == (reason, amounts)


MALFORMED = ["x", "-1", "%00", "1e9", "9" * 40, "NaN", "0001-01-01", "9999-12-31", "2026-02-30", "'"]


@pytest.mark.parametrize(
    ("language", "typed"),
    [("uk", "12,50"), ("uk", "12.50"), ("uk", "0\N{NO-BREAK SPACE}012,5"), ("en", "12.50"), ("en", "0,012.50")],
)
def test_amount_can_be_typed_as_the_page_shows_it(client: Client, language: str, typed: str) -> None:
    """With the marks of its language for decimals and thousands; an address with a point works in each."""
    for minor in (1_249, 1_250):
        make_requests(1, amount_minor=minor)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = language
    assert found(client, f"{CHANGE_LIST}?amount_from={typed}") == [1_250]


@pytest.mark.parametrize("name", ["sweep", "by", "amount_from", "amount_to", "day", "before"])
def test_malformed_value_finds_nothing(client: Client, sweep: Sweep, name: str) -> None:
    """No value reaches a database that cannot hold it, and none is an error."""
    for value in MALFORMED:
        page = client.get(f"{WALLET}?{name}={value}")
        assert (value, page.status_code, list(page.context["cl"].result_list)) == (value, 200, [])


def test_list_shows_totals_of_what_its_filters_select(client: Client, sweep: Sweep) -> None:
    """By currency, on each list with money, for all pages of it."""
    assert "Total: 4 of 46.00 GBP, 1 of 20 JPY" in client.get(CHANGE_LIST).text
    for address in LISTS:
        assert "Total: 2 of 21.00 GBP<" in client.get(f"{address}?sweep={sweep.pk}").text
        assert "Total" not in client.get(f"{address}?amount_from=9999").text
    assert "Total" not in client.get(SWEEPS).text


def test_list_of_more_rows_than_are_counted_says_so_and_has_no_totals(
    client: Client, sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the limit it is exact."""
    monkeypatch.setattr("refunds.admin.base.COUNTED", 5)
    page = " ".join(client.get(CHANGE_LIST).text.split())
    assert ("> 5 return requests" in page, "Total:" in page) == (True, True)
    monkeypatch.setattr("refunds.admin.base.COUNTED", 4)
    page = " ".join(client.get(CHANGE_LIST).text.split())
    assert ("more than 4 return requests" in page, "Total:" in page) == (True, False)


@pytest.mark.parametrize("query", ["amount_from=1", "q=%2F"])
def test_filter_and_search_look_through_so_many_rows_and_lead_to_older_ones(
    client: Client, sweep: Sweep, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    """The list says so. The link leads through all of them, and the last page has none."""
    monkeypatch.setattr("refunds.admin.bounded.COUNTED", 2)
    address, pages = f"{CHANGE_LIST}?{query}", []
    while address:
        page = client.get(address)
        pages.append([row.amount_minor for row in page.context["cl"].result_list])
        address = page.context["older_query"] and CHANGE_LIST + page.context["older_query"]
        assert ("Look through those with an id up to" in page.text) is bool(address)
    assert pages == [[20, 1_250], [2_000, 100], [1_250]]
    # Between the ends of the sweep's chunks there are two.
    assert found(client, f"{CHANGE_LIST}?sweep={sweep.pk}") == [2_000, 100]
    assert client.get(f"{CHANGE_LIST}?sweep={sweep.pk}").context["older"] is None


@pytest.mark.parametrize("address", [*LISTS, SWEEPS])
def test_list_takes_the_same_queries_for_any_number_of_rows(client: Client, sweep: Sweep, address: str) -> None:
    """Who asks, the rows looked through, one statement for count and totals, the page, and dates; none for a link."""
    counts = []
    for more in (0, 150):
        make_failed(more) if more else None
        cache.clear()
        with CaptureQueriesContext(connection) as captured:
            assert client.get(f"{address}?by=nobody").status_code == 200
        counts.append(len(captured))
    # Session, user, two of permissions, two for the ends of the rows looked through, count with totals, page; dates.
    expected = 8 + (address in {CHANGE_LIST, SWEEPS})
    assert counts == [expected, expected]


@pytest.mark.parametrize(
    "query",
    ["sweep={}", "by=me", "amount_from=1", "amount_to=1", "day=2026-07", "before=9", "currency=JPY", "q=a"],
)
@pytest.mark.parametrize("address", LISTS)
def test_filter_reads_a_range_of_ids(client: Client, sweep: Sweep, address: str, query: str) -> None:
    """No statement reads a whole table: each has the ends of what it looks through."""
    never_read_tables()
    with explained() as plans:
        client.get(f"{address}?{query.format(sweep.pk)}")
    assert [plan.statement for plan in plans if plan.reads_a_large_table] == []
    tables = (ReturnRequest._meta.db_table, *(f"refunds_{name}" for name in ("refund", "walletentry")))
    rows = [plan.statement for plan in plans if any(f'FROM "{table}"' in plan.statement for table in tables)]
    assert len(rows) >= 2
    assert all("<=" in sql and (">=" in sql or "LIMIT" in sql) for sql in rows)


def test_rows_link_to_each_other_where_the_user_may_look(client: Client, sweep: Sweep) -> None:
    """Lists and pages have links to request, refund, sweep and credit; a user without the permission sees text."""
    entry = WalletEntry.objects.latest("pk")
    pk = entry.pk
    page = {name: f'href="/admin/refunds/{name}/{key}/change/"' for name, key in {
        "returnrequest": pk, "refund": pk, "walletentry": pk, "sweep": sweep.pk,
    }.items()}  # fmt: skip
    wanted = {
        f"{CHANGE_LIST}?sweep={sweep.pk}": ("refund", "sweep"), f"{CHANGE_LIST}{pk}/change/": ("refund", "sweep"),
        f"{REFUNDS}?sweep={sweep.pk}": ("returnrequest", "sweep"),
        f"{REFUNDS}{pk}/change/": ("returnrequest", "sweep", "walletentry"),
        WALLET: ("refund",), f"{WALLET}{pk}/change/": ("refund",),
    }  # fmt: skip
    for address, names in wanted.items():
        text = client.get(address).text
        assert [name for name in names if page[name] not in text] == []
    of_sweep = client.get(f"{SWEEPS}{sweep.pk}/change/").text
    assert [f'href="{address}?sweep={sweep.pk}"' in of_sweep for address in (CHANGE_LIST, REFUNDS)] == [True, True]
    only = browser(make_user("view_refund", username="only"))
    text = only.get(f"{REFUNDS}{pk}/change/").text + only.get(REFUNDS).text
    assert [name for name in ("returnrequest", "sweep", "walletentry") if page[name] in text] == []
    assert "1001/1: 20.00 GBP" in text


def test_sweeps_show_state_and_count(client: Client, sweep: Sweep) -> None:
    """By columns alone: no request is counted for the list."""
    states: dict[str, dict[str, Any]] = {
        "planning": {}, "running": {"planned_at": PRESSED}, "done": {"closed_at": PRESSED, "left": 0},
        "cancelled": {"left": 3}, "expired": {"closed_at": CUTOFF},
    }  # fmt: skip
    for state, columns in states.items():
        Sweep.objects.update(**columns)
        assert f'<td class="field-state">{state}</td>' in client.get(SWEEPS).text
    assert '<td class="field-decided">2</td>' in client.get(SWEEPS).text


def test_sweeps_show_the_money_that_they_decided(client: Client, sweep: Sweep) -> None:
    """By currency, added up from all chunks of all sweeps of the page by one statement."""
    Chunk.objects.create(
        sweep=sweep, first_id=1, last_id=1, dispatched_at=PRESSED, totals=[["GBP", 1, 5], ["JPY", 1, 9]]
    )
    cell = '<td class="field-totals">21.05 GBP; 9 JPY</td>'
    for number in range(3):
        with CaptureQueriesContext(connection) as captured:
            assert cell in client.get(SWEEPS).text
        assert len([query for query in captured if '"totals"' in query["sql"]]) == 1
        other, _ = button.start_approve(key=f"other {number}", frozen=Frozen(0), by=None, now=PRESSED)
        Chunk.objects.create(sweep=other, first_id=1, last_id=1, dispatched_at=PRESSED, totals=[["GBP", 1, 5]])


def test_try_again_across_pages_takes_what_the_filters_select(client: Client, sweep: Sweep) -> None:
    """The page and its form are bounded by the same filters as the list."""
    make_failed(2, amount_minor=700)
    page = try_again(client, ["0"], "?status=failed&amount_to=10", select_across=1)
    assert page.context["totals"] == [("GBP", 2, "14.00 GBP")]
    after = act(client, "try_again", ["0"], "?status=failed&amount_to=10", select_across=1, shown=page.context["ids"])
    assert "Tried again: 2." in after.text
    assert ReturnRequest.objects.filter(refund__status="failed").count() == 1
