"""The banner of each page: the time until the cutoff, what waits, and whether beat and the worker run."""

from typing import Any

import pytest
from django.contrib.admin import site
from django.core.cache import cache
from django.test import Client
from freezegun.api import FrozenDateTimeFactory

from refunds import signals
from refunds.admin.base import ReadOnlyAdmin
from refunds.admin.values import url
from refunds.domain import cutoff
from refunds.operations import PATIENCE, sweeps
from refunds.overview import banner
from refunds.overview.models import ReconcilerRun

from ..admin.conftest import CHANGE_LIST, CITY, REFUNDS, browser, client, clock, make_user, user
from ..factories import (
    BLINK,
    CUTOFF,
    DAY,
    HOUR,
    MINUTE,
    PRESSED,
    SECOND,
    local,
    make_failed,
    make_refund,
    make_requests,
)
from .conftest import press

__all__ = ["client", "clock", "user"]  # fixtures

pytestmark = pytest.mark.django_db
PENDING = f"{CHANGE_LIST}?status=requested"


def run_reconciler(now: Any) -> None:
    """Send what the reconciler sends when it runs, and store that beat has sent its message."""
    assert {} in signals.answers(signals.reconciling, now=now, patience=PATIENCE, gateway=None)
    ReconcilerRun.objects.update(sent_at=now)


def said(client: Client, page: str = CHANGE_LIST) -> list[tuple[str, str, str]]:
    """Return the banner's lines; of the first one, which is HTML, only the level."""
    found = client.get(page).context["lines"]
    return [(found[0][0], "", ""), *found[1:]]


def test_every_page_of_the_app_has_it_once(client: Client) -> None:
    """Lists, those of rooms too, rows, histories, the button's page and the first page."""
    sweep, failed = press(), make_failed()[0]
    pages = ["", "refund/", f"refund/{failed}/change/", f"refund/{failed}/history/", f"sweep/{sweep.pk}/change/"]
    pages += ["returnrequest/approve-all/", f"returnrequest/{failed}/change/"]
    lists = [
        url(model._meta, "changelist") for model, shown in site._registry.items() if isinstance(shown, ReadOnlyAdmin)
    ]
    for page in [*(f"/admin/refunds/{page}" for page in pages), *lists]:
        text = client.get(page).text
        assert (page, text.count("data-until"), text.count("refunds/banner.js")) == (page, 1, 1)


@pytest.mark.parametrize(
    ("before", "level", "left"),
    [
        (HOUR + MINUTE, "info", "1 h 1 min"),
        (10 * MINUTE, "warning", "0 h 10 min"),
        (BLINK, "warning", "0 h 1 min"),
        (-BLINK, "info", "24 h 0 min"),
    ],
)
def test_cutoff_and_the_time_left(
    client: Client, clock: FrozenDateTimeFactory, before: Any, level: str, left: str
) -> None:
    """In the cutoff's zone, right without JavaScript; the script gets both instants. The last minutes are a warning."""
    clock.move_to(CUTOFF - before)
    text = client.get(CHANGE_LIST).text
    until = cutoff.upcoming(CUTOFF - before).isoformat()
    times = f'data-until="{until}" data-now="{(CUTOFF - before).isoformat()}" data-zone="{cutoff.ZONE.key}"'
    assert f"Cutoff {cutoff.LABEL.replace(cutoff.CITY, CITY)}: <span {times}>{left}</span> left" in text
    assert said(client)[0] == (level, "", "")


