"""What the button's page shows besides the sums, and what a press does when that has changed."""

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from freezegun.api import FrozenDateTimeFactory

from refunds.admin import offered
from refunds.domain.returns import Decision, Status
from refunds.frozen import freeze
from refunds.models import ReturnRequest, Sweep
from refunds.operations import button, sweeps
from refunds.operations.decisions import decide_chosen

from ..factories import CUTOFF, HOUR, NOON, PRESSED, SECOND, local, make_requests, never_read_tables
from ..rows.plans import explained
from .conftest import APPROVE_ALL, CITY, confirm, make_user, press, texts, token_of, unchanged

pytestmark = pytest.mark.django_db
PERMISSIONS = ("approve_all", "decline_returnrequest")
CHECK = "Check the numbers as they are now."


@pytest.fixture
def running() -> Sweep:
    """Return an approval of two pending requests, pressed by boss."""
    make_requests(2)
    return button.start_approve(key="k", frozen=freeze(), by=make_user(username="boss"), now=PRESSED)[0]


def test_page_shows_oldest_newest_largest_and_reasons(client: Client) -> None:
    """Three amounts of each currency with links, ten reasons by frequency, and the rest as others."""
    (old,) = make_requests(received_at=NOON - SECOND, reason="broken")
    make_requests(3, amount_minor=900, currency="JPY", reason="<b>")
    make_requests(2, received_at=NOON + HOUR)
    for minor in range(1, 13):
        make_requests(amount_minor=minor, reason=f"r{minor:02}")
    page = client.get(APPROVE_ALL)
    assert f"Received from {local(NOON - SECOND)} to {local(NOON + HOUR)} ({CITY})." in page.text
    amounts = [amount for _, amount, _ in page.context["largest"]]
    assert amounts == [*["12.50 GBP"] * 3, *["900 JPY"] * 3]
    assert (
        f'<a href="/admin/refunds/returnrequest/{old.pk}/change/">Return request {old.pk}</a>: 12.50 GBP' in page.text
    )
    counts = [("<b>", 3), ("", 2), ("broken", 1), *((f"r{n:02}", 1) for n in range(1, 8))]
    assert (page.context["reasons"], page.context["others"]) == (counts, 5)
    for cells in ("&lt;b&gt;</th><td>3", "(none given)</th><td>2", "others</th><td>5"):
        assert f'<th scope="row">{cells}</td>' in page.text


