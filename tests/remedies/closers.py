"""What the room's tests share: a payment provider, a failed refund, and an operator's two actions."""

import re
from typing import Any

import pytest
from pytest_django import Settings

from refunds.errors import BadInput
from refunds.models import Refund
from refunds.remedies import closing

from ..factories import NOON, PRESSED, make_refund
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
    """Have the provider pay."""
    settings.REFUNDS_GATEWAY = f"{__name__}.{Provider.__name__}"


@pytest.fixture
def refund() -> Refund:
    """Return a refund of `ch_old` that has failed after a refusal."""
    return failed_refund()


def failed_refund(**columns: Any) -> Refund:
    values = {"payment": "ch_old", "status": "failed", "settled_at": NOON, "failure": "no such charge", **columns}
    return make_refund(**values)


def correct(refund: Refund, payment: str = "ch_new", **changes: Any) -> tuple[bool, list[Refund]]:
    """Return whether it was corrected, and the rows that were noted."""
    return _changed(closing.correct_payment, refund, payment, **changes)


def settle(refund: Refund, receipt: str = "SEPA 17", **changes: Any) -> tuple[bool, list[Refund]]:
    """Return whether it was settled elsewhere, and the rows that were noted."""
    return _changed(closing.settle_elsewhere, refund, receipt, **{"reason": "account closed", **changes})


def _changed(change: Any, refund: Refund, *fields: str, **changes: Any) -> tuple[bool, list[Refund]]:
    noted: list[Refund] = []
    values = {"seen": refund.tried_again, "now": PRESSED, "note": noted.append, **changes}
    return change(refund.pk, *fields, **values), noted
