"""Opting out: which mails it stops, and the token that proves an address."""

from contextlib import suppress

import pytest
from django.core import mail, signing
from pytest_django import Settings

from refunds.gateways.wallet import Wallet
from refunds.models import Refund
from refunds.notices import opt_outs
from refunds.notices.models import OptOut
from refunds.notices.sending import LEASE, notify_customer
from refunds.operations import reconcile

from ..factories import HOUR, NOON, SECOND, make_refund
from .mail_server import During, MailServer
from .mails import ADDRESS, SUCCEEDED, SUCCESS, YES, notice_of, opted_out, reason_of, settle, subjects

pytestmark = pytest.mark.django_db


def test_opt_out_is_stored_in_lower_case_and_once(messages: list[int]) -> None:
    """In whatever case the address is written, and however often, the first row stays."""
    first = opt_outs.opt_out("C@Example.COM", NOON)
    assert opt_outs.opt_out("c@EXAMPLE.com", NOON + SECOND) == opt_outs.opt_out(ADDRESS, NOON + SECOND) == first
    assert (opted_out(), messages) == ([(ADDRESS, NOON)], [])


@pytest.fixture
def rows(refund: Refund) -> list[Refund]:
    """Return refunds of the address, of the same in capital letters, and of one that differs by a character."""
    return [refund, make_refund(customer_email="C@EXAMPLE.COM"), make_refund(customer_email="c_@example.com")]


def test_outcome_after_an_opt_out_has_no_notice(rows: list[Refund], messages: list[int]) -> None:
    """In whatever case the address is written, it gets none; other addresses get theirs."""
    opt_outs.opt_out(ADDRESS, NOON)
    for row in rows:
        settle(row, YES, NOON)
    assert [notice_of(row)[2] for row in rows] == [None, None, NOON]
    assert messages == [rows[2].pk]
    assert [opt_outs.has_opted_out(row.request.customer_email) for row in rows] == [True, True, False]


def test_opt_out_suppresses_pending_notices(rows: list[Refund]) -> None:
    """It suppresses all of the address and no other; their messages send nothing."""
    for row in rows:
        settle(row, YES, NOON)
    opt_outs.opt_out("c@Example.com", NOON)
    assert [notice_of(row)[2] for row in rows] == [None, None, NOON]
    assert [notify_customer(row.pk, NOON) for row in rows] == [False, False, True]
    assert [letter.to for letter in mail.outbox] == [["c_@example.com"]]
    assert [notice_of(row) for row in rows] == [("", None, None)] * 2 + [(SUCCEEDED, NOON, None)]
    assert reconcile.reconcile(NOON + HOUR, gateway=Wallet())["notices"] == 0


def test_opt_out_after_the_outcome_is_found_before_the_mail(refund: Refund) -> None:
    """The row alone is enough, from any writer."""
    settle(refund, YES, NOON)
    OptOut.objects.create(address=ADDRESS, created_at=NOON)
    assert not notify_customer(refund.pk, NOON)
    assert (notice_of(refund), mail.outbox) == (("", None, None), [])
    assert reason_of(refund) == "the customer has opted out"


@pytest.mark.parametrize("trouble", [None, ConnectionRefusedError(), SystemExit()], ids=["sent", "refused", "killed"])
def test_mail_during_which_its_customer_opts_out_is_noted_or_not_tried_again(
    refund: Refund, mail_server: MailServer, trouble: BaseException | None
) -> None:
    """A sent mail cannot be taken back. If the server does not take it, or its worker dies, it is suppressed."""
    settle(refund, YES, NOON)

    def during() -> None:
        opt_outs.opt_out(ADDRESS, NOON + SECOND)
        if trouble:
            raise trouble

    mail_server.answers = [During(during)]
    with suppress(SystemExit):
        assert notify_customer(refund.pk, NOON) == (trouble is None)
    assert not notify_customer(refund.pk, NOON + LEASE)
    is_sent = (SUCCEEDED, NOON, None), [SUCCESS]
    assert (notice_of(refund), subjects()) == ((("", None, None), []) if trouble else is_sent)


@pytest.mark.parametrize("address", [ADDRESS, "Ünï@bücher.example", "a'\"<b>&+/=:%20@example.com", ""])
def test_token_gives_its_address_back_and_is_the_same_each_time(address: str) -> None:
    """A mail that is sent twice is the same mail."""
    token = opt_outs.token(address)
    assert (opt_outs.address_of(token), opt_outs.token(address)) == (address, token)


def forgeries() -> list[str]:
    """Tokens that this project did not sign, and parts of its own."""
    token = opt_outs.token(ADDRESS)
    other = signing.Signer(salt="refunds.admin.approve_all").sign_object(ADDRESS)
    content, _, signature = token.partition(":")
    elses = opt_outs.token("d@example.com").partition(":")[0]
    return [other, "", "x", token[:-1], f"{token}x", f"{elses}:{signature}", content, f"{token}\x00", token.upper()]


def test_forged_token_is_refused() -> None:
    """It is cut off, changed, of another address, or signed for another purpose."""
    for forged in forgeries():
        with pytest.raises(opt_outs.Forged, match="did not sign the token"):
            opt_outs.address_of(forged)


def test_token_outlives_a_change_of_the_secret_key(settings: Settings) -> None:
    """It does so as long as the old key is among the fallbacks."""
    token = opt_outs.token(ADDRESS)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another", [settings.SECRET_KEY]
    assert opt_outs.address_of(token) == ADDRESS
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(opt_outs.Forged):
        opt_outs.address_of(token)


def test_link_is_absolute(settings: Settings) -> None:
    """Scheme and host are the setting's. There is no link where the setting is empty or missing."""
    assert settings.REFUNDS_PUBLIC_URL == ""
    assert opt_outs.link(ADDRESS) is None
    for public in ("https://returns.example.com", "https://returns.example.com/"):
        settings.REFUNDS_PUBLIC_URL = public
        assert opt_outs.link(ADDRESS) == f"https://returns.example.com/opt-out/{opt_outs.token(ADDRESS)}/"
    del settings.REFUNDS_PUBLIC_URL
    assert opt_outs.link(ADDRESS) is None
