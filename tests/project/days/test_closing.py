"""What an operator does about a failed refund, in virtual time: to the receipt, the customer's mail and equal books."""

import pytest
from django.core import mail
from pytest_django import Settings

from refunds.gateways import Refused
from refunds.management.audit import run_audit
from refunds.models import Refund, ReturnRequest
from refunds.operations import health
from refunds.remedies import closing

from ...day.conftest import Start
from ...day.paying import approve, timed
from ...day.test_try_again import approved, soon
from ...factories import HOUR, MINUTE, NOON
from ...gateways.provider import InMemory, answer_lost, unreachable
from ...notices.mails import FAILURE, SUCCESS

__all__ = ["soon"]  # a fixture

pytestmark = pytest.mark.django_db(transaction=True)
LATER = 2 * MINUTE


@pytest.fixture(autouse=True)
def _any_payment(settings: Settings) -> None:
    """The provider's payments have ids of any shape."""
    settings.REFUNDS_GATEWAY = "tests.operations.payers.Scripted"


def test_corrected_payment_pays_the_refund(start: Start, gateway: InMemory) -> None:
    """An import brought the id of a Checkout session: corrected and paid within the minute, told once, books equal."""
    celery = start(NOON)
    approve(gateway, 1, NOON, customer_email="c@example.com")
    payment = ReturnRequest.objects.get().payment
    ReturnRequest.objects.update(payment="cs_test_1")
    celery.advance(LATER)
    refund = Refund.objects.select_related("request").get()
    assert (refund.status, refund.failure) == ("failed", "No such charge: 'cs_test_1'")
    pressed = [closing.correct_payment(refund.pk, payment, celery.now, seen=0, note=lambda _: None) for _ in range(2)]
    assert pressed == [True, False]
    celery.advance(LATER)
    refund.refresh_from_db()
    (entry,) = gateway.provider.refunds
    assert (refund.status, refund.receipt, refund.settled_at) == ("succeeded", entry.id, NOON + LATER)
    key = refund.request.key
    assert [asked for _, asked in gateway.calls] == [key, f"{key}:2"]
    assert [letter.subject for letter in mail.outbox] == [FAILURE, SUCCESS]
    assert (run_audit().problems, health.health(celery.now)) == ([], [])


@pytest.mark.usefixtures("soon")
def test_money_that_moved_on_an_earlier_payment_is_not_moved_again(start: Start, gateway: InMemory) -> None:
    """Paid, the answer lost, given up, then corrected to another payment: the receipt is the first one's."""
    celery = start(NOON)
    gateway.faults.extend([answer_lost, *[unreachable] * 11])
    refund = approved(gateway)
    celery.advance(LATER)
    (entry,) = gateway.provider.refunds
    other = gateway.provider.pay(1250)
    assert closing.correct_payment(refund.pk, other, celery.now, seen=0, note=lambda _: None)
    celery.advance(LATER)
    refund.refresh_from_db()
    assert (refund.status, refund.receipt) == ("succeeded", entry.id)
    assert gateway.provider.refunds == [entry]


def test_settled_elsewhere_pays_nothing_and_tells_the_customer(start: Start, gateway: InMemory) -> None:
    """The reconciler runs on for an hour: no call, one mail, nothing reported."""
    celery = start(NOON)
    gateway.faults.extend(timed(celery, [], Refused("card closed")))
    refund = approved(gateway)
    celery.advance(LATER)
    assert closing.settle_elsewhere(refund.pk, "SEPA 17", "closed", celery.now, seen=0, note=lambda _: None)
    celery.advance(HOUR)
    assert (len(gateway.calls), gateway.provider.refunds) == (1, [])
    assert [letter.subject for letter in mail.outbox] == [FAILURE, SUCCESS]
    assert (run_audit().problems, health.health(celery.now)) == ([], [])
