"""Notices that are late: mail servers in trouble, lost messages, the reconciler, and the line of `health`."""

from datetime import timedelta
from smtplib import SMTPDataError, SMTPServerDisconnected

import pytest
from django.core import mail

from refunds import outbox
from refunds.gateways.wallet import Wallet
from refunds.models import Refund
from refunds.notices.models import Notice
from refunds.notices.resend import LATE
from refunds.notices.sending import LEASE, NOTICES_PER_MESSAGE, WITHIN, notify_customer
from refunds.operations import PATIENCE, health, local, reconcile

from ..factories import BLINK, HOUR, MINUTE, NOON, SECOND, make_failed, make_refund, never_read_tables
from ..rows.plans import explained
from .mail_server import During, MailServer, refusal
from .mails import ADDRESS, SUCCEEDED, SUCCESS, YES, make_pending, notice_of, reason_of, settle, subjects

pytestmark = pytest.mark.django_db


def resent(*, after: timedelta) -> int:
    """How many notices the reconciler sends again, so long after noon."""
    return reconcile.reconcile(NOON + after, gateway=Wallet())["notices"]


def late(*, after: timedelta) -> list[str]:
    """The lines of `health` about notices, so long after noon."""
    return [line for line in health.health(NOON + after) if line.startswith("notices not sent")]


@pytest.mark.parametrize(
    "trouble",
    [
        *(ConnectionRefusedError("away"), TimeoutError("silent"), SMTPServerDisconnected("gone")),
        *(SMTPDataError(554, b"looks like spam"), refusal(450)),
    ],
    ids=lambda error: type(error).__name__,
)
def test_mail_that_the_server_does_not_take_stays_pending(
    refund: Refund, mail_server: MailServer, log: pytest.LogCaptureFixture, trouble: Exception
) -> None:
    """The task logs a line, and the next try sends the mail."""
    settle(refund, YES, NOON)
    mail_server.answers = [trouble]
    later = NOON + SECOND
    assert not notify_customer(refund.pk, later)
    assert log.messages == [f"{refund}: the notice is sent later: {trouble}"]
    assert (notice_of(refund), mail.outbox) == (("", None, later), [])
    assert notify_customer(refund.pk, later)
    assert (notice_of(refund), subjects()) == ((SUCCEEDED, later, None), [SUCCESS])


def test_refused_address_suppresses_the_notice(
    refund: Refund, messages: list[int], mail_server: MailServer, log: pytest.LogCaptureFixture
) -> None:
    """The log has a line, and neither the reconciler nor a second message tries again."""
    settle(refund, YES, NOON)
    mail_server.answers = [refusal(550)]
    assert not notify_customer(refund.pk, NOON)
    assert reason_of(refund) == f"the mail server refuses the address: {refusal(550)}"
    assert log.messages == [f"{refund}: no notice is sent: {reason_of(refund)}"]
    assert not notify_customer(refund.pk, NOON + PATIENCE)
    assert [resent(after=wait) for wait in (PATIENCE, HOUR)] == [0, 0]
    assert (notice_of(refund), mail_server.asked, messages) == (("", None, None), 1, [refund.pk])


def test_bug_propagates_and_loses_no_mail(refund: Refund, mail_server: MailServer) -> None:
    """An error that is not the mail server's fails the task; the notice stays pending."""
    settle(refund, YES, NOON)
    mail_server.answers = [ZeroDivisionError()]
    with pytest.raises(ZeroDivisionError):
        notify_customer(refund.pk, NOON)
    assert (notice_of(refund), mail.outbox) == (("", None, NOON), [])


def test_mail_is_suppressed_a_day_after_the_outcome(refund: Refund, log: pytest.LogCaptureFixture) -> None:
    """A microsecond before, the mail is sent; then the notice is suppressed, with a line in the log."""
    other = make_refund(customer_email=ADDRESS)
    for each in (refund, other):
        settle(each, YES, NOON)
    assert notify_customer(refund.pk, NOON + WITHIN - BLINK)
    assert not notify_customer(other.pk, NOON + WITHIN)
    assert reason_of(other) == f"it was due at {NOON} and could not be sent for a day"
    assert log.messages == [f"{other}: no notice is sent: {reason_of(other)}"]
    assert (reason_of(refund), notice_of(other), len(mail.outbox)) == ("", ("", None, None), 1)
    assert (resent(after=2 * WITHIN), late(after=2 * WITHIN)) == (0, [])


def test_lost_message_is_sent_again_each_minute_then_each_quarter_of_an_hour(
    refund: Refund, messages: list[int]
) -> None:
    """The reconciler sends a message a minute for 15 minutes, then one every 15 minutes."""
    settle(refund, YES, NOON)
    minutes = [half / 2 for half in range(120) if resent(after=half * MINUTE / 2)]
    quarter = LATE // MINUTE
    assert minutes == [*range(1, quarter), *range(2 * quarter - 1, 60, quarter)]
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
    """It does so from 15 minutes after the outcome, however often the mail was tried since, until it is sent."""
    settle(refund, YES, NOON)
    settle(make_refund(), YES, NOON)
    assert resent(after=LATE - MINUTE) == 1
    assert late(after=LATE - BLINK) == []
    oldest = f"the oldest (return request {refund.pk}) due since {local(NOON)}"
    advice = "check the mail server, and start a worker on the queue mail"
    assert late(after=LATE) == [f"notices not sent: 1 past their time, {oldest}; {advice}"]
    notify_customer(refund.pk, NOON + LATE)
    assert late(after=LATE) == []


def test_pending_notices_are_found_by_their_partial_index() -> None:
    """Neither the reconciler nor `health` reads the whole table."""
    never_read_tables()
    with explained() as plans:
        assert (resent(after=MINUTE), late(after=MINUTE)) == (0, [])
    due = [plan for plan in plans if "notice" in plan.text and '"due_at"' in plan.statement.partition("WHERE")[2]]
    assert [plan.indexes for plan in due] == [{"refund_to_notify"}] * 2


def test_notices_that_became_due_together_need_a_message_per_lot(
    monkeypatch: pytest.MonkeyPatch, messages: list[int]
) -> None:
    """They had three messages; two are in the queue, so one lot of notices gets a message."""
    ids = make_failed(2 * NOTICES_PER_MESSAGE + 1)
    make_pending(ids, NOON)
    for ready, count in ((3, 0), (2, NOTICES_PER_MESSAGE)):
        monkeypatch.setattr(outbox, "queued", lambda *_names, ready=ready: ready)
        assert resent(after=PATIENCE) == count
    assert messages == [ids[0]]
    assert Notice.objects.filter(due_at=NOON + PATIENCE).count() == NOTICES_PER_MESSAGE
