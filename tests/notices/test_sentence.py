"""The field of "Decline selected" for what the customer is told, and where the admin shows it afterwards."""

from html import unescape
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from pytest_django import Settings

from refunds import signals
from refunds.domain.returns import CUTOFF_CODE
from refunds.domain.sweeps import IdRange
from refunds.models import Sweep
from refunds.notices.declines import LONGEST
from refunds.notices.models import Notice
from refunds.notices.sending import notify_customers

from ..admin.conftest import CHANGE_LIST, act, browser, clock, confirm, make_user, queued, texts, unchanged
from ..factories import CUTOFF, PRESSED, SECOND, make_requests
from .mails import ADDRESS
from .test_declines import at_the_cutoff, requests

__all__ = ["clock"]
pytestmark = pytest.mark.django_db
DECLINE, NOTICES = "decline_selected", "/admin/refunds_notices/notice/"
MARKUP = "Worn <b>twice</b> & dirty.\nPlease read our terms."
PERMISSIONS = ("decline_returnrequest", "view_notice", "view_returnrequest")


class KnowsItsSecrets:
    """A gateway with API keys."""

    @staticmethod
    def secret_in(text: str) -> str | None:
        return "an API key" if "key_" in text else None


@pytest.fixture
def client() -> Client:
    """Return the browser of a user who can decline, and view notices."""
    return browser(make_user(*PERMISSIONS))


def send_mails() -> list[str]:
    """Do what a worker does with the messages, and return the paragraphs of the first mail."""
    ids = list(Notice.objects.order_by("pk").values_list("pk", flat=True))
    notify_customers(IdRange(ids[0], ids[-1]), lambda: PRESSED + SECOND)
    return str(mail.outbox[0].body).split("\n\n")


def test_sentence_is_mailed_to_each_customer_with_an_address(client: Client) -> None:
    """The mail has its line breaks and its signs as they were entered. Sent again, the page declines nothing more."""
    chosen = [*requests(2), *(row.pk for row in make_requests())]
    entered = f" {MARKUP} ".replace("\n", "\r\n")
    token = act(client, DECLINE, chosen).context["token"]
    for said in "Declined: 3.", "Declined: 0. Left as they were: 3 (decided before).":
        assert texts(confirm(client, DECLINE, chosen, token=token, sentence=entered)) == [said]
    assert list(Notice.objects.order_by("pk").values_list("pk", "sentence")) == [(pk, MARKUP) for pk in chosen[:2]]
    message = {"refund_id": chosen[0], "last_id": chosen[1]}
    assert [(one.task, one.kwargs) for one in queued()] == [("refunds.notify_customer", message)]
    assert send_mails() == ["We have declined your return of 1001/1, and do not refund 12.50 GBP.", MARKUP]
    assert [letter.to for letter in mail.outbox] == [[ADDRESS]] * 2


def test_page_says_that_the_sentence_is_mailed_and_what_an_empty_one_means(client: Client, settings: Settings) -> None:
    """Without a text of the setting, no mail. With one, the page shows it; the cutoff's is not offered."""
    (pk,) = requests()

    def shown() -> str:
        return unescape(act(client, DECLINE, [pk]).text)

    to_whom = "Mailed to each customer who has an address and has not opted out."
    assert f"{to_whom} If it is empty, no mail is sent." in shown()
    settings.REFUNDS_DECLINE_TEXTS = {"used": "It <was> used.", "late": " ", CUTOFF_CODE: "Too late."}
    page = act(client, DECLINE, [pk]).text
    assert "a reason without a text sends no mail. Texts: worn or used: It &lt;was&gt; used.</div>" in page
    assert "Too late." not in page
    superuser = browser(make_user(is_superuser=True, username="su"))
    assert 'name="sentence"' not in act(superuser, "approve_selected", [pk]).text
    confirm(client, DECLINE, [pk], sentence=" ")
    assert Notice.objects.get().sentence == "It <was> used."


@pytest.mark.parametrize(
    ("sentence", "error"),
    [
        ("x" * (LONGEST + 1), "it has 501 characters; shorten it to 500"),
        ("a\u200bb", "it has a character that cannot be seen, U+200B (ZERO WIDTH SPACE) at position 2; remove it"),
        ("a\u2028Bcc: x@y.example", "cannot be seen, U+2028 (LINE SEPARATOR) at position 2; remove it"),
        ("a\x00b", "Null characters are not allowed."),
        ("my key_1", "it has a secret in it, which is not shown: an API key"),
    ],
)
def test_sentence_that_cannot_be_mailed_is_refused(
    client: Client, settings: Settings, sentence: str, error: str
) -> None:
    """The page says why and nothing is changed. It shows the text again, but no secret."""
    settings.REFUNDS_GATEWAY = f"{__name__}.{KnowsItsSecrets.__name__}"
    (pk,) = requests()
    with unchanged():
        page = confirm(client, DECLINE, [pk], sentence=sentence)
    assert error in page.text
    assert ("key_1" in page.text, 'name="sentence"' in page.text) == (False, True)
    settings.REFUNDS_GATEWAY = "bank"
    with unchanged():
        assert "REFUNDS_GATEWAY" in confirm(client, DECLINE, [pk], sentence="Sorry.").text


def test_longest_sentence_is_accepted(client: Client) -> None:
    """A line break counts as one character, as browsers count it."""
    (pk,), text = requests(), "x" * (LONGEST - 2) + "\ny"
    confirm(client, DECLINE, [pk], sentence=text.replace("\n", "\r\n"))
    assert Notice.objects.get().sentence == text


def test_admin_shows_what_the_customer_was_told(client: Client) -> None:
    """On the list, its page and the request's timeline. It names no refund."""
    (pk,) = requests()
    confirm(client, DECLINE, [pk], sentence=MARKUP)
    page = client.get(f"{NOTICES}{pk}/change/").text
    assert [text in page for text in ("Worn &lt;b&gt;twice&lt;/b&gt; &amp; dirty.", ">pending<")] == [True, True]
    assert f'href="{CHANGE_LIST}{pk}/change/"' in page
    assert "/refunds/refund/" not in page
    viewer = make_user("view_notice", username="viewer")

    def told() -> list[tuple[Any, ...]]:
        found = signals.answers(signals.history_requested, row=Notice.objects.get().request, user=viewer, now=PRESSED)
        return [line for answer in found for line in answer]

    address = f"{NOTICES}{pk}/change/"
    assert told() == [(PRESSED, "Mail due", address)]
    send_mails()
    assert told() == [(PRESSED + SECOND, f"Mail sent: declined. {MARKUP}", address)]
    assert [column in client.get(NOTICES).text for column in (">sent<", ">declined<")] == [True, True]


def test_decline_of_the_cutoff_leads_to_its_notices(settings: Settings) -> None:
    """The page of the sweep has the link, and the list shows these with their total."""
    settings.REFUNDS_DECLINE_TEXTS = {CUTOFF_CODE: "Too late."}
    client, ids = browser(make_user(is_superuser=True)), requests(2)
    at_the_cutoff()
    sweep = Sweep.objects.get()
    address = f"{NOTICES}?sweep={sweep.pk}"
    assert f'href="{address}"' in client.get(f"/admin/refunds/sweep/{sweep.pk}/change/").text
    page = client.get(address)
    assert [row.pk for row in page.context["cl"].result_list] == ids[::-1]
    assert "Total: 2 of 25.00 GBP" in page.text
    assert sweep.scheduled_for == CUTOFF
