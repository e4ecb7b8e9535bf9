"""Telling customers in virtual time: lost and doubled messages, a mail server that is away, workers that die."""

import logging
from datetime import timedelta
from smtplib import SMTPRecipientsRefused

import pytest
from celery_rehearsal import VirtualCelery
from django.core import mail

from refunds.domain.refunds import RefundStatus
from refunds.domain.returns import Decision
from refunds.models import Refund
from refunds.notices.sending import LEASE, WITHIN
from refunds.operations import bulk_payments, payments, reconcile, resend
from refunds.operations.decisions import decide_chosen
from refunds.schedule import beat_schedule

from ..factories import NOON, make_refund, make_requests
from ..mails import ADDRESS, FAILURE, NO, SUCCESS, YES, MailServer, Meanwhile, settle, subjects, told
from .conftest import Schedule, Start

pytestmark = pytest.mark.django_db(transaction=True)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
# By then the reconciler tries seldom: it would have repeated any mail that it repeats.
LATER = resend.UNTOLD + 5 * MINUTE
NOTIFY = "refunds.notify_customer"


@pytest.fixture
def mail_server(monkeypatch: pytest.MonkeyPatch) -> MailServer:
    """The mail server."""
    return MailServer(monkeypatch)


def approve(celery: VirtualCelery, count: int = 1) -> None:
    """Return requests come in and are approved, now."""
    ids = [row.pk for row in make_requests(count, received_at=celery.now, customer_email=ADDRESS)]
    decide_chosen(ids, Decision.APPROVE, by=None, note="", now=celery.now)


def seldom(schedule: Schedule) -> None:
    """The reconciler looks each quarter of an hour: half a minute over days is most of a test's time."""
    entries = beat_schedule()
    schedule({**entries, "reconcile": {**entries["reconcile"], "schedule": resend.UNTOLD.total_seconds()}})


def untold(celery: VirtualCelery) -> list[str]:
    """What the health check says of customers now."""
    return [line for line in reconcile.health(celery.now) if line.startswith("untold customers")]


def test_success_is_told_at_once(start: Start) -> None:
    """Approved, paid and told in one instant, with one message."""
    celery = start(NOON)
    approve(celery)
    celery.advance(LATER)
    assert subjects() == [SUCCESS]
    assert told(Refund.objects.get()) == (RefundStatus.SUCCEEDED, NOON, None)
    assert len(celery.timeline.of("started", NOTIFY)) == 1


