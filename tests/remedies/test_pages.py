"""The pages on which an operator closes a refund: what each shows, does, and writes into the history."""

from typing import Any

import pytest
from django.contrib import messages
from django.contrib.admin.models import CHANGE
from django.test import Client

from refunds.domain.refunds import TRY_AGAIN
from refunds.models import Refund
from refunds.remedies.forms import Page
from refunds.remedies.labels import Remedy
from refunds.remedies.models import SecondReceipt, SettledElsewhere

from ..admin.conftest import REFUNDS, browser, client, clock, make_user, queued, state, texts, unchanged, user
from ..factories import NOON, PRESSED, make_refund
from .closers import provider
from .pages import CORRECT, EVERY_PAGE, NEW, SECOND, SETTLE, history, of, row, send

__all__ = ["client", "clock", "provider", "user"]  # fixtures

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("provider")]
# An operator can use all three pages, and not try again.
PERMISSIONS = ("correct_payment", "settle_refund")


def offered(client: Client, refund: Refund) -> list[str]:
    """Return the actions that the refund's own page offers."""
    page = client.get(of(refund))
    labels = [label for label, address in page.context["links"] if f'href="{address}">{label}</a>' in page.text]
    return ["Try again"] * page.text.count('value="Try again"') + labels


@pytest.mark.parametrize(
    ("permissions", "labels"),
    [
        (["view_refund"], []),
        (["retry_refund"], ["Try again"]),
        (["correct_payment"], ["Correct the payment"]),
        (["settle_refund"], ["Settled elsewhere"]),
        (["retry_refund", "correct_payment", "settle_refund"], ["Try again", *list(Remedy)[:2]]),
    ],
)
def test_failed_refund_offers_the_permitted_actions(permissions: list[str], labels: list[str]) -> None:
    """Each action has its own permission."""
    assert offered(browser(make_user(*permissions)), row(CORRECT)) == labels


def test_other_refunds_offer_only_the_check_of_a_second_receipt(client: Client) -> None:
    """A pending or succeeded refund has no other remedy. A failure's text names only what a superuser is offered."""
    assert offered(client, make_refund()) == []
    assert offered(client, make_refund(status="succeeded", settled_at=NOON, receipt="r")) == []
    assert offered(client, row(SECOND)) == ["Second receipt checked"]
    boss = browser(make_user(username="boss", is_superuser=True))
    assert offered(boss, row(CORRECT)) + offered(boss, row(SECOND)) == [TRY_AGAIN, *map(str, Remedy)]


def test_refund_page_shows_how_it_was_closed(client: Client) -> None:
    """Earlier payments, the reason, and the second receipt. The list offers no remedy: each needs one refund's form."""
    refund = row(SECOND, earlier_payments="ch_1\nsk_live_1")
    assert client.get(REFUNDS).context["action_form"] is None
    SettledElsewhere.objects.create(refund=refund, reason="closed account")
    page = client.get(of(refund)).text
    for text in ("ch_1, (a secret, not shown)", "closed account", "r2"):
        assert text in page
    assert "sk_live_1" not in page


@EVERY_PAGE
def test_page_shows_the_refund_and_the_form(client: Client, page: Page) -> None:
    """It changes nothing."""
    refund = row(page)
    with unchanged():
        shown = client.get(of(refund, page))
    facts = {"amount": "12.50 GBP", "order line": "1001/1", "payment": "cs_test_1", "reference": refund.request.key}
    assert dict(shown.context["facts"]) | facts == dict(shown.context["facts"])
    assert f'<input type="submit" class="default" value="{page.remedy}">' in shown.text


DOES = {
    CORRECT: (
        "The payment is corrected, and the refund is tried again.",
        f"Corrected the payment from 'cs_test_1' to '{NEW}', and tried again after: card closed",
        {"status": "pending", "key_number": 1, "request__payment": NEW, "settled_at": None},
    ),
    SETTLE: (
        "The refund is settled elsewhere.",
        "Settled elsewhere with the receipt 'SEPA 17', after: card closed. Reason: account closed",
        {"status": "succeeded", "receipt": "SEPA 17", "settled_at": PRESSED},
    ),
    SECOND: (
        "The second receipt is checked.",
        "Checked the second receipt: r1, then r2. Found: one was returned",
        {"status": "succeeded", "receipt": "r1", "settled_at": NOON},
    ),
}


@pytest.mark.parametrize(("page", "expected"), DOES.items())
def test_form_changes_the_refund_and_its_history(client: Client, page: Page, expected: Any) -> None:
    """Back on the refund's page with a message. The history says who, how, after what and why."""
    refund = row(page)
    spaces = {"payment": f" {NEW}\n"} if page is CORRECT else {}
    shown = send(client, refund, page, **spaces)
    said, noted, columns = expected
    assert (shown.redirect_chain, texts(shown)) == ([(of(refund), 302)], [said])
    assert Refund.objects.values(*columns).get() == columns
    assert history() == [("pat", str(refund.pk), CHANGE, noted)]
    assert [message.task for message in queued()] == ["refunds.pay_refunds"] * (page is CORRECT)
    assert list(SecondReceipt.objects.values_list("checked_at", flat=True)) == [PRESSED] * (page is SECOND)


@EVERY_PAGE
def test_second_press_changes_nothing(client: Client, page: Page) -> None:
    """The second press leads to the refund's page with a warning; so does the page that was left open."""
    refund = row(page)
    send(client, refund, page)
    with unchanged():
        answers = send(client, refund, page), client.get(of(refund, page), follow=True)
    said = f"Nothing was changed: since the page was made, somebody has changed refund {refund.pk}"
    for answer in answers:
        assert answer.redirect_chain == [(of(refund), 302)]
        ((text, level),) = [(str(message), message.level) for message in answer.context["messages"]]
        assert (text[: len(said)], level) == (said, messages.WARNING)


@pytest.mark.parametrize("page", [CORRECT, SETTLE])
def test_page_of_an_earlier_round_changes_nothing(client: Client, page: Page) -> None:
    """A second operator tried again, and it failed again, for another reason."""
    refund = row(page, tried_again=1)
    with unchanged():
        assert texts(send(client, refund, page))[0].startswith("Nothing was changed")
    before = state()
    send(client, refund, page, seen="1")
    assert state() != before


def test_filters_of_the_list_are_kept(client: Client) -> None:
    """From the list by the refund's page to the form, and back after an error and the press."""
    refund = row(CORRECT)
    filters = "?_changelist_filters=status%3Dfailed"
    back = of(refund, query=filters)
    assert f'href="{of(refund, CORRECT, filters)}"' in client.get(back).text
    assert f'href="{back}"' in send(client, refund, CORRECT, filters, payment="").text
    assert send(client, refund, CORRECT, filters).redirect_chain == [(back, 302)]
