"""Customers who could not be told: a mail server with troubles, lost messages, and who hears of it."""

import logging
from datetime import timedelta
from smtplib import SMTPDataError, SMTPRecipientsRefused, SMTPServerDisconnected

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext

from refunds.domain.refunds import RefundStatus
from refunds.gateways.wallet import Wallet
from refunds.models import Refund
from refunds.notices.sending import LEASE, WITHIN, notify_customer
from refunds.operations import PATIENCE, reconcile, resend

from ..factories import NOON, make_refund, never_read_tables
from ..mails import ADDRESS, SUCCESS, YES, MailServer, Meanwhile, settle, subjects, told

pytestmark = pytest.mark.django_db
BLINK = timedelta(microseconds=1)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


def resent(*, after: timedelta) -> int:
    """How many mails the reconciler sends messages for, so long after noon."""
    return reconcile.reconcile(NOON + after, gateway=Wallet())["notices"]


def untold(*, after: timedelta) -> list[str]:
    """What the health check says of customers, so long after noon."""
    return [line for line in reconcile.health(NOON + after) if line.startswith("untold customers")]


@pytest.mark.parametrize(
    "trouble",
    [
        ConnectionRefusedError("away"),
        TimeoutError("silent"),
        SMTPServerDisconnected("gone"),
        SMTPDataError(554, b"looks like spam"),
        SMTPRecipientsRefused({ADDRESS: (450, b"greylisted")}),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_mail_that_is_not_taken_now_stays_owed(
    owed: Refund, mail_server: MailServer, caplog: pytest.LogCaptureFixture, trouble: Exception
) -> None:
    """The task ends with a line in the log, and the next try sends the mail."""
    settle(owed, YES, NOON)
    mail_server.answers = [trouble]
    later = NOON + SECOND
    with caplog.at_level(logging.WARNING, logger="refunds"):
        assert not notify_customer(owed.pk, later)
    assert caplog.messages == [f"{owed}: the customer is told later: {trouble}"]
    assert (told(owed), mail.outbox) == (("", None, later), [])
    assert notify_customer(owed.pk, later)
    assert (told(owed), subjects()) == ((RefundStatus.SUCCEEDED, later, None), [SUCCESS])


def test_an_address_that_is_refused_for_good_is_given_up(
    owed: Refund, messages: list[int], mail_server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    """A line in the log, and neither the reconciler nor a doubled message tries again."""
    settle(owed, YES, NOON)
    refused = SMTPRecipientsRefused({ADDRESS: (550, b"no such user")})
    mail_server.answers = [refused]
    with caplog.at_level(logging.WARNING, logger="refunds"):
        assert not notify_customer(owed.pk, NOON)
    assert caplog.messages == [f"{owed}: the customer is not told, the address is refused: {refused}"]
    assert not notify_customer(owed.pk, NOON + PATIENCE)
    assert (resent(after=PATIENCE), resent(after=timedelta(hours=1))) == (0, 0)
    assert (told(owed), mail_server.asked, messages) == (("", None, None), 1, [owed.pk])


def test_a_bug_is_not_swallowed_and_loses_no_mail(owed: Refund, mail_server: MailServer) -> None:
    """An error that is not the mail server's leaves the task; the mail stays owed."""
    settle(owed, YES, NOON)
    mail_server.answers = [ZeroDivisionError()]
    with pytest.raises(ZeroDivisionError):
        notify_customer(owed.pk, NOON)
    assert (told(owed), mail.outbox) == (("", None, NOON), [])


def test_a_day_later_nothing_is_sent_any_more(owed: Refund, caplog: pytest.LogCaptureFixture) -> None:
    """A microsecond before the day is over the mail goes out; then it is given up, with a line in the log."""
    late = make_refund(customer_email=ADDRESS)
    for refund in (owed, late):
        settle(refund, YES, NOON)
    assert notify_customer(owed.pk, NOON + WITHIN - BLINK)
    with caplog.at_level(logging.WARNING, logger="refunds"):
        assert not notify_customer(late.pk, NOON + WITHIN)
    assert caplog.messages == [
        f"{late}: no notice is sent: it was due at 2026-07-15 09:00:00+00:00 and could not be sent for a day"
    ]
    assert (told(late), len(mail.outbox)) == (("", None, None), 1)
    assert (resent(after=2 * WITHIN), untold(after=2 * WITHIN)) == (0, [])


def test_a_lost_message_is_sent_again_each_minute_and_seldom_after_a_while(owed: Refund, messages: list[int]) -> None:
    """A mail that nobody sends has a message a minute for a quarter of an hour, then one each quarter."""
    settle(owed, YES, NOON)
    minutes = [half / 2 for half in range(120) if resent(after=half * MINUTE / 2)]
    assert minutes == [*range(1, 15), 29, 44, 59]
    assert messages == [owed.pk] * (1 + len(minutes))


def test_a_mail_that_is_being_sent_has_no_second_message(owed: Refund, mail_server: MailServer) -> None:
    """The reconciler leaves it alone until the lease, and a patience more, is over."""
    settle(owed, YES, NOON)
    found: list[int] = []
    waits = (LEASE, LEASE + PATIENCE - BLINK, LEASE + PATIENCE)
    mail_server.answers = [Meanwhile(lambda: found.extend(resent(after=wait) for wait in waits))]
    notify_customer(owed.pk, NOON)
    assert found == [0, 0, 1]


def test_health_names_untold_customers(owed: Refund, messages: list[int]) -> None:
    """From a quarter of an hour after the outcome, however often a mail was tried since, until it is out."""
    settle(owed, YES, NOON)
    settle(make_refund(), YES, NOON)
    assert resent(after=resend.UNTOLD - MINUTE) == 1
    assert untold(after=resend.UNTOLD - BLINK) == []
    (line,) = untold(after=resend.UNTOLD)
    assert line == (
        f"untold customers: 1 past their time, the oldest (refund {owed.pk}) owed a mail since 2026-07-15 12:00:00 "
        "EEST; look at the mail server, and start a worker on the queue mail"
    )
    notify_customer(owed.pk, NOON + resend.UNTOLD)
    assert untold(after=resend.UNTOLD) == []


EXPLAIN = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"


def test_owed_mails_are_found_by_their_partial_index() -> None:
    """Neither the reconciler nor the health check reads the table of refunds for them."""
    never_read_tables()
    with CaptureQueriesContext(connection) as captured:
        assert (resent(after=MINUTE), untold(after=MINUTE)) == (0, [])
    asked = [query["sql"] for query in captured if '"notify_at"' in query["sql"].partition("WHERE")[2]]
    assert len(asked) == 2
    for sql in asked:
        with connection.cursor() as cursor:
            cursor.execute(f"{EXPLAIN} {sql}")
            assert "refund_to_notify" in str(cursor.fetchall())
