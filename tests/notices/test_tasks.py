"""The tasks of the notices, in the eager lane; what they do over time is proven in virtual time."""

from typing import Any

import pytest
from django.core import mail

from refunds.errors import BadArgument
from refunds.models import Refund
from refunds.notices.sending import NOTIFY_CUSTOMER
from refunds.notices.tasks import notify_customer
from refunds.tasks import pay_refund

from ..messages.conftest import drain, published
from .mails import ADDRESS, SUCCESS

__all__ = ["published"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("published")]


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


@pytest.mark.parametrize("in_range", [False, True])
def test_mail_is_sent_once(refund: Refund, in_range: bool) -> None:
    """Once the refund is paid, the customer gets one mail, by its own message or by one up to its id."""
    message = {"refund_id": 1, "last_id": refund.pk} if in_range else {"refund_id": refund.pk}
    notify_customer(**message)
    assert mail.outbox == []
    pay_refund(refund_id=refund.pk)
    assert [sent["task"] for sent in drain()] == [NOTIFY_CUSTOMER]
    for _ in range(2):
        notify_customer(**message)
    (letter,) = mail.outbox
    assert (letter.to, letter.subject) == ([ADDRESS], SUCCESS)
    assert f"Receipt: wallet:{refund.pk}." in letter.body
    with pytest.raises(BadArgument, match="last_id must be a positive integer"):
        notify_customer(refund_id=1, last_id=0)
