"""Interpret Stripe's answers about a refund."""

from collections.abc import Callable, Iterable
from typing import Any, Final

from ..domain.money import to_major
from ..gateways.base import LONGEST_RECEIPT, Answer, Order, Refused, Settled, TryAgain, UnderWay
from .units import in_stripe_units

# The statuses of a refund at Stripe (https://docs.stripe.com/api/refunds/object). No other status counts as success.
SUCCEEDED: Final = "succeeded"
UNDER_WAY: Final = ("pending", "requires_action")
CAME_TO_NOTHING: Final = ("failed", "canceled")
NONSENSE: Final = "Stripe answered with something that is not a refund"


def read(call: Callable[..., Any], *arguments: object) -> dict[str, Any]:
    """Return the answer to a call of Stripe's client. Raises StripeError, and TryAgain for an unreadable answer."""
    try:
        return call(*arguments).to_dict()  # type: ignore[no-any-return]  # any JSON passes through the client
    except (AttributeError, LookupError, TypeError, ValueError) as unreadable:
        # The client does not check the answer before it parses it: {"error": "Bad Gateway"} raises AttributeError.
        raise TryAgain(NONSENSE) from unreadable


def alive(refunds: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the first refund that has not failed and was not cancelled; its status can be unknown."""
    return next((refund for refund in refunds if refund.get("status") not in CAME_TO_NOTHING), None)


def answer_of(refund: dict[str, Any], order: Order) -> Answer:
    """Return what a refund at Stripe means. Raises TryAgain if it is unreadable, Refused if it failed or differs."""
    receipt, status = refund.get("id"), refund.get("status")
    amount, currency = refund.get("amount"), refund.get("currency")
    # Compare the type, because isinstance would accept JSON's true as an int.
    if not (isinstance(receipt, str) and 0 < len(receipt) <= LONGEST_RECEIPT and type(amount) is int and currency):
        raise TryAgain(NONSENSE)
    if status in CAME_TO_NOTHING:
        why = refund.get("failure_reason") or "no reason given"
        raise Refused(f"Stripe: refund {receipt} {status}: {why}")
    if status != SUCCEEDED and status not in UNDER_WAY:
        raise TryAgain(f"Stripe: refund {receipt} has the unknown status {str(status)[:40]!r}, which settles nothing")
    if (amount, str(currency).upper()) != (in_stripe_units(order.amount_minor, order.currency), order.currency):
        raise Refused(
            f"Stripe refunded {amount} {currency} in minor units as {receipt}, but "
            f"{to_major(order.amount_minor, order.currency)} {order.currency} is owed; "
            'settle the difference with the customer, then use "Settled elsewhere"'
        )
    if status == SUCCEEDED:
        return Settled(receipt)
    # Why it is pending, such as insufficient_funds. API versions from 2025-04-30 on say it.
    waits_for = refund.get("pending_reason")
    return UnderWay(receipt, f"Stripe: {status}: {waits_for}" if waits_for else f"Stripe: {status}")
