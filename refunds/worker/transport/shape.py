"""Check that kombu's virtual transports can deliver, hold and restore a message."""

from decimal import Decimal
from typing import Any, Final

from ..message_check import LONGEST_NAME, is_too_deep

# Levels of nested lists and objects. kombu can read JSON of some 990 levels, but cannot write it to `unacked` again.
# The check of messages allows far fewer.
DEEPEST: Final = 100
SHAPE: Final = (
    "it is no message of kombu's, which is an object with `body`, `headers`, and `properties` with `delivery_tag` and "
    "`delivery_info`, in it `exchange` and `routing_key`"
)


def shape(payload: Any) -> str:
    """Return why kombu cannot deliver or restore this object; empty if it can."""
    if is_too_deep(payload, DEEPEST):
        return f"it is nested deeper than {DEEPEST}"
    match payload:
        case {
            "headers": dict(),
            "properties": {
                "delivery_tag": str(tag),
                "delivery_info": {"exchange": str(exchange), "routing_key": str(key)},
            },
        } if isinstance(payload.get("body"), str | None):
            # kombu converts it to an integer, which never ends for 1E+999999999.
            if isinstance(payload["properties"].get("priority"), Decimal):
                return "its priority is a decimal"
            names = {"delivery_tag": tag, "exchange": exchange, "routing_key": key}
        case _:
            return SHAPE
    wrong = [name for name, value in names.items() if len(value) > LONGEST_NAME or not (value + " ").isprintable()]
    return f"its {wrong[0]} is not up to {LONGEST_NAME} printable characters" if wrong else ""
