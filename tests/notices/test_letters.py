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
from .mails import ADDRESS, FAILURE, SUCCESS

pytestmark = pytest.mark.django_db
LONG = "a.customer.with.a.long.name.and.a.long.domain@customers-of-this-shop.example.com"
PAID = "We have refunded 12.50 GBP for 1001/1. Receipt: re_1."


def paid(address: str = ADDRESS) -> Refund:
    """A refund that has been paid."""
    return make_refund(status="succeeded", settled_at=NOON, receipt="re_1", customer_email=address)


def wire(refund: Refund) -> bytes:
    """The mail as the SMTP backend hands it over."""
    letter = letters.to_customer(Notice(request=refund.request))
    made = letter.message(policy=email.policy.SMTP) if django.VERSION >= (6, 0) else letter.message()
    content = made.as_bytes()
    assert isinstance(content, bytes)
    return content.replace(b"\r\n", b"\n")


def read(refund: Refund) -> tuple[Message, list[str]]:
    """The mail as a mail program reads it, and the lines of its body."""
    message = email.message_from_bytes(wire(refund))
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