def test_page_of_too_many_requests_says_what_it_leaves_out(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the limit of counts it makes no statement about single amounts and reasons."""
    monkeypatch.setattr(offered, "COUNTED", 2)
    make_requests(3)
    with CaptureQueriesContext(connection) as captured:
        page = client.get(APPROVE_ALL).text
    assert "The largest amounts and the reasons are not shown for more than 2 return requests." in page
    assert "Largest amounts" not in page
    assert len([query for query in captured if 'FROM "refunds_returnrequest"' in query["sql"]]) == 2


def test_page_leaves_out_what_a_running_sweep_has_taken(client: Client, running: Sweep) -> None:
    """It shows those apart, with the sweep and who started it; also where nothing else is left."""
    taken = "Taken already, and not included: 2 of 25.00 GBP."
    link = f'<a href="/admin/refunds/sweep/{running.pk}/change/">approve sweep {running.pk}</a>, started by boss'
    empty = client.get(APPROVE_ALL).text
    assert [text in empty for text in (taken, link, 'name="token"')] == [True, True, False]
    make_requests(3)
    page = client.get(APPROVE_ALL)
    assert page.context["totals"] == [("GBP", 3, "37.50 GBP")]
    assert [text in page.text for text in (taken, link, 'name="token"')] == [True] * 3
    sweeps.plan_sweep(running.pk, PRESSED)
    sweeps.decide_chunk(running.chunks.get().pk, PRESSED)
    assert "Taken already" not in client.get(APPROVE_ALL).text


def test_details_are_looked_for_only_where_there_are_some(client: Client, running: Sweep) -> None:
    """Between the ids of what is offered, which are few among a million that a sweep has taken; not for nothing."""
    with CaptureQueriesContext(connection) as captured:
        client.get(APPROVE_ALL)
    assert len([query for query in captured if 'FROM "refunds_returnrequest"' in query["sql"]]) == 2
    ids = [row.pk for row in make_requests(3)]
    with CaptureQueriesContext(connection) as captured:
        client.get(APPROVE_ALL)
    _, totals, *details = [query["sql"] for query in captured if 'FROM "refunds_returnrequest"' in query["sql"]]
    assert [f"BETWEEN {ids[0]} AND {ids[-1]}" in sql for sql in details] == [True] * 2
    assert "CASE" not in totals or connection.vendor == "sqlite"  # PostgreSQL would sort all rows by it


def test_rows_that_an_expired_sweep_left_are_not_taken(
    client: Client, clock: FrozenDateTimeFactory, running: Sweep
) -> None:
    """From the cutoff on they can only be declined. An empty page leads to the decline of the last cutoff."""
    clock.move_to(CUTOFF)
    page = client.get(APPROVE_ALL).text
    assert "Taken already" not in page
    assert "2 pending return requests were received before the last cutoff." in page
    decline, _ = sweeps.decline_pending(CUTOFF)
    page = client.get(APPROVE_ALL).text
    link = f'<a href="/admin/refunds/sweep/{decline.pk}/change/">decline sweep {decline.pk}</a>'
    assert f"What was pending at the last cutoff, {local(CUTOFF)} ({CITY}), is declined by the {link}." in page
    assert running.pk != decline.pk


def test_press_after_a_decision_shows_the_difference_and_asks_again(client: Client) -> None:
    """No sweep starts. The difference is by currency; a currency that is as it was is not in it."""
    chosen = make_requests(3)
    yen = make_requests(currency="JPY", amount_minor=1_000)
    make_requests(currency="EUR")
    token = token_of(client)
    confirm(client, "decline_selected", [row.pk for row in [*chosen[:2], *yen]])
    make_requests(5)  # these came after the page and are no difference
    with unchanged():
        page = press(client, token, follow=True)
    assert page.redirect_chain == [(APPROVE_ALL, 302)]
    changed = "3 of 37.50 GBP, now 1 of 12.50 GBP; 1 of 1,000 JPY, now none"
    assert texts(page)[-1] == (
        f"Nothing was changed: the requests have changed since the page was made: {changed}. {CHECK}"
    )
    assert page.context["totals"] == [("EUR", 1, "12.50 EUR"), ("GBP", 6, "75.00 GBP")]
    press(client, page.context["token"])
    assert Sweep.objects.count() == 1


def test_press_after_another_users_press_names_what_that_has_taken(client: Client) -> None:
    """The sweep of the other user is a change. The user's own first press is not: a second click leads to it."""
    make_requests(2)
    token, other = token_of(client), token_of(client)
    assert press(client, other).url == press(client, other).url
    page = press(client, token, follow=True)
    assert texts(page) == [
        f"Nothing was changed: the requests have changed since the page was made: 2 of 25.00 GBP, now none. {CHECK}"
    ]
    assert "Taken already, and not included: 2 of 25.00 GBP." in page.text
    assert Sweep.objects.count() == 1


def test_decision_that_changes_nothing_of_the_page_does_not_stop_a_press(client: Client, user: User) -> None:
    """A recount finds the numbers of the page. A sweep that began long before costs no recount."""
    shown = make_requests(2)
    token = token_of(client)
    confirm(client, "decline_selected", [make_requests()[0].pk])
    assert press(client, token).url.startswith("/admin/refunds/sweep/")
    Sweep.objects.update(started_at=NOON, up_to_id=0)
    LogEntry.objects.update(action_time=NOON)
    token = token_of(client)
    decide_chosen([shown[0].pk], Decision.DECLINE, by=user, note="", now=PRESSED)
    with CaptureQueriesContext(connection) as captured:
        assert press(client, token).url.startswith("/admin/refunds/sweep/")
    assert [query for query in captured if 'FROM "refunds_returnrequest"' in query["sql"]] == []


def test_press_after_a_sweep_ended_with_rows_left_shows_the_difference(client: Client, running: Sweep) -> None:
    """The page counted these as taken. What a sweep that began before the page decides is no difference."""
    make_requests()
    Sweep.objects.update(started_at=NOON)
    token = token_of(client)
    Sweep.objects.filter(pk=running.pk).update(closed_at=PRESSED, left=2)
    page = press(client, token, follow=True)
    assert "since the page was made: 1 of 12.50 GBP, now 3 of 37.50 GBP." in texts(page)[0]
    assert Sweep.objects.count() == 1


def test_second_of_two_clicks_at_once_leads_to_the_sweep_of_the_first(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first commits its sweep between the second's two looks."""
    make_requests()
    token = token_of(client)
    real, started = offered.difference, []

    def between(*args: object) -> str:
        monkeypatch.setattr(offered, "difference", real)
        started.append(press(client, token).url)
        return str(real(*args))  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(offered, "difference", between)
    assert press(client, token).url == started[0]
    assert Sweep.objects.count() == 1


def test_numbers_are_read_from_the_index_of_pending_rows(client: Client, running: Sweep) -> None:
    """With an open sweep too. Only the reasons (the second) are read from the rows, of at most 100,000."""
    make_requests(3)
    make_requests(2, status=Status.DECLINED)
    never_read_tables()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_bitmapscan = off")
    with explained() as plans:
        client.get(APPROVE_ALL)
    assert running.closed_at is None
    of_rows = [plan for plan in plans if f'FROM "{ReturnRequest._meta.db_table}"' in plan.statement]
    assert [plan for plan in of_rows if plan.reads_a_large_table] == []
    assert [plan.indexes for plan in of_rows] == [set(), *[{"request_pending"}] * 3]
    if connection.vendor == "postgresql":
        assert ["Index Only Scan using request_pending" in plan.text for plan in of_rows[1:]] == [True, False, True]
