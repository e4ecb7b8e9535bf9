"""Days of the core with the default project's rooms: customers get one mail, admins learn of an expired approval."""

import pytest
from django.core import mail

from refunds import outbox
from refunds.notices import sending

from ...day.conftest import Start, press
from ...factories import BLINK, CUTOFF, MINUTE, PRESSED, SECOND, make_requests
from ...gateways.provider import InMemory, answer_lost, unreachable

pytestmark = pytest.mark.django_db(transaction=True)
CUSTOMER = "c@example.com"
MILLISECOND = 1000 * BLINK


@pytest.mark.parametrize("transport", ["memory", "fakeredis"])
def test_each_customer_gets_one_mail_whatever_breaks(start: Start, gateway: InMemory, transport: str) -> None:
    """The provider loses answers and is down, a worker is killed, two beats run, and each message comes twice."""
    make_requests(20, customer_email=CUSTOMER, payment=gateway.provider.pay(20 * 1250))
    celery = start(PRESSED, transport=transport, beats=2, workers=2)
    gateway.faults.extend([answer_lost, answer_lost, *[unreachable] * 40])
    press(celery)
    celery.advance(10 * SECOND)
    celery.kill_worker("worker1")
    for doubled, until in (None, CUTOFF + 30 * MINUTE), (sending.NOTIFY_CUSTOMER, CUTOFF + 31 * MINUTE):
        for record in celery.timeline.of("sent", doubled):
            celery.deliver_twice(record.id)
        celery.run_until(until)
    assert sum(letter.to == [CUSTOMER] for letter in mail.outbox) == 20


@pytest.mark.parametrize(("late", "mails"), [(0, 0), (1, 1)])
def test_admins_learn_of_an_approval_that_celery_expired(start: Start, late: int, mails: int) -> None:
    """At the cutoff Celery still runs the message; a millisecond later it discards it, and a mail says so."""
    make_requests(3)
    celery = start(PRESSED, transport="fakeredis")  # RabbitMQ itself drops it
    celery.stop_worker()
    press(celery)
    celery.run_until(CUTOFF + late * MILLISECOND)
    celery.start_worker()
    celery.advance(5 * MINUTE)
    assert sum(f"Task {outbox.PLAN_SWEEP} expired" in letter.subject for letter in mail.outbox) == mails
