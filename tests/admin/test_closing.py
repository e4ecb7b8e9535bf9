"""The pages on which an operator closes a refund: what each shows, does, refuses, and writes into the history."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.core import mail
from django.test import Client, TestCase
from freezegun.api import FrozenDateTimeFactory
from pytest_django import Settings

from refunds.admin.remedies import PAGES, Page
from refunds.domain.remedies import Remedy
from refunds.models import Refund, ReturnRequest
from refunds.operations import closing, notices

from ..factories import NOON, PRESSED, make_refund
from .conftest import REFUNDS, Message, browser, make_user, state, texts, try_again

pytestmark = pytest.mark.django_db

Queued = Callable[[], list[Message]]
NEW = "pi_3MtwBwLkdIwHu7ix28a3tqPa"
CORRECT, SETTLE, SECOND = PAGES
# A good form for each page.
FIELDS = {
    CORRECT: {"payment": NEW},
    SETTLE: {"receipt": "SEPA 17", "reason": "account closed"},
    SECOND: {"reason": "one was returned"},
}
EVERY_PAGE = pytest.mark.parametrize("page", PAGES, ids=[page.address for page in PAGES])


@pytest.fixture(autouse=True)
def _stripe(settings: Settings) -> None:
    """Payments are Stripe's, and the web process has no key."""
    settings.REFUNDS_GATEWAY, settings.STRIPE_API_KEY = "stripe", ""


@pytest.fixture
def client() -> Client:
    """The browser of an operator who can do all three, and not try again."""
    return browser(make_user("correct_payment", "settle_refund"))


def row(page: Page, **columns: Any) -> Refund:
    """A refund for the page."""
    values: dict[str, Any] = {"payment": "cs_test_1", "settled_at": NOON, "customer_email": "c@example.com"}
    if page is SECOND:
        values |= {"status": "succeeded", "receipt": "r1", "second_receipts": "r2", "second_receipt_at": NOON}
    else:
        values |= {"status": "failed", "failure": "card closed", "notified_of": "failed", "notified_at": NOON}
    return make_refund(**{**values, **columns})


def of(refund: Refund, page: Page) -> str:
    return f"{REFUNDS}{refund.pk}/{page.address}/"


def send(client: Client, refund: Refund, page: Page, query: str = "", **changes: Any) -> Any:
    """Send the page's form as the page has it now, with the changes, and commit."""
    seen = "1" if page is SECOND else "0"
    with TestCase.captureOnCommitCallbacks(execute=True):
        return client.post(of(refund, page) + query, {"seen": seen, **FIELDS[page], **changes}, follow=True)


def history() -> list[tuple[Any, ...]]:
    return list(LogEntry.objects.values_list("user__username", "object_id", "action_flag", "change_message"))


class TestRefundPage:
    """Which actions the refund's own page offers."""

    def offered(self, client: Client, refund: Refund) -> list[str]:
        page = client.get(f"{REFUNDS}{refund.pk}/change/")
        labels = [label for label, address in page.context["remedies"] if f'href="{address}">{label}</a>' in page.text]
        return ["Try again"] * page.text.count('value="Try again"') + labels

    @pytest.mark.parametrize(
        ("permissions", "labels"),
        [
            (["view_refund"], []),
            (["retry_refund"], ["Try again"]),
            (["correct_payment"], ["Correct the payment"]),
            (["settle_refund"], ["Settled elsewhere"]),
            (["retry_refund", "correct_payment", "settle_refund"], list(Remedy)[:3]),
        ],
    )
    def test_a_failed_refund_offers_what_the_user_can_do(self, permissions: list[str], labels: list[str]) -> None:
        """Each by its own permission."""
        assert self.offered(browser(make_user(*permissions)), row(CORRECT)) == labels

    def test_other_refunds_offer_nothing_but_the_check_of_a_second_receipt(self, client: Client) -> None:
        """What waits or is paid has nothing to close."""
        assert self.offered(client, make_refund()) == []
        assert self.offered(client, make_refund(status="succeeded", settled_at=NOON, receipt="r")) == []
        assert self.offered(client, row(SECOND)) == ["Second receipt checked"]

    def test_every_remedy_is_an_action_of_the_page(self) -> None:
        """What the text of a failure can name is what the page of the refund has, for the superuser."""
        client = browser(make_user(is_superuser=True))
        found = self.offered(client, row(CORRECT)) + self.offered(client, row(SECOND))
        assert found == [str(remedy) for remedy in Remedy]

    def test_the_page_shows_how_it_was_closed(self, client: Client) -> None:
        """Earlier payments, the reason, and the second receipt."""
        columns = {"earlier_payments": "ch_1\nsk_live_1", "settled_elsewhere": "closed account"}
        page = client.get(f"{REFUNDS}{row(SECOND, **columns).pk}/change/").text
        for text in ("ch_1, (a secret, not shown)", "closed account", "r2"):
            assert text in page
        assert "sk_live_1" not in page

    def test_the_lists_do_not_offer_them(self, client: Client) -> None:
        """Each needs a form for its refund."""
        row(CORRECT)
        assert client.get(REFUNDS).context["action_form"] is None


