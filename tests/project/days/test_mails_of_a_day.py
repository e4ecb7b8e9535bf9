"""Days of the core with the default project's rooms: customers get one mail, admins learn of an expired approval."""

import pytest
from django.core import mail

from refunds import outbox, tasks
from refunds.gateways import Answer, Order, TryAgain
from refunds.gateways.wallet import Wallet

from ...day.conftest import Start, press
from ...day.paying import approve
from ...factories import BLINK, CUTOFF, MINUTE, NOON, PRESSED, make_requests
from ...gateways.provider import InMemory, answer_lost

pytestmark = pytest.mark.django_db(transaction=True)
CUSTOMER = "c@example.com"
MILLISECOND = 1000 * BLINK


def letters() -> int:
    """How many mails went to the customer."""
    return sum(letter.to == [CUSTOMER] for letter in mail.outbox)


def test_each_customer_gets_one_mail_whatever_breaks(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gateway is down for three minutes, a worker is killed, and two beats run."""
    make_requests(20, customer_email=CUSTOMER)
    celery = start(PRESSED, transport="fakeredis", beats=2, workers=2)

    class Down:
        """The wallet behind a network that is down for three minutes."""

        def refund(self, order: Order, idempotency_key: str) -> Answer:
            if celery.now < PRESSED + 3 * MINUTE:
                raise TryAgain("gateway down")
            return Wallet().refund(order, idempotency_key)

    monkeypatch.setattr(tasks, "gateway", Down)
    press(celery)
    celery.run_until(PRESSED + MINUTE)
    celery.kill_worker("worker1")
    celery.run_until(CUTOFF + 30 * MINUTE)
    assert letters() == 20


@pytest.mark.parametrize("transport", ["memory", "fakeredis"])
def test_doubled_messages_send_no_second_mail(start: Start, transport: str) -> None:
    """Every message of a day is delivered twice."""
    make_requests(10, customer_email=CUSTOMER)
    celery = start(PRESSED, transport=transport, beats=0)
    press(celery)
    celery.run_until_idle()
    for record in celery.timeline.of("sent"):
        celery.deliver_twice(record.id)
    celery.run_until_idle()
    assert letters() == 10


@pytest.mark.parametrize(("late", "mails"), [(0, 0), (1, 1)])
def test_admins_learn_of_an_approval_that_celery_expired(start: Start, late: int, mails: int) -> None:
    """At the cutoff Celery still runs the message; a millisecond later it discards it, and a mail says so."""
    make_requests(3)
    celery = start(PRESSED)
    celery.stop_worker()
    press(celery)
    celery.run_until(CUTOFF + late * MILLISECOND)
    celery.start_worker()
    celery.advance(5 * MINUTE)
    assert sum(f"Task {outbox.PLAN_SWEEP} expired" in letter.subject for letter in mail.outbox) == mails


def test_lost_answer_sends_no_second_mail(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """The provider has paid although its answers are lost; the customer gets one mail."""
    gateway = InMemory()
    monkeypatch.setattr(tasks, "gateway", lambda: gateway)
    celery = start(NOON)
    gateway.faults.extend([answer_lost, answer_lost])
    approve(gateway, 1, NOON, customer_email=CUSTOMER)
    celery.advance(MINUTE)
    assert letters() == 1
