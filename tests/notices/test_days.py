"""Notices in virtual time: lost and doubled messages, a mail server that is away, workers that die."""

import pytest
from celery_rehearsal import VirtualCelery
from django.core import mail
from django.db import connection

from refunds.domain.returns import Decision
from refunds.models import Refund
from refunds.notices.resend import LATE
from refunds.notices.sending import LEASE, NOTIFY_CUSTOMER
from refunds.operations import PATIENCE, bulk_payments, health
from refunds.operations.decisions import decide_chosen

from ..day.conftest import Start
from ..factories import HOUR, MINUTE, NOON, make_requests
from .mail_server import During, MailServer
from .mails import ADDRESS, FAILURE, NO, SUCCEEDED, SUCCESS, YES, notice_of, settle, subjects

pytestmark = pytest.mark.django_db(transaction=True)
# By then the reconciler tries seldom: it would have repeated any mail that it repeats.
LATER = LATE + 5 * MINUTE
on_transports = pytest.mark.parametrize("transport", ["memory", pytest.param("fakeredis", marks=pytest.mark.long)])


def approve(celery: VirtualCelery, count: int = 1) -> None:
    """Return requests come in and are approved, now."""
    ids = [row.pk for row in make_requests(count, received_at=celery.now, customer_email=ADDRESS)]
    decide_chosen(ids, Decision.APPROVE, by=None, note="", now=celery.now)


def late_lines(celery: VirtualCelery) -> list[str]:
    """Return the lines of `health` about notices now."""
    return [line for line in health.health(celery.now) if line.startswith("notices not sent")]


def test_success_is_mailed_at_once(start: Start, mail_server: MailServer) -> None:
    """A refund is approved, paid and mailed in one instant. No transaction is open during the mail."""
    held: list[bool] = []
    mail_server.answers = [During(lambda: held.append(connection.in_atomic_block))]
    celery = start(NOON)
    approve(celery)
    celery.advance(LATER)
    assert subjects() == [SUCCESS]
    assert notice_of(Refund.objects.get()) == (SUCCEEDED, NOON, None)
    assert (len(celery.timeline.of("started", NOTIFY_CUSTOMER)), held) == (1, [False])


def test_final_failure_and_the_success_after_it_are_mailed_once(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a refund that is refused, tried again and refused, tried again and paid, the customer gets two mails."""
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
    assert notice_of(Refund.objects.get()) == (SUCCEEDED, NOON + 2 * LATER, None)
    assert len(celery.timeline.of("sent", NOTIFY_CUSTOMER)) == 2


@pytest.mark.parametrize(
    ("transport", "published"),
    [("memory", True), ("memory", False), pytest.param("fakeredis", True, marks=pytest.mark.long)],
)
def test_reconciler_sends_a_missing_message_again(
    start: Start, refund: Refund, transport: str, published: bool
) -> None:
    """The broker loses it, or is down when the refund is settled: the customer gets one mail, a minute later."""
    celery = start(NOON, transport=transport)
    celery.lose_broker()  # and the reconciler's message of the worker's start
    celery.fail_publish(0 if published else 4)  # its retries, too
    settle(refund, YES, celery.now)
    celery.fail_publish(0)
    if published:
        celery.lose_broker()
    celery.advance(MINUTE / 2)
    assert subjects() == []
    celery.advance(LATER)
    assert subjects() == [SUCCESS]
    assert notice_of(refund) == (SUCCEEDED, NOON + MINUTE, None)


@on_transports
def test_doubled_message_sends_one_mail(start: Start, refund: Refund, transport: str) -> None:
    """The message is delivered twice before the mail is sent, and once after."""
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
    """In an hour `health` names the late notices and tries get fewer. Then each customer gets one mail."""
    celery = start(NOON, transport="fakeredis", workers=2, beats=2)
    mail_server.down = True
    approve(celery, 5)
    celery.advance(LATE - MINUTE)
    assert late_lines(celery) == []
    celery.advance(MINUTE)
    (line,) = late_lines(celery)
    assert line.startswith("notices not sent: 5 past their time, the oldest (return request ")
    celery.run_until(NOON + HOUR)
    assert subjects() == []
    # At once, each minute for a quarter of an hour, then each quarter.
    assert mail_server.asked == 5 * (1 + (LATE // PATIENCE - 1) + (HOUR // LATE - 1))
    assert celery.timeline.of("failed") == celery.timeline.of("retried") == []
    mail_server.down = False
    celery.advance(LATE)
    assert (subjects(), late_lines(celery)) == ([SUCCESS] * 5, [])
    celery.advance(LATER)
    assert len(mail.outbox) == 5


@on_transports
@pytest.mark.parametrize("taken", [False, True])
def test_mail_of_a_killed_worker_is_sent_after_the_lease(
    start: Start, refund: Refund, mail_server: MailServer, transport: str, taken: bool
) -> None:
    """Killed before the server took it: one mail. Killed before the note of it: a second mail, the same Message-ID."""
    celery = start(NOON, transport=transport, workers=2)
    settle(refund, YES, celery.now)
    mail_server.answers = [During(celery.kill_worker, taken=taken)]
    celery.advance(LEASE)
    assert notice_of(refund) == ("", None, NOON + LEASE)
    celery.advance(LATER)
    assert subjects() == [SUCCESS] * (1 + taken)
    assert len({letter.message()["Message-ID"] for letter in mail.outbox}) == 1
    assert notice_of(refund) == (SUCCEEDED, NOON + LEASE + MINUTE, None)


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
