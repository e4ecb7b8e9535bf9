"""Read from an event that Stripe posts which refund to look up. Nothing else in the event is used."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import stripe

from ..domain.refunds import RefundStatus
from ..gateways.base import LONGEST_RECEIPT
from .answers import CAME_TO_NOTHING, SUCCEEDED, UNDER_WAY
from .gateway import REFERENCE

# The events about refunds (https://docs.stripe.com/api/events/types); each has the refund as its object. API versions
# before 2024-10-28 send the last one for refunds of charges, and the others only for refunds without a charge.
# https://docs.stripe.com/changelog/acacia/2024-10-28/refund-webhook-update
EVENTS: Final = frozenset({"refund.created", "refund.updated", "refund.failed", "charge.refund.updated"})
# An older event is refused, as Stripe's libraries do by default. Stripe signs each retry again.
TOLERANCE: Final = timedelta(minutes=5)
SAYS: Final = {
    SUCCEEDED: RefundStatus.SUCCEEDED,
    **dict.fromkeys(UNDER_WAY, RefundStatus.PROCESSING),
    **dict.fromkeys(CAME_TO_NOTHING, RefundStatus.FAILED),
}
# The longest key of a return request, which is the reference of its refund.
LONGEST_REFERENCE: Final = 64


class BadEvent(ValueError):
    """Stripe did not sign the request with our secret in the last minutes, or its body is not an event."""


@dataclass(frozen=True)
class Hint:
    """Hold an event's hint about a refund of ours: our reference, Stripe's id, and the state; None if unknown."""

    reference: str
    receipt: str
    says: RefundStatus | None


def read(body: bytes, signature: str | None, secrets: Sequence[str]) -> Hint | None:
    """Return the hint in the body of a request; None for an event that is not about a refund of ours.

    Stripe can have signed with any of `secrets`; there are two or more while one is replaced. Raises BadEvent.
    """
    event = _verified(body, signature, secrets)
    if str(event.get("type")) not in EVENTS:
        return None
    try:
        refund = event["data"]["object"]
        reference = refund["metadata"][REFERENCE]
    except (LookupError, TypeError):  # a refund that was made elsewhere, such as in Stripe's dashboard
        return None
    receipt = refund.get("id")
    if not (_fits(reference, LONGEST_REFERENCE) and _fits(receipt, LONGEST_RECEIPT)):
        return None
    return Hint(reference, receipt, SAYS.get(str(refund.get("status"))))


def _fits(text: object, longest: int) -> bool:
    """Return whether a column of `longest` characters can hold the text."""
    return isinstance(text, str) and text.isprintable() and 0 < len(text) <= longest


def _verified(body: bytes, signature: str | None, secrets: Sequence[str]) -> dict[str, Any]:
    said = "there is no secret to verify it with"
    for secret in secrets:
        try:
            event: stripe.Event = stripe.Webhook.construct_event(
                body, signature, secret, int(TOLERANCE.total_seconds())
            )
            return event.to_dict()
        except stripe.SignatureVerificationError as error:
            said = str(error)
        except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
            # The client decodes the body before it verifies it, and then accepts any JSON as an event.
            raise BadEvent(f"the body is no event of Stripe's ({type(error).__name__})") from None
    raise BadEvent(said)
