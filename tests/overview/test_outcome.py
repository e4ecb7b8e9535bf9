"""The CSV of a sweep's outcomes: a line for each request of its set, and the same sums as on the page."""

import csv
from collections import Counter
from typing import Any
from unittest.mock import patch

import pytest
from django.core.cache import cache
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase as Rollback

from refunds.domain import cutoff
from refunds.domain.returns import Decision
from refunds.models import Refund, ReturnRequest, Sweep
from refunds.operations import sweeps
from refunds.operations.decisions import decide_chosen
from refunds.overview import csv_file
from refunds.overview.sums import sums

from ..admin.conftest import LATE, browser, client, clock, make_user, user
from ..factories import CUTOFF, PRESSED, SECOND, make_requests
from .conftest import decide, press

__all__ = ["client", "clock", "user"]  # fixtures

pytestmark = pytest.mark.django_db
PERMISSIONS = ("view_sweep", "view_returnrequest", "view_refund")


def read(client: Client, sweep: Sweep) -> list[dict[str, str]]:
    """Return the lines of the CSV that the page links to."""
    response = client.get(f"/admin/refunds/sweep/{sweep.pk}/outcome.csv")
    assert response.status_code == 200
    assert response["Content-Disposition"] == f'attachment; filename="sweep-{sweep.pk}-outcome.csv"'
    return list(csv.DictReader(response.getvalue().decode().splitlines()))


def test_each_request_has_its_outcome_reason_and_receipt(client: Client) -> None:
    """By id; a request that another sweep or a user decided first says which, one that came too late is left out."""
    make_requests(1, received_at=LATE)  # can only be declined
    paid, waiting, under_way, refused, by_hand, left = make_requests(6, customer="c-9", payment="sk_live_secret")
    sweep = press()
    ann = make_user(username="ann")
    decide_chosen([by_hand.pk], Decision.DECLINE, by=ann, note="worn", now=PRESSED + SECOND)
    decide(sweep, 2, PRESSED + SECOND)
    make_requests(1)
    outcome: dict[int, Any] = {paid.pk: {"status": "succeeded", "settled_at": PRESSED, "receipt": "re_1"}}
    outcome[under_way.pk] = {
        "status": "processing",
        "accepted_at": PRESSED,
        "receipt": "re_2",
        "failure": "abroad",
    }
    outcome[refused.pk] = {"status": "failed", "settled_at": PRESSED, "failure": "card closed"}
    for pk, columns in outcome.items():
        Refund.objects.filter(pk=pk).update(**columns)
    decline, _ = sweeps.decline_pending(CUTOFF)
    decide(decline, None, CUTOFF)
    found = read(client, sweep)
    at = (PRESSED + SECOND).astimezone(cutoff.ZONE).isoformat()
    common = {"order_line": "1001/1", "customer": "c-9", "amount": "12.50", "currency": "GBP", "decided_by": "boss"}
    late = common | {"decided_at": CUTOFF.astimezone(cutoff.ZONE).isoformat()}
    expected = [
        (paid, "approved_paid", "", "re_1", common),
        (waiting, "approved_waiting", "", "", common),
        (under_way, "approved_under_way", "abroad", "re_2", common),
        (refused, "approved_refused", "card closed", "", common),
        (by_hand, "decided_before", "declined by hand: worn", "", common | {"decided_by": "ann"}),
        (left, "left_pending", f"declined by {decline}: cutoff", "", late | {"decided_by": str(decline)}),
    ]
    assert found == [
        {"decided_at": at, **more, "id": str(row.pk), "outcome": code, "reason": reason, "receipt": receipt}
        for row, code, reason, receipt, more in expected
    ]
    assert [line["outcome"] for line in read(client, decline)] == ["declined"] * 3
    assert "secret" not in str(found)


