"""The pages on which an operator closes a refund: what each refuses, with nothing changed."""

from unittest.mock import Mock

import pytest
from django.core import mail
from django.test import Client
from freezegun.api import FrozenDateTimeFactory
from pytest_django import Settings

from refunds.remedies import closing
from refunds.remedies.forms import Page

from ..admin.conftest import REFUNDS, browser, client, clock, make_user, texts, unchanged, user
from ..factories import MINUTE, NOON, PRESSED, make_refund
from .closers import provider
from .pages import CORRECT, EVERY_PAGE, FIELDS, NEW, SECOND, SETTLE, of, row, send

__all__ = ["client", "clock", "provider", "user"]  # fixtures

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("provider")]
PERMISSIONS = ("correct_payment", "settle_refund")


@EVERY_PAGE
def test_user_without_the_permission_is_refused(page: Page) -> None:
    """A user with every other permission gets 403 for GET and POST."""
    refund = row(page)
    others = {"view_refund", "retry_refund", *PERMISSIONS} - {page.permission.split(".")[1]}
    client = browser(make_user(*others))
    with unchanged():
        assert client.get(of(refund, page)).status_code == 403
        assert send(client, refund, page).status_code == 403


@EVERY_PAGE
def test_other_methods_and_unknown_refunds_are_refused(client: Client, page: Page) -> None:
    """GET shows, POST does. A number that no id can have is not found either."""
    refund = row(page)
    with unchanged():
        for method in ("put", "patch", "delete", "options"):
            assert getattr(client, method)(of(refund, page)).status_code == 405
        for pk in (0, 999, 10**30):
            assert client.get(f"{REFUNDS}{pk}/{page.address}/").status_code == 404
            assert client.post(f"{REFUNDS}{pk}/{page.address}/", FIELDS[page]).status_code == 404


@EVERY_PAGE
def test_refund_in_another_state_is_left(client: Client, page: Page) -> None:
    """A pending refund, one that was tried again in another tab, and one without a second receipt are unchanged."""
    succeeded = {"status": "succeeded", "settled_at": NOON, "receipt": "r"}
    for refund in (make_refund(), make_refund(tried_again=1), make_refund(**succeeded)):
        with unchanged():
            assert texts(send(client, refund, page))[0].startswith("Nothing was changed")


REQUIRED = "This field is required."


@pytest.mark.parametrize(
    ("page", "fields", "says"),
    [
        (CORRECT, {"payment": ""}, REQUIRED),
        (CORRECT, {"payment": " \t"}, REQUIRED),
        (CORRECT, {"payment": "ch_" + "a" * 300}, "at most 255 characters"),
        (CORRECT, {"payment": "cs_test_2"}, "&#x27;cs_test_2&#x27; is not a payment of this provider"),
        (CORRECT, {"payment": "ch_\u200b" + "a" * 20}, "U+200B (ZERO WIDTH SPACE) at position 4"),
        (CORRECT, {"payment": "ch_\x00" + "a" * 20}, "Null characters are not allowed."),
        (CORRECT, {"payment": "<script>alert(1)</script>"}, "&lt;script&gt;alert(1)&lt;/script&gt;"),
        (CORRECT, {"seen": ""}, REQUIRED),
        (CORRECT, {"seen": "x"}, "Enter a whole number."),
        (CORRECT, {"seen": "9" * 30}, "less than or equal to 2147483647"),
        (SETTLE, {"receipt": ""}, REQUIRED),
        (SETTLE, {"reason": " \n "}, REQUIRED),
        (SETTLE, {"receipt": "x" * 256}, "at most 255 characters"),
        (SETTLE, {"reason": "x" * 501}, "at most 500 characters"),
        (SETTLE, {"receipt": "a\x1bb"}, "U+001B (a control character) at position 2"),
        (SETTLE, {"reason": "a\u202eb"}, "U+202E (RIGHT-TO-LEFT OVERRIDE) at position 2"),
        (SETTLE, {"receipt": "wallet:7"}, "the receipt begins with wallet:"),
        (SETTLE, {"receipt": "<b>" + "x" * 255}, "&lt;b&gt;xxx"),
        (SECOND, {"reason": ""}, REQUIRED),
        (SECOND, {"reason": "\u2060"}, "U+2060 (WORD JOINER) at position 1"),
    ],
)
def test_bad_input_comes_back_with_the_reason(client: Client, page: Page, fields: dict[str, str], says: str) -> None:
    """The page again, with what was entered as text, and nothing changed."""
    refund = row(page)
    with unchanged():
        answer = send(client, refund, page, **fields)
    assert (answer.status_code, answer.redirect_chain) == (200, [])
    assert says in answer.text
    assert "<script>alert" not in answer.text
    assert "<b>xxx" not in answer.text


