"""An operator's whole day: the default project's processes, Chromium, and a payment provider that refuses.

It passes with the keyboard alone, and with a mouse but without JavaScript.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ..project.running import LONG
from . import provider
from .chromium import watch
from .day import APPROVE_ALL, CODES, CSV, DECLINED, LEFT, PAID, REASON, Day, Return, amounts, returns
from .demo import OPERATOR, PASSWORD
from .deployment import Deployment
from .hands import Hands, both_hands, said
from .sweeping import approve_while_the_worker_dies, cancel_in_the_middle, let_the_cutoff_pass, undo_within_the_hold

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser
CORRECTED = "ch_2000"
MORNING, AFTERNOON = returns(1000, 60), returns(1100, 40)
# Of the morning: one payment that the provider does not know, and eight, all in pounds, whose cards it has blocked.
UNKNOWN, BLOCKED = MORNING[0], MORNING[1:17:2]
FAILED = "refunds/refund/?status=failed"


@both_hands
def test_operators_day(hands: Hands, chromium: "Browser", tmp_path: Path) -> None:
    """From the login to an empty system to the CSVs of four sweeps, which add up to what was imported and paid."""
    provider.refuse(tmp_path, {UNKNOWN.payment: "no such charge", **{one.payment: "card blocked" for one in BLOCKED}})
    with Deployment(tmp_path) as deployed, opened(chromium, deployed, hands) as day:
        log_in(day)
        day.import_file("morning.csv", MORNING)
        approve_while_the_worker_dies(day, MORNING)
        meet_nine_refusals(day)
        day.import_file("afternoon.csv", AFTERNOON)
        first, others = cancel_in_the_middle(day, AFTERNOON)
        undo_within_the_hold(day, others)
        try_again(day)
        worn, incomplete, *late = others
        decline(day, worn, "worn or used", "the soles")
        decline(day, incomplete, "parts are missing", "")
        let_the_cutoff_pass(day, late)
        correct_the_payment(day)
        assert "4 sweeps" in day.go("refunds/sweep/")
        add_up(day, first, others, late)
        assert "Nothing is overdue." in day.go("refunds/")
        pause_payments(day)
        deployed.check()


@contextmanager
def opened(chromium: "Browser", deployed: Deployment, hands: Hands) -> Iterator[Day]:
    """Open a browser; an error on any page fails the test."""
    problems: list[list[str]] = []
    context = chromium.new_context(base_url=deployed.url, java_script_enabled=hands.javascript)
    context.set_default_timeout(LONG * 1000)
    context.on("page", lambda page: problems.append(watch(page)))
    yield Day(context.new_page(), hands, deployed)
    context.close()
    assert [problem for found in problems for problem in found] == []


def log_in(day: Day) -> None:
    """To a system without a return request."""
    day.page.goto("/admin/")
    day.hands.write(day.page, day.page.locator("#id_username"), OPERATOR)
    day.hands.write(day.page, day.page.locator("#id_password"), PASSWORD)
    day.press("Log in")
    assert "No return requests yet" in day.go("refunds/")
    assert "No pending return request can be approved." in day.go(APPROVE_ALL)


def meet_nine_refusals(day: Day) -> None:
    """The sweep's page and the banner count them; the button's page, to which the back button leads, offers nothing."""
    refused = [UNKNOWN, *BLOCKED]
    day.until(day.sums(PAID, [one for one in MORNING if one not in refused]))
    day.until(day.sums("Approved, payment failed", refused))
    day.until(day.page.get_by_role("link", name=f"Refunds failed: 9 ({amounts(refused)})"))
    day.page.go_back()
    assert "No pending return request can be approved." in day.text()


def try_again(day: Day) -> None:
    """First one refund whose card was blocked, then all of a filter; the provider now pays them."""
    provider.refuse(day.folder, {UNKNOWN.payment: "no such charge"})
    first, *others = BLOCKED
    day.go(FAILED)
    day.hands.press(day.page, day.page.locator("tr", has_text=first.order_line).get_by_role("link").first)
    assert "card blocked" in day.text()
    day.press("Try again")
    assert said(day.page) == "Tried again: 1."
    day.go(FAILED)
    day.press("GBP")
    day.hands.choose(day.page, day.page.locator("select[name=action]"), "Try again")
    for box in day.page.locator("input.action-select").all():
        day.hands.tick(day.page, box)
    day.press("Go")
    assert said(day.page) == f"Tried again: {len(others)}."
    day.go("refunds/sweep/1/change/")
    paid = [one for one in MORNING if one != UNKNOWN]
    day.until(day.sums(PAID, paid))


def decline(day: Day, one: Return, reason: str, note: str) -> None:
    """Choose it in the list, and give a reason, which its page then shows."""
    listed = "refunds/returnrequest/?status="
    day.go(f"{listed}requested")
    day.hands.choose(day.page, day.page.locator("select[name=action]"), "Decline selected return requests…")
    day.hands.tick(day.page, day.page.locator("tr", has_text=one.order_line).locator("input.action-select"))
    day.press("Go")
    day.hands.choose(day.page, day.page.locator("#id_code"), reason)
    day.hands.write(day.page, day.page.locator("#id_note"), note)
    day.press("Decline ")
    assert said(day.page) == "Declined: 1."
    day.go(f"{listed}declined")
    day.hands.press(day.page, day.page.locator("tr", has_text=one.order_line).get_by_role("link").first)
    assert f"Declined because: {reason}" in day.text()
    assert note in day.text()


def correct_the_payment(day: Day) -> None:
    """Of the refund that the provider does not know. The page asks for patience until a minute after it failed."""
    day.go(FAILED)
    day.hands.press(day.page, day.page.locator("tr", has_text=UNKNOWN.order_line).get_by_role("link").first)
    day.press("Correct the payment")
    day.hands.write(day.page, day.page.locator("#id_payment"), CORRECTED)
    ends = time.monotonic() + LONG
    day.press("Correct the payment")
    while "failed less than a minute ago" in day.text():
        assert time.monotonic() < ends
        day.press("Correct the payment")
    assert said(day.page) == "The payment is corrected, and the refund is tried again."
    day.until(day.page.locator(".field-status .readonly:text-is('succeeded')"))


def add_up(day: Day, first: list[Return], others: list[Return], late: list[Return]) -> None:
    """Pages and CSVs agree on each sweep. In the CSVs, each imported request ends once; the provider paid each once."""
    swept = [{PAID: MORNING}, {PAID: first, LEFT: others}, {LEFT: others}, {DECLINED: late}]
    lines = []
    for number, outcomes in enumerate(swept, 1):
        day.go(f"refunds/sweep/{number}/change/")
        for outcome, some in outcomes.items():
            day.until(day.sums(outcome, some))
        found = day.download(CSV)
        expected = {one.order_line: CODES[outcome] for outcome, some in outcomes.items() for one in some}
        assert {line["order_line"]: line["outcome"] for line in found} == expected
        lines += found
    decided = [line for line in lines if line["outcome"] != CODES[LEFT]]
    by_hand = {line["order_line"]: line for line in lines if line["reason"].startswith("declined by hand")}
    reasons = {line["reason"] for line in by_hand.values()}
    assert reasons == {"declined by hand: used: the soles", "declined by hand: incomplete"}
    ended = [(line["order_line"], Decimal(line["amount"]), line["currency"]) for line in [*decided, *by_hand.values()]]
    assert sorted(ended) == sorted((one.order_line, one.amount, one.currency) for one in MORNING + AFTERNOON)
    books = [(entry.payment, Decimal(entry.amount_minor) / 100, entry.currency) for entry in provider.paid(day.folder)]
    due = [UNKNOWN._replace(payment=CORRECTED), *MORNING[1:], *first]
    assert sorted(books) == sorted((one.payment, one.amount, one.currency) for one in due)


def pause_payments(day: Day) -> None:
    """Every page of the app then says so."""
    day.go("refunds_brakes/pause/")
    day.give_reason("Pause payments")
    assert "Payments are paused." in said(day.page)
    day.go("refunds/")
    assert f"by {OPERATOR}: {REASON}" in day.page.locator("aside").inner_text()