class TestForms:
    """What each page shows and does."""

    @EVERY_PAGE
    def test_the_page_shows_the_refund_and_the_form(self, client: Client, page: Page, queued: Queued) -> None:
        """And changes nothing."""
        refund = row(page)
        before = state()
        shown = client.get(of(refund, page))
        facts = dict(shown.context["facts"])
        assert (facts["amount"], facts["order line"], facts["payment"]) == ("12.50 GBP", "1001/1", "cs_test_1")
        assert facts["reference"] == refund.request.key
        assert f'<input type="submit" class="default" value="{page.remedy}">' in shown.text
        assert (state(), queued()) == (before, [])

    def test_the_payment_is_corrected(self, client: Client, queued: Queued) -> None:
        """Back on the refund's page: pending, with the payment, one message, and both payments in the history."""
        refund = row(CORRECT)
        page = send(client, refund, CORRECT, payment=f" {NEW}\n")
        assert page.redirect_chain == [(f"{REFUNDS}{refund.pk}/change/", 302)]
        assert texts(page) == ["The payment is corrected, and the refund is tried again."]
        assert ReturnRequest.objects.get().payment == NEW
        assert (Refund.objects.get().status, Refund.objects.get().corrected) == ("pending", 1)
        said = f"Corrected the payment from 'cs_test_1' to '{NEW}', and tried again after: card closed"
        assert history() == [("pat", str(refund.pk), CHANGE, said)]
        assert [message.task for message in queued()] == ["refunds.pay_refunds"]

    def test_it_is_settled_elsewhere(self, client: Client, queued: Queued) -> None:
        """Succeeded with the receipt as entered; the history says who, how, after what and why; one mail."""
        refund = row(SETTLE)
        page = send(client, refund, SETTLE)
        assert texts(page) == ["The refund is settled elsewhere."]
        settled = Refund.objects.get()
        assert (settled.status, settled.receipt, settled.settled_at) == ("succeeded", "SEPA 17", PRESSED)
        said = "Settled elsewhere with the receipt 'SEPA 17', after: card closed. Reason: account closed"
        assert history() == [("pat", str(refund.pk), CHANGE, said)]
        assert queued() == [Message("refunds.notify_customer", {"refund_id": refund.pk}, None)]
        notices.notify_customer(refund.pk, PRESSED)
        assert [letter.subject for letter in mail.outbox] == ["Your refund of 12.50 GBP"]

    def test_the_second_receipt_is_checked(self, client: Client, queued: Queued) -> None:
        """The history has both receipts and what was found."""
        refund = row(SECOND)
        assert texts(send(client, refund, SECOND)) == ["The second receipt is checked."]
        said = "Checked the second receipt: r1, then r2. Found: one was returned"
        assert history() == [("pat", str(refund.pk), CHANGE, said)]
        assert Refund.objects.get().second_receipt_at is None
        assert queued() == []

    @EVERY_PAGE
    def test_pressed_twice_is_once(self, client: Client, page: Page, queued: Queued) -> None:
        """The second press leads to the refund's page with a warning; so does the page that was left open."""
        refund = row(page)
        send(client, refund, page)
        before, _ = state(), queued()
        for answer in (send(client, refund, page), client.get(of(refund, page), follow=True)):
            assert answer.redirect_chain == [(f"{REFUNDS}{refund.pk}/change/", 302)]
            (text,) = texts(answer)
            assert text.startswith(
                f"Nothing was changed: since the page was made, somebody has changed refund {refund.pk}"
            )
            assert [message.level for message in answer.context["messages"]] == [messages.WARNING]
        assert (state(), queued()) == (before, [])

    @pytest.mark.parametrize("page", [CORRECT, SETTLE])
    def test_a_page_from_before_another_round_does_nothing(self, client: Client, page: Page, queued: Queued) -> None:
        """A second operator tried again, and it failed again, for another reason."""
        refund = row(page, tried_again=1)
        before = state()
        assert texts(send(client, refund, page))[0].startswith("Nothing was changed")
        assert (state(), queued()) == (before, [])
        send(client, refund, page, seen="1")
        assert state() != before

    def test_the_filters_of_the_list_are_kept(self, client: Client) -> None:
        """From the list by the refund's page to the form, and back after an error and the press."""
        refund = row(CORRECT)
        filters = "?_changelist_filters=status%3Dfailed"
        page = client.get(f"{REFUNDS}{refund.pk}/change/{filters}")
        assert f'href="{of(refund, CORRECT)}{filters}"' in page.text
        assert (
            f'href="{REFUNDS}{refund.pk}/change/{filters}"' in send(client, refund, CORRECT, filters, payment="").text
        )
        assert send(client, refund, CORRECT, filters).redirect_chain == [
            (f"{REFUNDS}{refund.pk}/change/{filters}", 302)
        ]