def test_history_and_page_show_html_as_text_and_no_imported_secret(client: Client) -> None:
    """A reason is kept as entered. An imported secret is not on the refund's page, on the form or in the history."""
    settled, corrected = row(SETTLE), row(CORRECT, payment="sk_live_51MtSecret")
    form = client.get(of(corrected, CORRECT)).text
    send(client, settled, SETTLE, receipt="<i>1</i>", reason="<script>alert(1)</script>")
    send(client, corrected, CORRECT)
    for address in ("change", "history"):
        text = client.get(f"{REFUNDS}{settled.pk}/{address}/").text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
        assert "<script>alert" not in text
    page, history = [client.get(f"{REFUNDS}{corrected.pk}/{address}/").text for address in ("change", "history")]
    assert "from &#x27;(a secret, not shown)&#x27; to" in history
    assert "51MtSecret" not in form + page + history


@pytest.mark.parametrize(("page", "field"), [(CORRECT, "payment"), (SETTLE, "receipt"), (SETTLE, "reason")])
@pytest.mark.parametrize("secret", ["sk_live_51MtSecret", "x" * 600 + " sk_live_51MtSecret", "pi_1_secret_51MtSecret"])
def test_submitted_secret_is_not_repeated(client: Client, page: Page, field: str, secret: str) -> None:
    """It is neither in the message nor in the field, and no row stores it."""
    refund = row(page)
    with unchanged():
        answer = send(client, refund, page, **{field: secret})
    assert answer.status_code == 200
    assert "51MtSecret" not in answer.text


@pytest.mark.parametrize(
    ("gateway", "says"),
    [
        ("wallet", "the wallet credits the customer and needs no payment"),
        ("nowhere.Gateway", "REFUNDS_GATEWAY is &#x27;nowhere.Gateway&#x27;"),
    ],
)
def test_gateway_that_cannot_take_the_payment_is_named(
    client: Client, settings: Settings, gateway: str, says: str
) -> None:
    """The wallet needs none, and a wrong setting of the web process is no error page."""
    settings.REFUNDS_GATEWAY = gateway
    refund = row(CORRECT)
    with unchanged():
        assert says in send(client, refund, CORRECT).text


@pytest.mark.parametrize("page", [CORRECT, SETTLE])
def test_form_is_refused_for_a_minute_after_the_failure(
    client: Client, page: Page, clock: FrozenDateTimeFactory
) -> None:
    """The last call can still be carried out; the form stays filled in, and works a minute later."""
    refund = row(page, settled_at=PRESSED)
    with unchanged():
        answer = send(client, refund, page)
    assert "the refund failed less than a minute ago" in answer.text
    assert all(value in answer.text for value in FIELDS[page].values())
    clock.tick(MINUTE)
    assert send(client, refund, page).redirect_chain


@pytest.mark.usefixtures("admin")
def test_mail_about_an_error_has_nothing_that_was_entered(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The admins' mail about a bug lists what was sent, without these fields."""
    monkeypatch.setattr(closing, "_failed", Mock(side_effect=ZeroDivisionError))
    client.raise_request_exception = False
    for page, fields in ((CORRECT, {"payment": NEW}), (SETTLE, {"receipt": "R-51Mt", "reason": "why-51Mt"})):
        assert send(client, row(page), page, **fields).status_code == 500
    bodies = [str(letter.body) for letter in mail.outbox]
    assert len(bodies) == 2
    assert [body for body in bodies if NEW in body or "51Mt" in body] == []