def test_a_final_failure_is_told_once_and_the_success_after_it(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused, tried again later and refused, tried again and paid: two mails."""
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
    assert told(Refund.objects.get()) == (RefundStatus.SUCCEEDED, NOON + 2 * LATER, None)


@pytest.mark.parametrize("transport", ["memory", pytest.param("fakeredis", marks=pytest.mark.long)])
def test_a_lost_message_is_made_up_for_by_the_reconciler(start: Start, transport: str) -> None:
    """The broker forgets it: the customer is told a minute later, once."""
    refund = make_refund(customer_email=ADDRESS)
    celery = start(NOON, transport=transport)
    settle(refund, YES, celery.now)
    celery.lose_broker()
    celery.advance(MINUTE / 2)
    assert subjects() == []
    celery.advance(LATER)
    assert subjects() == [SUCCESS]
    assert told(refund) == (RefundStatus.SUCCEEDED, NOON + MINUTE, None)


def test_a_message_that_cannot_be_sent_is_made_up_for_by_the_reconciler(start: Start) -> None:
    """The broker is down when the refund is settled."""
    refund = make_refund(customer_email=ADDRESS)
    celery = start(NOON)
    celery.fail_publish(4)  # its retries, too
    settle(refund, YES, celery.now)
    celery.fail_publish(0)
    celery.advance(LATER)
    assert subjects() == [SUCCESS]
    assert told(refund) == (RefundStatus.SUCCEEDED, NOON + MINUTE, None)


@pytest.mark.parametrize("transport", ["memory", pytest.param("fakeredis", marks=pytest.mark.long)])
def test_a_doubled_message_sends_one_mail(start: Start, transport: str) -> None:
    """Delivered twice before and once after the mail has gone out."""
    refund = make_refund(customer_email=ADDRESS)
    celery = start(NOON, transport=transport, workers=2)
    settle(refund, YES, celery.now)
    (record,) = celery.timeline.of("sent", NOTIFY)
    celery.deliver_twice(record.id)
    celery.advance(MINUTE)
    celery.deliver_twice(record.id)
    celery.advance(LATER)
    assert len(celery.timeline.of("succeeded", NOTIFY)) == 3
    assert subjects() == [SUCCESS]


def test_a_mail_server_that_is_away_delays_the_mails_and_loses_none(start: Start, mail_server: MailServer) -> None:
    """Away for an hour: `health` names the untold, tries get fewer, and then each customer is told once."""
    celery = start(NOON, workers=2, beats=2)
    mail_server.down = True
    approve(celery, 5)
    celery.advance(resend.UNTOLD - MINUTE)
    assert untold(celery) == []
    celery.advance(MINUTE)
    (line,) = untold(celery)
    assert line.startswith("untold customers: 5 past their time, the oldest (refund ")
    celery.run_until(NOON + HOUR)
    assert subjects() == []
    # At once, each minute for a quarter of an hour, then each quarter.
    assert mail_server.asked == 5 * (1 + 14 + 3)
    assert celery.timeline.of("failed") == celery.timeline.of("retried") == []
    mail_server.down = False
    celery.advance(resend.UNTOLD)
    assert (subjects(), untold(celery)) == ([SUCCESS] * 5, [])
    celery.advance(LATER)
    assert len(mail.outbox) == 5


def test_a_mail_server_that_is_away_for_a_day_is_given_up(
    start: Start, schedule: Schedule, mail_server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    """The day after nothing is sent, nor tried, and `health` has nothing to say any more; the log has a line."""
    seldom(schedule)
    celery = start(NOON)
    mail_server.down = True
    approve(celery)
    celery.run_until(NOON + WITHIN - MINUTE)
    assert len(untold(celery)) == 1
    with caplog.at_level(logging.WARNING, logger="refunds.notices.sending"):
        celery.advance(2 * MINUTE)
    (late,) = [line for line in caplog.messages if "for a day" in line]
    assert late == (
        f"{Refund.objects.get()}: no notice is sent: "
        "it was due at 2026-07-15 09:00:00+00:00 and could not be sent for a day"
    )
    asked = mail_server.asked
    mail_server.down = False
    celery.advance(WITHIN)
    assert (mail_server.asked, subjects(), untold(celery)) == (asked, [], [])
    assert told(Refund.objects.get()) == ("", None, None)


def test_an_address_that_is_refused_for_good_is_asked_once(
    start: Start, schedule: Schedule, mail_server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    """No loop: a line in the log, and that is it."""
    seldom(schedule)
    celery = start(NOON)
    mail_server.answers = [SMTPRecipientsRefused({ADDRESS: (550, b"no such user")})]
    with caplog.at_level(logging.WARNING, logger="refunds.notices.sending"):
        approve(celery)
        celery.advance(2 * WITHIN)
    assert len(caplog.messages) == 1
    assert (mail_server.asked, subjects(), untold(celery)) == (1, [], [])
    assert celery.timeline.of("failed") == []


def test_a_greylisted_mail_is_told_a_minute_later(start: Start, mail_server: MailServer) -> None:
    """Refused for now, as servers do with a stranger's first mail."""
    celery = start(NOON)
    mail_server.answers = [SMTPRecipientsRefused({ADDRESS: (451, b"come again")})]
    approve(celery)
    celery.advance(LATER)
    assert subjects() == [SUCCESS]
    assert told(Refund.objects.get()) == (RefundStatus.SUCCEEDED, NOON + MINUTE, None)


@pytest.mark.parametrize("transport", ["memory", pytest.param("fakeredis", marks=pytest.mark.long)])
@pytest.mark.parametrize(("taken", "mails"), [(False, 1), (True, 2)])
def test_a_mail_whose_worker_is_killed_is_sent_after_the_lease(
    start: Start, mail_server: MailServer, transport: str, taken: bool, mails: int
) -> None:
    """Killed before the server took it: one mail. Killed before it was noted: a second one with the same Message-ID."""
    refund = make_refund(customer_email=ADDRESS)
    celery = start(NOON, transport=transport, workers=2)
    settle(refund, YES, celery.now)
    mail_server.answers = [Meanwhile(celery.kill_worker, taken=taken)]
    celery.advance(LEASE)
    assert told(refund) == ("", None, NOON + LEASE)
    celery.advance(LATER)
    assert subjects() == [SUCCESS] * mails
    assert len({letter.message()["Message-ID"] for letter in mail.outbox}) == 1
    assert told(refund) == (RefundStatus.SUCCEEDED, NOON + LEASE + MINUTE, None)


def test_a_success_while_the_mail_about_the_failure_is_sent_is_told_at_once(
    start: Start, mail_server: MailServer
) -> None:
    """A late receipt comes while the other mail is on its way: both go out, in their order, by messages alone."""
    refund = make_refund(customer_email=ADDRESS)
    celery = start(NOON, beats=0)
    settle(refund, NO, celery.now)
    mail_server.answers = [Meanwhile(lambda: payments._settle(refund, "re_late", celery.now))]
    celery.run_until_idle()
    assert subjects() == [FAILURE, SUCCESS]
    assert told(refund) == (RefundStatus.SUCCEEDED, NOON, None)


def test_many_customers_are_told_by_few_messages(start: Start) -> None:
    """The mails of 250 refunds that are paid together go out at once, by a message for each 100."""
    celery = start(NOON)
    approve(celery, 250)
    celery.advance(LATER)
    assert subjects() == [SUCCESS] * 250
    assert len(celery.timeline.of("sent", NOTIFY)) == 3


def test_mails_without_a_worker_for_their_queue_do_not_flood_the_broker(start: Start) -> None:
    """Nobody reads the queue for an hour: its one message waits, and each customer is told once."""
    celery = start(NOON, workers={"most": ["decisions", "payments", "upkeep"], "mail": ["mail"]})
    celery.stop_worker("mail")
    approve(celery, 3)
    celery.run_until(NOON + HOUR)
    assert len(untold(celery)) == 1
    assert len(celery.timeline.of("sent", NOTIFY)) == 1
    celery.start_worker("mail")
    celery.advance(MINUTE)
    assert (subjects(), untold(celery)) == ([SUCCESS] * 3, [])
