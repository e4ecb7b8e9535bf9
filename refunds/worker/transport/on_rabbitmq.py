"""Guard kombu's RabbitMQ transport (py-amqp) where it reads a message's headers."""

from collections.abc import Callable
from typing import Any, Final

import amqp
from amqp.method_framing import frame_handler as amqps

from .unreadable import report

# The type of a frame with a message's properties, the length of its class, weight and body size, and the flags for no
# property:
# https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf, 4.2.6.1
HEADER: Final = 2
FIXED: Final = 12
NO_PROPERTIES: Final = b"\x00\x00"


def guarded(transport: type[Any]) -> type[Any]:
    """Return a guarded subclass of a py-amqp transport class, with or without TLS."""
    base: Any = transport.Connection

    class Connection(base):  # type: ignore[misc]  # a class given at run time
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **{"frame_handler": frame_handler, **options})

    return type(f"Guarded{transport.__name__}", (transport,), {"Connection": Connection})


def frame_handler(connection: Any, callback: Callable[..., Any]) -> Callable[[Any], Any]:
    """Return py-amqp's reader of frames, which replaces unreadable properties by no properties.

    Such a message has no header `task`, so the consumer refuses it, and RabbitMQ dead-letters it.
    """
    handle = amqps(connection, callback)

    def on_frame(frame: Any) -> Any:
        try:
            return handle(frame)
        except Exception as error:
            kind, channel, content = frame
            if kind != HEADER or _is_readable(content):
                raise
            reason = f"{type(error).__name__}: {error}"
            report("RabbitMQ", bytes(content), f"its headers: {reason}", "It is refused, and RabbitMQ dead-letters it")
            return handle((kind, channel, bytes(content[:FIXED]) + NO_PROPERTIES))

    return on_frame


def _is_readable(content: Any) -> bool:
    try:
        message: Any = amqp.Message()
        message.inbound_header(content)
    except Exception:  # its parser can raise anything
        return False
    return True
