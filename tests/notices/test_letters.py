"""The mails, as they go to the mail server."""

import email
import email.policy
from email.message import Message

import django
import pytest
from django.utils.translation import override
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from refunds.models import Refund, ReturnRequest
from refunds.notices import declines, letters, opt_outs
from refunds.notices.models import Notice

from ..factories import NOON, make_refund
from .mails import ADDRESS, FAILURE, SUCCESS

pytestmark = pytest.mark.django_db
LONG = "a.customer.with.a.long.name.and.a.long.domain@customers-of-this-shop.example.com"
PAID = "We have refunded 12.50 GBP for 1001/1. Receipt: re_1."


def paid(address: str = ADDRESS) -> Refund:
    """A refund that has been paid."""
    return make_refund(status="succeeded", settled_at=NOON, receipt="re_1", customer_email=address)


def wire(about: Refund | Notice) -> bytes:
    """The mail as the SMTP backend hands it over."""
    letter = letters.to_customer(about if isinstance(about, Notice) else Notice(request=about.request))
    made = letter.message(policy=email.policy.SMTP) if django.VERSION >= (6, 0) else letter.message()
    content = made.as_bytes()
    assert isinstance(content, bytes)
    return content.replace(b"\r\n", b"\n")


def read(about: Refund | Notice) -> tuple[Message, list[str]]:
    """The mail as a mail program reads it, and the lines of its body."""
    message = email.message_from_bytes(wire(about))
    payload = message.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return message, payload.decode().strip().splitlines()


def test_success_says_amount_order_line_and_receipt() -> None:
    """Its header suppresses out-of-office replies (RFC 3834). Without a public address it has no link to opt out."""
    message, text = read(paid())
    assert (message["To"], message["Subject"], text) == (ADDRESS, SUCCESS, [PAID])
    assert message["Auto-Submitted"] == "auto-generated"
    assert [name for name in message.keys() if name.startswith("List-")] == []  # noqa: SIM118  # headers, not a dict


def test_failure_says_that_we_look_into_it() -> None:
    """The reason is for the admins, and not in the mail."""
    failed = make_refund(status="failed", settled_at=NOON, failure="card closed", customer_email=ADDRESS)
    message, text = read(failed)
    assert message["Subject"] == FAILURE
    assert text == ["We could not pay 12.50 GBP for 1001/1 yet. We are looking into it; you need not do anything."]


def test_message_id_is_made_of_refund_and_outcome(settings: Settings) -> None:
    """It is the same each time, another for another outcome, and another for the same id in a new database."""
    settings.DEFAULT_FROM_EMAIL = "Returns <returns@shop.example>"
    refund = paid()
    first, again = (str(read(refund)[0]["Message-ID"]) for _ in range(2))
    assert first == again
    assert first.startswith(f"<refund-{refund.pk}-succeeded-")
    assert first.endswith("@shop.example>")
    refund.status = "failed"
    assert read(refund)[0]["Message-ID"] == first.replace("succeeded", "failed")
    ReturnRequest.objects.update(key="another")
    assert read(Refund.objects.get())[0]["Message-ID"] != first


@pytest.mark.parametrize("address", [ADDRESS, LONG])
def test_link_and_its_headers_arrive_whole(settings: Settings, address: str) -> None:
    """The link is unencoded on one line of its header, however long. One click requires https (RFC 8058)."""
    refund = paid(address)
    for scheme, clicks in (("https", 1), ("http", 0)):
        settings.REFUNDS_PUBLIC_URL = f"{scheme}://returns.example.com"
        link = opt_outs.link(address)
        lines = wire(refund).decode().split("\n")
        assert f"List-Unsubscribe: <{link}>" in lines
        found = [line for line in lines if line.startswith("List-Unsubscribe-Post")]
        assert found == ["List-Unsubscribe-Post: List-Unsubscribe=One-Click"] * clicks
        assert read(refund)[1] == [PAID, "", f"To get no more mails about returns: {link}"]


def declined(sentence: str, **columns: str) -> Notice:
    """A notice of a request that was declined, as it was read from the database."""
    columns = {"order_line": "1001/1", "currency": "GBP", "customer_email": ADDRESS, "key": "k", **columns}
    return Notice(request=ReturnRequest(pk=7, amount_minor=123450, status="declined", **columns), sentence=sentence)


def test_decline_says_order_line_and_amount_and_its_sentence(settings: Settings) -> None:
    """The subject has nothing that somebody entered. It is another mail than one about a refund of the same id."""
    settings.REFUNDS_PUBLIC_URL, settings.DEFAULT_FROM_EMAIL = "https://returns.example.com", "returns@shop.example"
    message, text = read(declined("The left shoe is missing.\nSorry."))
    assert (message["To"], message["Subject"]) == (ADDRESS, "Your return of 1,234.50 GBP is declined")
    assert text == [
        *("We have declined your return of 1001/1, and do not refund 1,234.50 GBP.", ""),
        *("The left shoe is missing.", "Sorry.", ""),
        f"To get no more mails about returns: {opt_outs.link(ADDRESS)}",
    ]
    assert message["Message-ID"].startswith("<request-7-declined-")
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


@given(st.text(max_size=declines.LONGEST).map(str.strip).filter(lambda text: text and not declines.problem(text)))
def test_sentence_arrives_whole_and_adds_no_header(sentence: str) -> None:
    """Whatever a user can enter is in the body, and a second mail is the same."""
    notice = declined(sentence)
    message, text = read(notice)
    assert text[2:] == sentence.split("\n")
    assert message.keys() == read(declined("x"))[0].keys()
    again, same = read(notice)
    assert (again["Message-ID"], same) == (message["Message-ID"], text)


@pytest.mark.parametrize(
    ("language", "subject"),
    [("en", "Your return of 1,234.50 GBP is declined"), ("uk", "Ваше повернення на 1 234,50 GBP відхилено")],
)
def test_mail_is_in_the_language_of_the_project(settings: Settings, language: str, subject: str) -> None:
    """The language of the page, or of the process that sends it, makes no difference."""
    settings.LANGUAGE_CODE = language
    for active in ("en", "uk"):
        with override(active):
            assert letters.to_customer(declined("Sorry.")).subject.replace("\xa0", " ") == subject
