"""What the customer hears of a refund that an operator has paid by another way."""

import pytest
from django.core import mail

from refunds.models import Refund
from refunds.notices.models import Notice
from refunds.notices.sending import NOTIFY_CUSTOMER, notify_customer

from ..factories import NOON, PRESSED
from ..operations.conftest import Commit, Published, commit, published
from ..remedies.closers import failed_refund, provider, settle
from ..remedies.test_second_receipt import settled_during

__all__ = ["commit", "provider", "published"]  # fixtures

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("provider")]


@pytest.mark.parametrize("mailed", [True, False])
def test_customer_gets_one_mail_about_the_settlement(published: Published, commit: Commit, mailed: bool) -> None:
    """Pressed twice, one mail goes out, with the reference and no reason: about what is true now.

    The mail about the failure had gone out, or it was pending because the mail server was away.
    """
    refund = failed_refund(customer_email="c@example.com")
    sent = {"status": "sent", "notified_of": "failed", "notified_at": NOON}
    Notice.objects.create(request=refund.request, **(sent if mailed else {"status": "pending", "due_at": NOON}))
    with commit():
        assert settle(refund)[0]
        assert not settle(refund, "another")[0]
    assert published == [(NOTIFY_CUSTOMER, [{"refund_id": refund.pk}])]
    assert [notify_customer(refund.pk, PRESSED) for _ in range(2)] == [True, False]
    (letter,) = mail.outbox
    assert letter.subject == "Your refund of 12.50 GBP"
    assert letter.body == (
        "We have refunded 12.50 GBP for 1001/1 in another way than to your original payment. Reference: SEPA 17."
    )


def test_late_receipt_is_no_second_mail(published: Published, commit: Commit) -> None:
    """The operator settled while an attempt was on its way: the customer is told once."""
    with commit():
        settled_during("re_1", customer_email="c@example.com")
    assert published == [(NOTIFY_CUSTOMER, [{"refund_id": Refund.objects.get().pk}])]
