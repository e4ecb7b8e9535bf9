"""The pages on which an operator closes a refund: what each refuses, with nothing changed."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from freezegun.api import FrozenDateTimeFactory
from pytest_django import Settings

from refunds.remedies import closing
from refunds.remedies.forms import Page

from ..admin.conftest import REFUNDS, browser, clock, make_user, queued, state, texts, try_again
from ..factories import NOON, PRESSED, make_refund
from .closers import provider
from .pages import CORRECT, EVERY_PAGE, FIELDS, NEW, SECOND, SETTLE, Queued, client, of, row, send

__all__ = ["client", "clock", "provider", "queued"]  # fixtures

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("provider")]


class TestRefused:
    """The requests that change nothing."""

    @EVERY_PAGE
    def test_user_without_the_permission_is_refused(self, page: Page, queued: Queued) -> None:
        """A user with every other permission gets 403 for GET and POST."""
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
    def test_unknown_refund_is_not_found(self, client: Client, page: Page, pk: int) -> None:
        """This includes a number that no id can have."""
        assert client.get(f"{REFUNDS}{pk}/{page.address}/").status_code == 404
        assert client.post(f"{REFUNDS}{pk}/{page.address}/", FIELDS[page]).status_code == 404

    @EVERY_PAGE
    def test_refund_in_another_state_is_left(self, client: Client, page: Page, queued: Queued) -> None:
        """A pending refund, and one that succeeded without a second receipt, are unchanged."""
        for refund in (make_refund(), make_refund(status="succeeded", settled_at=NOON, receipt="r")):
            before = state()
            assert texts(send(client, refund, page))[0].startswith("Nothing was changed")
            assert (state(), queued()) == (before, [])

    @pytest.mark.parametrize(
        ("page", "fields", "says"),
        [
            (CORRECT, {"payment": ""}, "This field is required."),
            (CORRECT, {"payment": " \t"}, "This field is required."),
            (CORRECT, {"payment": "ch_" + "a" * 300}, "at most 255 characters"),
            (CORRECT, {"payment": "cs_test_2"}, "&#x27;cs_test_2&#x27; is not a payment of this provider"),
            (CORRECT, {"payment": "ch_\u200b" + "a" * 20}, "U+200B (ZERO WIDTH SPACE) at position 4"),
            (CORRECT, {"payment": "ch_\x00" + "a" * 20}, "Null characters are not allowed."),
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
    def test_submitted_secret_is_not_repeated(
        self, client: Client, queued: Queued, page: Page, field: str, secret: str
    ) -> None:
        """It is neither in the message nor in the field, and no row stores it."""
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

    def test_missing_gateway_is_reported(self, client: Client, settings: Settings) -> None:
        """The setting is wrong in the web process: no error page."""
        settings.REFUNDS_GATEWAY = "nowhere.Gateway"
        refund = row(CORRECT)
        before = state()
        assert "REFUNDS_GATEWAY is &#x27;nowhere.Gateway&#x27;" in send(client, refund, CORRECT).text
        assert state() == before

    @pytest.mark.parametrize("page", [CORRECT, SETTLE])
    def test_form_is_refused_for_a_minute_after_the_failure(
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

    @pytest.mark.usefixtures("admin")
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
