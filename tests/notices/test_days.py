"""Notices in virtual time: lost and doubled messages, a mail server that is away, workers that die."""

import logging
from datetime import timedelta
from smtplib import SMTPRecipientsRefused

import pytest
from celery_rehearsal import VirtualCelery
from django.core import mail

from refunds.domain.refunds import RefundStatus
from refunds.domain.returns import Decision
from refunds.gateways import Answer, Refused
from refunds.models import Refund
from refunds.notices import resend
from refunds.notices.sending import LEASE, NOTIFY_CUSTOMER, WITHIN
from refunds.operations import bulk_payments, health
from refunds.operations.decisions import decide_chosen
from refunds.schedule import beat_schedule

from ..day.conftest import Schedule, Start, gateway
from ..factories import NOON, make_refund, make_requests
from ..gateways.provider import InMemory
from .mails import ADDRESS, FAILURE, NO, SUCCESS, YES, During, MailServer, late_receipt, notice_of, settle, subjects

__all__ = ["gateway"]  # a fixture
pytestmark = pytest.mark.django_db(transaction=True)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
# By then the reconciler tries seldom: it would have repeated any mail that it repeats.
LATER = resend.LATE + 5 * MINUTE


def approve(celery: VirtualCelery, count: int = 1) -> None:
    """Return requests come in and are approved, now."""
    ids = [row.pk for row in make_requests(count, received_at=celery.now, customer_email=ADDRESS)]
    decide_chosen(ids, Decision.APPROVE, by=None, note="", now=celery.now)


def seldom(schedule: Schedule) -> None:
    """Run the reconciler every 15 minutes: every 30 seconds over days would take most of a test's time."""
    entries = beat_schedule()
    schedule({**entries, "reconcile": {**entries["reconcile"], "schedule": resend.LATE.total_seconds()}})


def late_lines(celery: VirtualCelery) -> list[str]:
    """The lines of `health` about notices now."""
    return [line for line in health.health(celery.now) if line.startswith("notices not sent")]


def test_success_is_mailed_at_once(start: Start) -> None:
    """Approved, paid and mailed in one instant, with one message."""
    celery = start(NOON)
    approve(celery)
    celery.advance(LATER)
    assert subjects() == [SUCCESS]
    assert notice_of(Refund.objects.get()) == (RefundStatus.SUCCEEDED, NOON, None)
    assert len(celery.timeline.of("started", NOTIFY_CUSTOMER)) == 1


