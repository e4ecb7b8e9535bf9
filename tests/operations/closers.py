"""What the tests of closing refunds share: a failed refund, an operator's two actions, and all rows."""

from typing import Any

import pytest
from pytest_django import Settings

from refunds.models import Refund, ReturnRequest
from refunds.remedies import closing

from ..factories import NOON, PRESSED, make_refund, refund_rows
from .payers import Scripted


class TakesAnyPayment(Scripted):
    """A gateway without ids of its own, and with API keys."""

    @staticmethod
    def secret_in(text: str) -> str | None:
        return "an API key" if "sk_live_" in text or "whsec_" in text else None


@pytest.fixture
def any_payment(settings: Settings) -> None:
    """A gateway that takes any text for a payment's id."""
    settings.REFUNDS_GATEWAY = f"{__name__}.TakesAnyPayment"


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
    return refund_rows(), list(ReturnRequest.objects.order_by("pk").values())
