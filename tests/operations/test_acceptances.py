"""A gateway whose refund is under way, where nothing looks up how it ends."""

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.dispatch import Signal

from refunds import signals
from refunds.gateways import Gateway, UnderWay
from refunds.operations.payments import pay_refund

from ..factories import NOON, make_refund
from .payers import Scripted

pytestmark = pytest.mark.django_db


class CannotLookUp:
    """A gateway that accepts what it cannot look up, and does not say so in its types."""

    def refund(self, order, idempotency_key):  # type: ignore[no-untyped-def]
        return UnderWay("re_1")


@pytest.mark.parametrize(
    ("gateway", "is_received"), [(CannotLookUp(), True), (Scripted(UnderWay("re_1")), False)], ids=["method", "app"]
)
def test_acceptance_that_nothing_looks_up_is_kept_and_refused(
    monkeypatch: pytest.MonkeyPatch, gateway: Gateway, is_received: bool
) -> None:
    """The error names the gateway; the refund has the provider's id, so that it is not requested again."""
    refund, signal = make_refund(), Signal()
    if is_received:
        signal.connect(lambda **_: None, weak=False)
    monkeypatch.setattr(signals, "refund_accepted", signal)
    says = rf"The gateway \S+\.{type(gateway).__name__} answers that a refund is under way, and nothing looks up how"
    with pytest.raises(ImproperlyConfigured, match=says):
        pay_refund(refund.pk, NOON, gateway=gateway, jitter=0)
    refund.refresh_from_db()
    assert (refund.status, refund.receipt) == ("processing", "re_1")
