"""The tasks of the notices, in the eager lane; what they do over time is proven in virtual time."""

from typing import Any

import pytest
from django.core import mail

from refunds.domain.returns import Decision
from refunds.errors import BadArgument, UnknownRow
from refunds.models import Refund
from refunds.notices.sending import NOTIFY_CUSTOMER
from refunds.notices.tasks import notify_customer
from refunds.operations.decisions import decide_chosen
from refunds.tasks import pay_refund

from ..factories import NOON, make_requests
from ..messages.conftest import drain, published

__all__ = ["published"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("published")]


@pytest.fixture
def refund() -> Refund:
    """One pending refund, due since a noon long past."""
    (request,) = make_requests(customer_email="c@example.com")
    decide_chosen([request.pk], Decision.APPROVE, by=None, note="", now=NOON)
    drain()
    return Refund.objects.get()


def test_unknown_refund_fails_the_task() -> None:
    """The error names the refund."""
    with pytest.raises(UnknownRow, match="there is no refund 404; nothing was changed"):
        notify_customer(refund_id=404)


@pytest.mark.parametrize("value", ["1", 0, -1, 2**63, 1.0, True, None, [1], {"a": 1}])
def test_argument_of_the_wrong_shape_is_refused(value: Any) -> None:
    """Only a positive integer is an id."""
    with pytest.raises(BadArgument, match="refund_id must be a positive integer"):
        notify_customer(refund_id=value)


def test_arguments_come_by_keyword() -> None:
    """A positional argument is refused where it is sent."""
    with pytest.raises(TypeError):
        notify_customer.delay(1)
    assert drain() == []


def test_mail_is_sent_once(refund: Refund) -> None:
    """Paid, the customer gets one mail, however often the message comes."""
    notify_customer(refund_id=refund.pk)
    assert mail.outbox == []
    pay_refund(refund_id=refund.pk)
    assert [message["task"] for message in drain()] == [NOTIFY_CUSTOMER]
    for _ in range(2):
        notify_customer(refund_id=refund.pk)
    (letter,) = mail.outbox
    assert (letter.to, letter.subject) == (["c@example.com"], "Your refund of 12.50 GBP")
    assert f"Receipt: wallet:{refund.pk}." in letter.body


def test_message_with_a_last_id_is_about_all_refunds_up_to_it(refund: Refund) -> None:
    """From the first to the last id."""
    pay_refund(refund_id=refund.pk)
    notify_customer(refund_id=1, last_id=refund.pk)
    assert [letter.to for letter in mail.outbox] == [["c@example.com"]]
    with pytest.raises(BadArgument, match="last_id must be a positive integer"):
        notify_customer(refund_id=1, last_id=0)
