"""Notices that are late: mail servers in trouble, lost messages, the reconciler, and the line of `health`."""

import logging
from datetime import timedelta
from smtplib import SMTPDataError, SMTPRecipientsRefused, SMTPServerDisconnected

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext

from refunds import outbox
from refunds.domain.refunds import RefundStatus
from refunds.gateways.wallet import Wallet
from refunds.models import Refund
from refunds.notices import resend
from refunds.notices.models import Notice
from refunds.notices.sending import LEASE, WITHIN, notify_customer
from refunds.operations import PATIENCE, health, local, reconcile

from ..factories import NOON, make_failed, make_refund, never_read_tables
from .mails import ADDRESS, SUCCESS, YES, During, MailServer, make_pending, notice_of, settle, subjects

pytestmark = pytest.mark.django_db
BLINK = timedelta(microseconds=1)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


def resent(*, after: timedelta) -> int:
    """How many notices the reconciler sends again, so long after noon."""
    return reconcile.reconcile(NOON + after, gateway=Wallet())["notices"]


def late(*, after: timedelta) -> list[str]:
    """The lines of `health` about notices, so long after noon."""
    return [line for line in health.health(NOON + after) if line.startswith("notices not sent")]


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
def test_mail_that_the_server_does_not_take_stays_pending(
    refund: Refund, mail_server: MailServer, caplog: pytest.LogCaptureFixture, trouble: Exception
) -> None:
    """The task logs a line, and the next try sends the mail."""
    settle(refund, YES, NOON)
    mail_server.answers = [trouble]
    later = NOON + SECOND
    with caplog.at_level(logging.WARNING, logger=notify_customer.__module__):
        assert not notify_customer(refund.pk, later)
    assert caplog.messages == [f"{refund}: the notice is sent later: {trouble}"]
    assert (notice_of(refund), mail.outbox) == (("", None, later), [])
    assert notify_customer(refund.pk, later)
    assert (notice_of(refund), subjects()) == ((RefundStatus.SUCCEEDED, later, None), [SUCCESS])


def test_refused_address_suppresses_the_notice(
    refund: Refund, messages: list[int], mail_server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    """The log has a line, and neither the reconciler nor a second message tries again."""
    settle(refund, YES, NOON)
    refused = SMTPRecipientsRefused({ADDRESS: (550, b"no such user")})
    mail_server.answers = [refused]
    with caplog.at_level(logging.WARNING, logger=notify_customer.__module__):
        assert not notify_customer(refund.pk, NOON)
    assert caplog.messages == [f"{refund}: no notice is sent: the mail server refuses the address: {refused}"]
    assert not notify_customer(refund.pk, NOON + PATIENCE)
    assert (resent(after=PATIENCE), resent(after=timedelta(hours=1))) == (0, 0)
    assert (notice_of(refund), mail_server.asked, messages) == (("", None, None), 1, [refund.pk])


def test_bug_propagates_and_loses_no_mail(refund: Refund, mail_server: MailServer) -> None:
    """An error that is not the mail server's fails the task; the notice stays pending."""
    settle(refund, YES, NOON)
    mail_server.answers = [ZeroDivisionError()]
    with pytest.raises(ZeroDivisionError):
        notify_customer(refund.pk, NOON)
    assert (notice_of(refund), mail.outbox) == (("", None, NOON), [])


def test_mail_is_suppressed_a_day_after_the_outcome(refund: Refund, caplog: pytest.LogCaptureFixture) -> None:
    """A microsecond before, the mail is sent; then the notice is suppressed, with a line in the log."""
    other = make_refund(customer_email=ADDRESS)
    for each in (refund, other):
        settle(each, YES, NOON)
    assert notify_customer(refund.pk, NOON + WITHIN - BLINK)
    with caplog.at_level(logging.WARNING, logger=notify_customer.__module__):
        assert not notify_customer(other.pk, NOON + WITHIN)
    assert caplog.messages == [f"{other}: no notice is sent: it was due at {NOON} and could not be sent for a day"]
    assert (notice_of(other), len(mail.outbox)) == (("", None, None), 1)
    assert (resent(after=2 * WITHIN), late(after=2 * WITHIN)) == (0, [])


def test_lost_message_is_sent_again_each_minute_then_each_quarter_of_an_hour(
    refund: Refund, messages: list[int]
) -> None:
    """The reconciler sends a message a minute for 15 minutes, then one every 15 minutes."""
    settle(refund, YES, NOON)
    minutes = [half / 2 for half in range(120) if resent(after=half * MINUTE / 2)]
    assert minutes == [*range(1, 15), 29, 44, 59]
    assert messages == [refund.pk] * (1 + len(minutes))


def test_mail_that_is_being_sent_gets_no_second_message(refund: Refund, mail_server: MailServer) -> None:
    """The reconciler leaves it alone until the lease and the patience are over."""
    settle(refund, YES, NOON)
    found: list[int] = []
    waits = (LEASE, LEASE + PATIENCE - BLINK, LEASE + PATIENCE)
    mail_server.answers = [During(lambda: found.extend(resent(after=wait) for wait in waits))]
    notify_customer(refund.pk, NOON)
    assert found == [0, 0, 1]


def test_health_names_late_notices(refund: Refund, messages: list[int]) -> None:
    """From 15 minutes after the outcome, however often the mail was tried since, until it is sent."""
    settle(refund, YES, NOON)
    settle(make_refund(), YES, NOON)
    assert resent(after=resend.LATE - MINUTE) == 1
    assert late(after=resend.LATE - BLINK) == []
    (line,) = late(after=resend.LATE)
    assert line == (
        f"notices not sent: 1 past their time, the oldest (refund {refund.pk}) due since {local(NOON)}; check the mail "
        "server, and start a worker on the queue mail"
    )
    notify_customer(refund.pk, NOON + resend.LATE)
    assert late(after=resend.LATE) == []


EXPLAIN = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"


def test_pending_notices_are_found_by_their_partial_index() -> None:
    """Neither the reconciler nor `health` reads the whole table."""
    never_read_tables()
    with CaptureQueriesContext(connection) as captured:
        assert (resent(after=MINUTE), late(after=MINUTE)) == (0, [])
    asked = [
        query["sql"]
        for query in captured
        if '"due_at"' in query["sql"].partition("WHERE")[2] and "notice" in query["sql"]
    ]
    assert len(asked) == 2
    for sql in asked:
        with connection.cursor() as cursor:
            cursor.execute(f"{EXPLAIN} {sql}")
            assert "refund_to_notify" in str(cursor.fetchall())


def test_notices_that_became_due_together_need_a_message_per_hundred(
    monkeypatch: pytest.MonkeyPatch, messages: list[int]
) -> None:
    """250 notices had three messages; two are in the queue, so a hundred notices get one."""
    ids = make_failed(250)
    make_pending(ids, NOON)
    for ready, count in ((3, 0), (2, 100)):
        monkeypatch.setattr(outbox, "ready", lambda *_names, ready=ready: ready)
        assert resent(after=PATIENCE) == count
    assert messages == [ids[0]]
    assert Notice.objects.filter(due_at=NOON + PATIENCE).count() == 100
