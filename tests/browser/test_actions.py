"""Each action, with the keyboard alone and without JavaScript; and the button pressed more than once."""

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from refunds.models import Chunk, Refund, ReturnRequest, Sweep
from refunds.operations import sweeps

from ..factories import PRESSED
from .hands import Hands, both_hands, button, said

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from .conftest import Browse

pytestmark = pytest.mark.browser
APPROVE_ALL, REQUESTS, REFUNDS = (
    "/admin/refunds/returnrequest/approve-all/",
    "/admin/refunds/returnrequest/?status=requested",
    "/admin/refunds/refund/?status=failed",
)


class Case(NamedTuple):
    """An action on a refund's page: the refund, the action, what its form asks, what is said, and the status then."""

    row: str
    action: str
    fields: dict[str, str]
    said: str
    status: str


SETTLED = {"receipt": "SEPA 17", "reason": "account closed"}
CASES = [
    Case("failed", "Try again", {}, "Tried again: 1.", "pending"),
    Case("failed", "Settled elsewhere", SETTLED, "settled", "succeeded"),
    Case("doubled", "Second receipt checked", {"reason": "one payment"}, "checked", "succeeded"),
]


def run(page: "Page", hands: Hands, action: str, row: int) -> None:
    """Run an action of the list on a row."""
    hands.choose(page, page.locator("select[name=action]"), action)
    hands.tick(page, page.locator(f"input.action-select[value='{row}']"))
    hands.press(page, button(page, "Go"))


@both_hands
def test_approve_all(hands: Hands, browse: "Browse", rows: dict[str, Any]) -> None:
    """From the list over the confirmation to the sweep's page, which shows the end without another press."""
    page = browse(javascript=hands.javascript)
    page.goto(REQUESTS)
    hands.press(page, button(page, "Approve all pending"))
    hands.press(page, button(page, "Approve "))
    sweep = Sweep.objects.latest("pk")
    assert page.url.endswith(f"/admin/refunds/sweep/{sweep.pk}/change/")
    assert page.locator("#progress").get_attribute("value") == "0"
    sweeps.plan_sweep(sweep.pk, PRESSED)
    for chunk in Chunk.objects.filter(sweep=sweep):
        sweeps.decide_chunk(chunk.pk, PRESSED)
    page.locator("#progress[value='100']").wait_for()
    assert ReturnRequest.objects.get(pk=rows["returnrequest"]).sweep == sweep


@both_hands
def test_decline_selected(hands: Hands, browse: "Browse", rows: dict[str, Any]) -> None:
    """With a reason and a note, which the request keeps."""
    page = browse(javascript=hands.javascript)
    page.goto(REQUESTS)
    run(page, hands, "Decline selected return requests…", rows["returnrequest"])
    hands.choose(page, page.locator("#id_code"), "worn or used")
    hands.write(page, page.locator("#id_note"), "the soles")
    hands.press(page, button(page, "Decline "))
    assert said(page) == "Declined: 1."
    assert list(
        ReturnRequest.objects.filter(status="declined").values_list("pk", "decision_code", "decision_note")
    ) == [(rows["returnrequest"], "used", "the soles")]


@both_hands
def test_approve_selected(hands: Hands, browse: "Browse", rows: dict[str, Any]) -> None:
    """After a confirmation."""
    page = browse(javascript=hands.javascript)
    page.goto(REQUESTS)
    run(page, hands, "Approve selected return requests…", rows["returnrequest"])
    hands.press(page, button(page, "Approve "))
    assert said(page) == "Approved: 1."
    assert ReturnRequest.objects.get(pk=rows["returnrequest"]).status == "approved"


@both_hands
def test_try_again_on_the_list(hands: Hands, browse: "Browse", rows: dict[str, Any]) -> None:
    """The chosen refund is pending again, and no other."""
    page = browse(javascript=hands.javascript)
    page.goto(REFUNDS)
    run(page, hands, "Try again", rows["failed"])
    assert said(page) == "Tried again: 1."
    assert list(Refund.objects.filter(tried_again=1).values_list("pk", "status")) == [(rows["failed"], "pending")]


@both_hands
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.action)
def test_action_on_a_refunds_page(hands: Hands, case: Case, browse: "Browse", rows: dict[str, Any]) -> None:
    """Leads back to the refund's page, which says what was done."""
    page = browse(javascript=hands.javascript)
    page.goto(f"/admin/refunds/refund/{rows[case.row]}/change/")
    hands.press(page, button(page, case.action))
    for name, text in case.fields.items():
        hands.write(page, page.locator(f"#id_{name}"), text)
    if case.fields:
        hands.press(page, button(page, case.action))
    assert case.said in said(page)
    assert Refund.objects.get(pk=rows[case.row]).status == case.status


def test_double_click_starts_one_sweep(browse: "Browse") -> None:
    """The second click shows the sweep of the first."""
    page = browse()
    page.goto(APPROVE_ALL)
    before = Sweep.objects.count()
    button(page, "Approve ").dblclick()  # the second click can end the navigation of the first
    page.locator("#progress").wait_for()
    assert Sweep.objects.count() == before + 1


def test_back_button_leads_to_no_second_sweep(browse: "Browse") -> None:
    """The browser asks for the page again, which has nothing left to press."""
    page = browse()
    page.goto(APPROVE_ALL)
    before = Sweep.objects.count()
    with page.expect_navigation():
        button(page, "Approve ").click()
    page.go_back()
    assert "No pending return request can be approved." in page.locator("#content").inner_text()
    assert button(page, "Approve ").count() == 0
    assert Sweep.objects.count() == before + 1


def test_two_tabs_start_one_sweep(browse: "Browse") -> None:
    """The tab that is pressed second says that nothing was changed, and shows what is left."""
    first = browse()
    second = first.context.new_page()
    for page in (first, second):
        page.goto(APPROVE_ALL)
    before = Sweep.objects.count()
    for page in (first, second):
        with page.expect_navigation():
            button(page, "Approve ").click()
    assert Sweep.objects.count() == before + 1
    assert "/sweep/" in first.url
    assert said(second).startswith("Nothing was changed: ")