def test_payments_are_for_those_who_can_view_refunds(client: Client) -> None:
    """Without the permission the receipt and the provider's words are left out; without requests all is."""
    paid, failed = make_requests(2)
    decide(sweep := press())
    Refund.objects.filter(pk=paid.pk).update(status="succeeded", settled_at=PRESSED, receipt="re_1")
    Refund.objects.filter(pk=failed.pk).update(status="failed", settled_at=PRESSED, failure="card closed")
    lines = read(browser(make_user("view_sweep", "view_returnrequest", username="viewer")), sweep)
    assert [(line["outcome"], line["reason"], line["receipt"]) for line in lines] == [
        ("approved_paid", "", ""),
        ("approved_refused", "", ""),
    ]
    assert client.get("/admin/refunds/sweep/999/outcome.csv").status_code == 404
    for names in ["view_sweep"], ["view_returnrequest", "view_refund"]:
        other = browser(make_user(*names, username=names[0]))
        assert other.get(f"/admin/refunds/sweep/{sweep.pk}/outcome.csv").status_code == 403


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_cell_that_a_spreadsheet_would_run_is_text(client: Client, start: str) -> None:
    """It gets an apostrophe; the amount, and text with the sign elsewhere, stay as they are."""
    make_requests(1, order_line=f"{start}1+1", customer="a=1")
    (line,) = csv.reader(list(csv_file.lines(decided := press(), PRESSED, with_payments=True))[1:])
    assert (line[1:4], decided.kind) == ([f"'{start}1+1", "a=1", "12.50"], "approve")


STEPS = ("approve", "other", "plan", "hand", "expire", "decline", "pay", "fail", "add")


class TestSums(Rollback):
    """Whatever happens, each request of the set has one line, and the page's sums are the CSV's."""

    @settings(max_examples=40)
    @patch(
        "refunds.overview.pieces.CHUNK_ROWS", 9
    )  # a row that is decided by hand can lie so far outside of all chunks
    @given(
        st.lists(st.sampled_from(("GBP", "JPY")), min_size=1, max_size=9), st.lists(st.sampled_from(STEPS), max_size=9)
    )
    def test_sums_of_page_and_csv_are_equal(self, currencies: list[str], steps: list[str]) -> None:
        """Sums by outcome and currency; what the sweep decided is what its chunks say."""
        cache.clear()  # a rollback gives the next example's sweep the same id
        for currency in currencies:
            make_requests(1, currency=currency)
        mine = Sweep.objects.get(pk=press(f"u{ReturnRequest.objects.latest('pk').pk}").pk)
        now = PRESSED
        for step in steps:
            now = max(now, CUTOFF) if step in {"expire", "decline"} else now + SECOND
            take(step, mine, now)
        mine.refresh_from_db()
        lines = list(csv.DictReader(csv_file.lines(mine, now, with_payments=True)))
        found: Counter[tuple[str, str]] = Counter()
        for line in lines:
            found[line["outcome"], line["currency"]] += int(line["amount"].replace(".", ""))
        of_page = sums(mine, now, live=False, budget=60)
        assert of_page.complete
        assert found == {(line.outcome, name): total for line in of_page.lines for name, total in line.totals}
        decided = [line for line in lines if line["outcome"].startswith(("approved", "declined"))]
        assert len(decided) == sweeps.progress(mine, now).decided
        assert len({line["id"] for line in lines}) == len(lines) == len(currencies)


def take(step: str, mine: Sweep, now: Any) -> None:
    """Do one thing that can happen to the requests of a sweep."""
    pending = ReturnRequest.objects.filter(status="requested").order_by("pk")
    refunds = Refund.objects.filter(status="pending").order_by("pk")[:1]
    if step == "approve":
        decide(mine, 1, now)
    elif step == "other" and now < CUTOFF:
        decide(press(f"other {now}", now), None, now)
    elif step == "plan":
        sweeps.plan_sweep(mine.pk, now)
    elif step == "hand":
        decide_chosen([row.pk for row in pending[:1]], Decision.DECLINE, by=None, note="", now=now)
    elif step == "expire":
        sweeps.close_expired(now)
    elif step == "decline":
        decide(sweeps.decline_pending(now)[0], None, now)
    elif step == "pay":
        Refund.objects.filter(pk__in=refunds).update(status="succeeded", settled_at=now, receipt="r")
    elif step == "fail":
        Refund.objects.filter(pk__in=refunds).update(status="failed", settled_at=now, failure="no")
    elif step == "add":
        make_requests(1, received_at=PRESSED, currency="UAH")
