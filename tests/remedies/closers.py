"""What the room's tests share: a payment provider, a failed refund, an operator's two actions, and all rows."""

import re
from typing import Any

import pytest
from pytest_django import Settings

from refunds.errors import BadInput
from refunds.models import Refund, ReturnRequest
from refunds.remedies import closing
from refunds.remedies.models import SecondReceipt, SettledElsewhere

from ..factories import NOON, PRESSED, make_refund, refund_rows
from ..operations.payers import Scripted


class Provider(Scripted):
    """A gateway whose payments begin with `ch_`, and which knows its secrets."""

    @staticmethod
    def check_payment(payment: str) -> None:
        if not payment.startswith("ch_"):
            raise BadInput(f"{payment!r} is not a payment of this provider")

    @staticmethod
    def secret_in(text: str) -> str | None:
        return "an API key" if re.search("sk_live_|whsec_|_secret_", text) else None


@pytest.fixture
def provider(settings: Settings) -> None:
    """Payments are those of the provider."""
    settings.REFUNDS_GATEWAY = f"{__name__}.{Provider.__name__}"


@pytest.fixture
def refund() -> Refund:
    """A refund of `ch_old` that has failed after a refusal."""
    return failed_refund()


def failed_refund(**columns: Any) -> Refund:
    values = {"payment": "ch_old", "status": "failed", "settled_at": NOON, "failure": "no such charge", **columns}
    return make_refund(**values)


def correct(refund: Refund, payment: str = "ch_new", **changes: Any) -> tuple[bool, list[Refund]]:
    """Whether it was corrected, and the rows that were noted."""
    noted: list[Refund] = []
    values: dict[str, Any] = {"seen": refund.tried_again, "now": PRESSED, "note": noted.append, **changes}
    return closing.correct_payment(refund.pk, payment, **values), noted


def settle(refund: Refund, receipt: str = "SEPA 17", **changes: Any) -> tuple[bool, list[Refund]]:
    """Whether it was settled elsewhere, and the rows that were noted."""
    noted: list[Refund] = []
    values: dict[str, Any] = {"reason": "account closed", "seen": refund.tried_again, "now": PRESSED}
    values |= {"note": noted.append, **changes}
    return closing.settle_elsewhere(refund.pk, receipt, **values), noted


def state() -> tuple[Any, ...]:
    models = (ReturnRequest, SettledElsewhere, SecondReceipt)
    return refund_rows(), *[list(model._default_manager.order_by("pk").values()) for model in models]