class TestRefused:
    """What changes nothing."""

    @EVERY_PAGE
    def test_without_its_permission_it_is_forbidden(self, page: Page, queued: Queued) -> None:
        """To users with every other permission, for GET and POST."""
        refund = row(page)
        others = {"view_refund", "retry_refund", "correct_payment", "settle_refund"} - {page.permission.split(".")[1]}
        client = browser(make_user(*others))
        before = state()
        assert client.get(of(refund, page)).status_code == 403
        assert send(client, refund, page).status_code == 403
        assert (state(), queued()) == (before, [])

    @EVERY_PAGE
    @pytest.mark.parametrize("method", ["put", "patch", "delete", "options"])
    def test_other_methods_are_not_allowed(self, client: Client, page: Page, method: str) -> None:
        """GET shows, POST does."""
        refund = row(page)
        before = state()
        assert getattr(client, method)(of(refund, page)).status_code == 405
        assert state() == before

    @EVERY_PAGE
    @pytest.mark.parametrize("pk", [0, 999, 10**30])
    def test_a_refund_that_is_not_there_is_not_found(self, client: Client, page: Page, pk: int) -> None:
        """Also where the number is none that an id can be."""
        assert client.get(f"{REFUNDS}{pk}/{page.address}/").status_code == 404
        assert client.post(f"{REFUNDS}{pk}/{page.address}/", FIELDS[page]).status_code == 404

    @EVERY_PAGE
    def test_a_refund_in_another_state_is_left(self, client: Client, page: Page, queued: Queued) -> None:
        """Pending, and succeeded without a second receipt."""
        for refund in (make_refund(), make_refund(status="succeeded", settled_at=NOON, receipt="r")):
            before = state()
            assert texts(send(client, refund, page))[0].startswith("Nothing was changed")
            assert (state(), queued()) == (before, [])

    @pytest.mark.parametrize(
        ("page", "fields", "says"),
        [
            (CORRECT, {"payment": ""}, "This field is required."),
            (CORRECT, {"payment": " \t"}, "This field is required."),
            (CORRECT, {"payment": "pi_" + "a" * 300}, "at most 255 characters"),
            (CORRECT, {"payment": "cs_test_2"}, "&#x27;cs_test_2&#x27; is a Stripe Checkout session, not a payment"),
            (CORRECT, {"payment": "PAYPAL-1"}, "is not the id of a Stripe charge"),
            (CORRECT, {"payment": "pi_\u200b" + "a" * 20}, "U+200B (ZERO WIDTH SPACE) at position 4"),
            (CORRECT, {"payment": "pi_\x00" + "a" * 20}, "Null characters are not allowed."),
            (CORRECT, {"payment": "<script>alert(1)</script>"}, "&lt;script&gt;alert(1)&lt;/script&gt;"),
            (CORRECT, {"seen": ""}, "This field is required."),
            (CORRECT, {"seen": "x"}, "Enter a whole number."),
            (CORRECT, {"seen": "9" * 30}, "less than or equal to 2147483647"),
            (SETTLE, {"receipt": ""}, "This field is required."),
            (SETTLE, {"reason": " \n "}, "This field is required."),
            (SETTLE, {"receipt": "x" * 256}, "at most 255 characters"),
            (SETTLE, {"reason": "x" * 501}, "at most 500 characters"),
            (SETTLE, {"receipt": "a\x1bb"}, "U+001B (a control character) at position 2"),
            (SETTLE, {"reason": "a\u202eb"}, "U+202E (RIGHT-TO-LEFT OVERRIDE) at position 2"),
            (SETTLE, {"receipt": "wallet:7"}, "the receipt begins with wallet:"),
            (SETTLE, {"receipt": "<b>" + "x" * 255}, "&lt;b&gt;xxx"),
            (SECOND, {"reason": ""}, "This field is required."),
            (SECOND, {"reason": "\u2060"}, "U+2060 (WORD JOINER) at position 1"),
        ],
    )
    def test_bad_input_comes_back_with_the_reason(
        self, client: Client, queued: Queued, page: Page, fields: dict[str, str], says: str
    ) -> None:
        """The page again, with what was entered as text, and nothing changed."""
        refund = row(page)
        before = state()
        answer = send(client, refund, page, **fields)
        assert (answer.status_code, answer.redirect_chain) == (200, [])
        assert says in answer.text
        assert "<script>alert" not in answer.text
        assert "<b>xxx" not in answer.text
        assert (state(), queued()) == (before, [])

    def test_html_in_a_reason_is_text_in_history_and_page(self, client: Client) -> None:
        """It is kept as entered."""
        refund = row(SETTLE)
        send(client, refund, SETTLE, receipt="<i>1</i>", reason="<script>alert(1)</script>")
        for address in ("change", "history"):
            page = client.get(f"{REFUNDS}{refund.pk}/{address}/").text
            assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
            assert "<script>alert" not in page

    @pytest.mark.parametrize(("page", "field"), [(CORRECT, "payment"), (SETTLE, "receipt"), (SETTLE, "reason")])
    @pytest.mark.parametrize(
        "secret", ["sk_live_51MtSecret", "x" * 600 + " sk_live_51MtSecret", "pi_1_secret_51MtSecret"]
    )
    def test_a_secret_does_not_come_back(
        self, client: Client, queued: Queued, page: Page, field: str, secret: str
    ) -> None:
        """Neither in the message nor in the field, and it is stored nowhere."""
        refund = row(page)
        before = state()
        answer = send(client, refund, page, **{field: secret})
        assert answer.status_code == 200
        assert "51MtSecret" not in answer.text
        assert (state(), queued()) == (before, [])

    def test_a_secret_that_a_file_brought_is_not_shown(self, client: Client) -> None:
        """Not on the refund's page, the form, or in the history of its correction."""
        refund = row(CORRECT, payment="sk_live_51MtSecret")
        send(client, refund, CORRECT)
        pages = [client.get(f"{REFUNDS}{refund.pk}/{address}/").text for address in ("change", "history")]
        assert "from &#x27;(a secret, not shown)&#x27; to" in pages[1]
        assert [page for page in pages if "51MtSecret" in page] == []

    def test_the_wallet_says_that_it_needs_no_payment(self, client: Client, settings: Settings) -> None:
        """And which actions help."""
        settings.REFUNDS_GATEWAY = "wallet"
        refund = row(CORRECT)
        before = state()
        answer = send(client, refund, CORRECT)
        assert "the wallet credits the customer and needs no payment" in answer.text
        assert state() == before

    def test_a_gateway_that_is_missing_is_said(self, client: Client, settings: Settings) -> None:
        """The setting is wrong in the web process: no error page."""
        settings.REFUNDS_GATEWAY = "nowhere.Gateway"
        refund = row(CORRECT)
        before = state()
        assert "REFUNDS_GATEWAY is &#x27;nowhere.Gateway&#x27;" in send(client, refund, CORRECT).text
        assert state() == before

    @pytest.mark.parametrize("page", [CORRECT, SETTLE])
    def test_a_minute_after_the_failure_is_waited_for(
        self, client: Client, page: Page, clock: FrozenDateTimeFactory
    ) -> None:
        """The last call can still be carried out; the form stays filled in, and works a minute later."""
        refund = row(page, settled_at=PRESSED)
        before = state()
        answer = send(client, refund, page)
        assert "the refund failed less than a minute ago" in answer.text
        assert all(value in answer.text for value in FIELDS[page].values())
        assert state() == before
        clock.tick(timedelta(minutes=1))
        assert send(client, refund, page).redirect_chain

    def test_try_again_and_the_forms_exclude_each_other(self, queued: Queued) -> None:
        """After "Try again" in one tab, the form in another does nothing."""
        client = browser(make_user("retry_refund", "correct_payment", "settle_refund"))
        refund = row(SETTLE)
        try_again(client, [refund.pk])
        before = state()
        for page in (CORRECT, SETTLE):
            assert texts(send(client, refund, page))[0].startswith("Nothing was changed")
        assert state() == before

    def test_what_was_entered_is_in_no_mail_about_an_error(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The admins' mail about a bug lists what was sent, without these fields."""

        def fail(*_: Any, **__: Any) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(closing, "_failed", fail)
        client.raise_request_exception = False
        for page, fields in ((CORRECT, {"payment": NEW}), (SETTLE, {"receipt": "R-51Mt", "reason": "why-51Mt"})):
            assert send(client, row(page), page, **fields).status_code == 500
        bodies = [str(letter.body) for letter in mail.outbox]
        assert len(bodies) == 2
        assert [body for body in bodies if NEW in body or "51Mt" in body] == []
