"""Addresses that no mail can be written to: where one is stored, its notice is suppressed."""

from unittest.mock import Mock

import django
import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.core.mail.backends.smtp import EmailBackend
from django.core.validators import validate_email
from hypothesis import example, given
from hypothesis import strategies as st

from refunds.notices.sending import WITHIN, notify_customer
from refunds.text import addresses

from ..factories import NOON, make_refund
from .mail_server import MailServer
from .mails import YES, notice_of, reason_of, settle
from .test_late_notices import late, resent


def posted(address: str) -> list[str]:
    """The recipients on the envelope of a mail to the address, as Django's SMTP backend writes it."""
    # Django 6.1 has each backend made for an alias of MAILERS; 5.2 ignores it.
    backend = EmailBackend(alias="default", host="localhost")
    backend.connection = server = Mock(spec=["sendmail"])
    backend._send(EmailMessage("subject", "body", "from@example.com", [address]))  # type: ignore[attr-defined]  # Django's own step
    recipients: list[str] = server.sendmail.call_args.args[1]
    return recipients


LOCAL = st.text(st.sampled_from("ab.+'\"\\ @éß\u200b\n\t()<>,;:"), min_size=1, max_size=8)
LABEL = st.text(st.sampled_from("ab-Üßé。\u200b\u3002x"), min_size=0, max_size=5) | st.just("xn--")


@given(LOCAL, st.lists(LABEL, min_size=1, max_size=3))
@example('"a,b"', ["b"])
@example("a", ["bücher"])
@example("a", ["xn--"])
def test_django_sends_to_every_writable_address(local: str, labels: list[str]) -> None:
    """No address that an import takes makes Django's mail code fail, and its envelope is ASCII."""
    address = f"{local}@{'.'.join(labels)}.example"
    try:
        validate_email(address)
    except ValidationError:
        return
    if addresses.problem(address) is None:
        (recipient,) = posted(address)
        assert recipient.isascii()
        domain = recipient.rpartition("@")[2].encode().decode("idna")
        assert domain == address.rpartition("@")[2].lower() or "xn--" in address


def test_django_writes_to_another_mailbox_or_raises_an_error() -> None:
    """So an invisible character, a long label, a letter outside ASCII and a domain that IDNA changes are refused."""
    assert posted("a@straße.example") == ["a@strasse.example"]
    raises = ["a@\u200b.example", f"a@{'ü' * 60}.example", "a@b..example"]
    if django.VERSION >= (6, 0):
        raises.append("zoë@b.example")
    else:
        assert posted("zoë@b.example") == ["=?utf-8?q?zo=C3=AB?=@b.example"]
    for address in raises:
        with pytest.raises(ValueError, match=r"."):
            posted(address)


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["a@\u200b.example", "zoë@b.example", "a@xn--"], ids=ascii)
def test_stored_unwritable_address_suppresses_its_notice_with_the_reason(
    address: str, messages: list[int], mail_server: MailServer, log: pytest.LogCaptureFixture
) -> None:
    """The log and the notice say why, once; neither the reconciler nor `health` names it again."""
    refund = make_refund(customer_email=address)
    settle(refund, YES, NOON)
    for _ in range(2):
        assert not notify_customer(refund.pk, NOON)
    assert reason_of(refund) == f"the address {address!a} {addresses.problem(address)}"
    assert log.messages == [f"{refund}: no notice is sent: {reason_of(refund)}"]
    assert (notice_of(refund), mail_server.asked, mail.outbox) == (("", None, None), 0, [])
    assert (resent(after=WITHIN), late(after=WITHIN), messages) == (0, [], [refund.pk])
