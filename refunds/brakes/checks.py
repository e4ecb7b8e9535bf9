"""Check the settings of this room."""

from typing import Any, Final

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from ..apps import LABEL

# Seconds. A worker holds the message of a payment for so long. RabbitMQ takes a message back after 30 minutes
# (consumer_timeout), Redis after an hour (visibility_timeout): then several workers would hold it.
LONGEST_HOLD: Final = 900


@register(Tags.compatibility)
def hold_is_short(**_: Any) -> list[CheckMessage]:
    """Report a hold that no worker can keep."""
    hold: object = getattr(settings, "REFUNDS_HOLD", None)
    if isinstance(hold, int) and not isinstance(hold, bool) and 0 <= hold <= LONGEST_HOLD:
        return []
    hint = "Set it to 0 where nothing is held. The core's settings do."
    return [Error(f"REFUNDS_HOLD is {hold!r}: give seconds, from 0 to {LONGEST_HOLD}.", hint=hint, id=f"{LABEL}.E014")]