def test_final_failure_is_mailed_once_and_so_is_the_success_after_it(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused, tried again an hour later and refused, tried again and paid: two mails."""
    says = [NO]
    monkeypatch.setattr("refunds.tasks.gateway", lambda: says[-1])
    celery = start(NOON)
    approve(celery)
    celery.advance(LATER)
    assert subjects() == [FAILURE]
    for answer in (NO, YES):
        says.append(answer)
        bulk_payments.try_again([Refund.objects.get().pk], celery.now)
        celery.advance(LATER)
    assert subjects() == [FAILURE, SUCCESS]
    assert notice_of(Refund.objects.get()) == (RefundStatus.SUCCEEDED, NOON + 2 * LATER, None)


@pytest.mark.parametrize("transport", ["memory", pytest.param("fakeredis", marks=pytest.mark.long)])
def test_reconciler_sends_a_lost_message_again(start: Start, transport: str) -> None:
    """The broker loses it: the customer gets one mail, a minute later."""
    refund = make_refund(customer_email=ADDRESS)
    celery = start(NOON, transport=transport)
    settle(refund, YES, celery.now)
    celery.lose_broker()
    celery.advance(MINUTE / 2)
    assert subjects() == []
    celery.advance(LATER)
    assert subjects() == [SUCCESS]
    assert notice_of(refund) == (RefundStatus.SUCCEEDED, NOON + MINUTE, None)


def test_reconciler_sends_a_message_that_could_not_be_published(start: Start) -> None:
    """The broker is down when the refund is settled."""
    refund = make_refund(customer_email=ADDRESS)
    celery = start(NOON)
    celery.fail_publish(4)  # its retries, too
    settle(refund, YES, celery.now)
    celery.fail_publish(0)
    celery.advance(LATER)
    assert subjects() == [SUCCESS]
    assert notice_of(refund) == (RefundStatus.SUCCEEDED, NOON + MINUTE, None)


@pytest.mark.parametrize("transport", ["memory", pytest.param("fakeredis", marks=pytest.mark.long)])
def test_doubled_message_sends_one_mail(start: Start, transport: str) -> None:
    """Delivered twice before the mail is sent, and once after."""
    refund = make_refund(customer_email=ADDRESS)
    celery = start(NOON, transport=transport, workers=2)
    settle(refund, YES, celery.now)
    (record,) = celery.timeline.of("sent", NOTIFY_CUSTOMER)
    celery.deliver_twice(record.id)
    celery.advance(MINUTE)
    celery.deliver_twice(record.id)
    celery.advance(LATER)
    assert len(celery.timeline.of("succeeded", NOTIFY_CUSTOMER)) == 3
    assert subjects() == [SUCCESS]


def test_mail_server_that_is_away_delays_mails_and_loses_none(start: Start, mail_server: MailServer) -> None:
    """Away for an hour: `health` names the late notices, tries get fewer, and then each customer gets one mail."""
    celery = start(NOON, transport="fakeredis", workers=2, beats=2)
    mail_server.down = True
    approve(celery, 5)
    celery.advance(resend.LATE - MINUTE)
    assert late_lines(celery) == []
    celery.advance(MINUTE)
    (line,) = late_lines(celery)
    assert line.startswith("notices not sent: 5 past their time, the oldest (refund ")
    celery.run_until(NOON + HOUR)
    assert subjects() == []
    # At once, each minute for a quarter of an hour, then each quarter.
    assert mail_server.asked == 5 * (1 + 14 + 3)
    assert celery.timeline.of("failed") == celery.timeline.of("retried") == []
    mail_server.down = False
    celery.advance(resend.LATE)
    assert (subjects(), late_lines(celery)) == ([SUCCESS] * 5, [])
    celery.advance(LATER)
    assert len(mail.outbox) == 5


def test_mail_server_that_is_away_for_a_day_ends_the_tries(
    start: Start, schedule: Schedule, mail_server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    """On the next day nothing is tried or sent, `health` has no line, and the log has one."""
    seldom(schedule)
    celery = start(NOON)
    mail_server.down = True
    approve(celery)
    celery.run_until(NOON + WITHIN - MINUTE)
    assert len(late_lines(celery)) == 1
    with caplog.at_level(logging.WARNING, logger="refunds.notices.sending"):
        celery.advance(2 * MINUTE)
    (late,) = [line for line in caplog.messages if "for a day" in line]
    assert late == f"{Refund.objects.get()}: no notice is sent: it was due at {NOON} and could not be sent for a day"
    asked = mail_server.asked
    mail_server.down = False
    celery.advance(WITHIN)
    assert (mail_server.asked, subjects(), late_lines(celery)) == (asked, [], [])
    assert notice_of(Refund.objects.get()) == ("", None, None)


def test_refused_address_is_tried_once(
    start: Start, schedule: Schedule, mail_server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    """The log has one line, and nothing is tried again."""
    seldom(schedule)
    celery = start(NOON)
    mail_server.answers = [SMTPRecipientsRefused({ADDRESS: (550, b"no such user")})]
    with caplog.at_level(logging.WARNING, logger="refunds.notices.sending"):
        approve(celery)
        celery.advance(2 * WITHIN)
    assert len(caplog.messages) == 1
    assert (mail_server.asked, subjects(), late_lines(celery)) == (1, [], [])
    assert celery.timeline.of("failed") == []


def test_greylisted_mail_is_sent_a_minute_later(start: Start, mail_server: MailServer) -> None:
    """The server refuses a stranger's first mail for a while."""
    celery = start(NOON)
    mail_server.answers = [SMTPRecipientsRefused({ADDRESS: (451, b"come again")})]
    approve(celery)
    celery.advance(LATER)
    assert subjects() == [SUCCESS]
    assert notice_of(Refund.objects.get()) == (RefundStatus.SUCCEEDED, NOON + MINUTE, None)


@pytest.mark.parametrize("transport", ["memory", pytest.param("fakeredis", marks=pytest.mark.long)])
@pytest.mark.parametrize(("taken", "mails"), [(False, 1), (True, 2)])
def test_mail_of_a_killed_worker_is_sent_after_the_lease(
    start: Start, mail_server: MailServer, transport: str, taken: bool, mails: int
) -> None:
    """Killed before the server took it: one mail. Killed before the note of it: a second mail, the same Message-ID."""
    refund = make_refund(customer_email=ADDRESS)
    celery = start(NOON, transport=transport, workers=2)
    settle(refund, YES, celery.now)
    mail_server.answers = [During(celery.kill_worker, taken=taken)]
    celery.advance(LEASE)
    assert notice_of(refund) == ("", None, NOON + LEASE)
    celery.advance(LATER)
    assert subjects() == [SUCCESS] * mails
    assert len({letter.message()["Message-ID"] for letter in mail.outbox}) == 1
    assert notice_of(refund) == (RefundStatus.SUCCEEDED, NOON + LEASE + MINUTE, None)


def test_success_during_the_mail_about_the_failure_is_mailed_at_once(start: Start, mail_server: MailServer) -> None:
    """A late receipt comes while the other mail is being sent: both are sent in order, without the reconciler."""
    refund = make_refund(customer_email=ADDRESS)
    celery = start(NOON, beats=0)
    settle(refund, NO, celery.now)
    mail_server.answers = [During(lambda: late_receipt(refund, celery.now))]
    celery.run_until_idle()
    assert subjects() == [FAILURE, SUCCESS]
    assert notice_of(refund) == (RefundStatus.SUCCEEDED, NOON, None)


def test_many_notices_share_few_messages(start: Start) -> None:
    """The mails of 250 refunds that are paid together are sent at once, by one message per 100."""
    celery = start(NOON)
    approve(celery, 250)
    celery.advance(LATER)
    assert subjects() == [SUCCESS] * 250
    assert len(celery.timeline.of("sent", NOTIFY_CUSTOMER)) == 3


def test_queue_without_a_worker_gets_one_message_and_no_flood(start: Start) -> None:
    """No worker reads the queue for an hour: its one message waits, and then each customer gets one mail."""
    celery = start(NOON, workers={"most": ["decisions", "payments", "reconciling"], "mail": ["mail"]})
    celery.stop_worker("mail")
    approve(celery, 3)
    celery.run_until(NOON + HOUR)
    assert len(late_lines(celery)) == 1
    assert len(celery.timeline.of("sent", NOTIFY_CUSTOMER)) == 1
    celery.start_worker("mail")
    celery.advance(MINUTE)
    assert (subjects(), late_lines(celery)) == ([SUCCESS] * 3, [])


def test_refund_that_is_tried_again_has_a_mail_for_each_outcome(start: Start, gateway: InMemory) -> None:
    """Refused at noon and paid two minutes later: the customer hears of the delay, and then of the payment."""

    def refuse(_call: object) -> Answer:
        raise Refused("card closed")

    celery = start(NOON)
    gateway.faults.append(refuse)
    (row,) = make_requests(payment=gateway.provider.pay(1250), received_at=NOON, customer_email=ADDRESS)
    decide_chosen([row.pk], Decision.APPROVE, by=None, note="", now=NOON)
    celery.advance(2 * MINUTE)
    bulk_payments.try_again([Refund.objects.get().pk], celery.now)
    celery.advance(2 * MINUTE)
    assert [letter.subject for letter in mail.outbox] == [
        "Your refund of 12.50 GBP is delayed",
        "Your refund of 12.50 GBP",
    ]