def test_pending_running_waiting_and_failed(client: Client) -> None:
    """Each with sums and a link."""
    run_reconciler(PRESSED)
    assert said(client) == [("warning", "", "")]
    cache.clear()
    make_requests(2)
    make_requests(1, currency="JPY")
    make_refund()
    make_failed(2)
    sweep = press()
    assert said(client)[1:] == [
        ("info", "Pending: 3 (25.00 GBP; 1,250 JPY)", PENDING),
        ("info", f"Running: {sweep}", f"/admin/refunds/sweep/{sweep.pk}/change/"),
        ("info", "Refunds waiting: 1", f"{REFUNDS}?status=pending"),
        ("error", "Refunds failed: 2 (25.00 GBP)", f"{REFUNDS}?status=failed"),
    ]
    link = f'<li class="error"><a href="{REFUNDS}?status=failed">Refunds failed: 2 (25.00 GBP)</a></li>'
    assert link in client.get(CHANGE_LIST).text


def test_banner_is_kept_for_a_second(clock: FrozenDateTimeFactory, django_assert_num_queries: Any) -> None:
    """Of all users' pages, one a second reads the rows, by five statements, each in the order of an index."""
    run_reconciler(PRESSED)
    boss = make_user(username="boss", is_superuser=True)
    with django_assert_num_queries(5) as found:
        banner.lines(boss, PRESSED)
    # PostgreSQL reads the table for the first of many rows without an order.
    assert [query["sql"].partition("LIMIT")[0].count("ORDER BY") for query in found] == [1] * 5
    make_requests(1)
    with django_assert_num_queries(0):
        assert len(banner.lines(boss, PRESSED)) == 1
    clock.move_to(PRESSED + SECOND)
    assert len(banner.lines(boss, PRESSED + SECOND)) == 2


def test_count_above_the_limit_is_more_than_it(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sums are those of the counted rows."""
    run_reconciler(PRESSED)
    monkeypatch.setattr(banner, "COUNTED", 2)
    make_requests(4)
    make_refund()
    make_refund()
    waiting = f"{REFUNDS}?status=pending"
    pending = ("info", "Pending: more than 2 (more than 37.50 GBP)", PENDING)
    assert said(client)[1:] == [pending, ("info", "Refunds waiting: 2", waiting)]
    make_refund()
    cache.clear()
    assert said(client)[1:] == [pending, ("info", "Refunds waiting: more than 2", waiting)]


@pytest.mark.parametrize(
    ("permission", "beginnings"),
    [
        ("view_returnrequest", ["Pending"]),
        ("approve_all", ["Pending", "Running"]),
        ("retry_refund", ["Refunds waiting", "Refunds failed"]),
        ("view_walletentry", []),
    ],
)
def test_user_reads_what_the_permission_opens(permission: str, beginnings: list[str]) -> None:
    """Each line needs the permission of the list that it leads to."""
    run_reconciler(PRESSED)
    make_requests(1)
    make_refund()
    make_failed()
    press()
    found = said(browser(make_user(permission)), "/admin/refunds/")
    assert [text.partition(":")[0] for _, text, _ in found[1:]] == beginnings


def test_silence_is_an_error_after_two_minutes(client: Client, clock: FrozenDateTimeFactory) -> None:
    """And before the first run. test_alive.py has the rows of the real beat and worker."""
    assert said(client)[1:] == [("error", "Neither beat nor a worker has run yet. Start both.", "")]
    run_reconciler(PRESSED - DAY)
    run_reconciler(PRESSED)
    since = f"Beat has sent nothing since {local(PRESSED)} ({cutoff.CITY}). Start it, or read its log."
    for after, lines in (MINUTE, []), (2 * MINUTE - BLINK, []), (3 * MINUTE, [("error", since, "")]):
        clock.move_to(PRESSED + after)
        assert said(client)[1:] == lines


def test_closed_and_expired_sweeps_do_not_run(client: Client, clock: FrozenDateTimeFactory) -> None:
    """Only what can still decide is named."""
    run_reconciler(CUTOFF)
    press()
    clock.move_to(CUTOFF)
    assert said(client)[1:] == []
    make_requests(1)
    decline, _ = sweeps.decline_pending(CUTOFF)
    clock.move_to(CUTOFF + SECOND)
    assert ("info", f"Running: {decline}", f"/admin/refunds/sweep/{decline.pk}/change/") in said(client)
