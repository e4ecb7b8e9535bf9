"""What a message must look like for kombu's virtual transports to deliver it, hold it and put it back."""

from decimal import Decimal
from typing import Any, Final

from ..message_check import LONGEST_NAME, is_too_deep

# Lists and objects within each other. JSON that can just be read (some 990) cannot be written again into `unacked`;
# the check of messages refuses far less.
DEEPEST: Final = 100
SHAPE: Final = (
    "it is no message of kombu's, which is an object with `body`, `headers`, and `properties` with `delivery_tag` and "
    "`delivery_info`, in it `exchange` and `routing_key`"
)


def shape(payload: Any) -> str:
    """Say why kombu could not deliver or restore this object; empty where it could."""
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
            # kombu makes an integer of it, and of 1E+999999999 that does not end.
            if isinstance(payload["properties"].get("priority"), Decimal):
                return "its priority is a decimal"
            names = {"delivery_tag": tag, "exchange": exchange, "routing_key": key}
        case _:
            return SHAPE
    wrong = [name for name, value in names.items() if len(value) > LONGEST_NAME or not (value + " ").isprintable()]
    return f"its {wrong[0]} is not up to {LONGEST_NAME} printable characters" if wrong else ""
