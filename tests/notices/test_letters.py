"""The mails, as they go to the mail server."""

import email
import email.policy
from email.message import Message

import django
import pytest
from pytest_django import Settings

from refunds.models import Refund, ReturnRequest
from refunds.notices import letters, opt_outs
from refunds.notices.models import Notice

from ..factories import NOON, make_refund
from .mails import ADDRESS

pytestmark = pytest.mark.django_db
LONG = "a.customer.with.a.long.name.and.a.long.domain@customers-of-this-shop.example.com"


def paid(address: str = ADDRESS) -> Refund:
    """A refund that has been paid."""
    return make_refund(status="succeeded", settled_at=NOON, receipt="re_1", customer_email=address)


def wire(refund: Refund) -> bytes:
    """The mail as the SMTP backend hands it over."""
    letter = letters.to_customer(Notice(refund=refund))
    made = letter.message(policy=email.policy.SMTP) if django.VERSION >= (6, 0) else letter.message()
    content = made.as_bytes()
    assert isinstance(content, bytes)
    return content.replace(b"\r\n", b"\n")


def read(refund: Refund) -> Message:
    """The mail as a mail program reads it."""
    return email.message_from_bytes(wire(refund))


def text(message: Message) -> str:
    """Its body."""
    payload = message.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode()


def test_success_says_amount_order_line_and_receipt() -> None:
    """Without a public address the mail has no link to opt out."""
    message = read(paid())
    assert (message["To"], message["Subject"]) == (ADDRESS, "Your refund of 12.50 GBP")
    assert text(message).strip() == "We have refunded 12.50 GBP for 1001/1. Receipt: re_1."
    assert [name for name in message.keys() if name.startswith("List-")] == []  # noqa: SIM118  # headers, not a dict


def test_failure_says_that_we_look_into_it() -> None:
    """The reason is for the admins, and not in the mail."""
    failed = make_refund(status="failed", settled_at=NOON, failure="card closed", customer_email=ADDRESS)
    message = read(failed)
    assert message["Subject"] == "Your refund of 12.50 GBP is delayed"
    assert text(message).strip() == (
        "We could not pay 12.50 GBP for 1001/1 yet. We are looking into it; you need not do anything."
    )


def test_message_id_is_made_of_refund_and_outcome(settings: Settings) -> None:
    """The same each time, another for another outcome, and another for the same id in a new database."""
    settings.DEFAULT_FROM_EMAIL = "Returns <returns@shop.example>"
    refund = paid()
    ids = [read(refund)["Message-ID"] for _ in range(2)]
    assert ids[0] == ids[1]
    assert ids[0].startswith(f"<refund-{refund.pk}-succeeded-")
    assert ids[0].endswith("@shop.example>")
    refund.status = "failed"
    assert read(refund)["Message-ID"] == ids[0].replace("succeeded", "failed")
    refund.status = "succeeded"
    ReturnRequest.objects.update(key="another")
    assert read(Refund.objects.get())["Message-ID"] != ids[0]


def test_out_of_office_replies_are_suppressed() -> None:
    """By the header of RFC 3834."""
    assert read(paid())["Auto-Submitted"] == "auto-generated"


@pytest.mark.parametrize("address", [ADDRESS, LONG])
def test_link_and_its_headers_arrive_whole(settings: Settings, address: str) -> None:
    """In the body and, however long, unencoded on one line of its header; with one click (RFC 8058)."""
    settings.REFUNDS_PUBLIC_URL = "https://returns.example.com"
    refund = paid(address)
    link = opt_outs.link(address)
    assert link is not None
    lines = wire(refund).split(b"\n")
    assert f"List-Unsubscribe: <{link}>".encode() in lines
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click" in lines
    assert text(read(refund)).strip().splitlines() == [
        "We have refunded 12.50 GBP for 1001/1. Receipt: re_1.",
        "",
        f"To get no more mails about refunds: {link}",
    ]


def test_http_link_has_no_one_click(settings: Settings) -> None:
    """RFC 8058 requires https; the link itself stays."""
    settings.REFUNDS_PUBLIC_URL = "http://returns.example.com"
    message = read(paid())
    assert message["List-Unsubscribe"] == f"<{opt_outs.link(ADDRESS)}>"
    assert message["List-Unsubscribe-Post"] is None
