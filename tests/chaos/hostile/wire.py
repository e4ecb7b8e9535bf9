"""Messages as they lie on the queue, good and bad, and how they get there past everything that would refuse them."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

# Where payments go, as the settings have it; by the exchange without a name, to which every queue is bound.
EXCHANGE, QUEUE = "returns", "payments"
TASK = "refunds.pay_refund"
NOBODY: Mapping[str, Any] = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}


@dataclass(frozen=True)
class Message:
    """Body, headers and properties, as they are."""

    body: bytes
    headers: Any
    properties: dict[str, Any] = field(default_factory=dict)
    content_type: Any = "application/json"
    content_encoding: Any = "utf-8"

    def with_headers(self, **changed: Any) -> Self:
        """The same with other headers, or more of them."""
        return replace(self, headers={**self.headers, **changed})

    def without(self, *names: str) -> Self:
        """The same without these headers."""
        return replace(self, headers={name: self.headers[name] for name in self.headers if name not in names})

    def put(self, channel: Any) -> None:
        """Publish it by a kombu channel, of any broker."""
        properties = {"delivery_mode": 2, **self.properties}
        priority = properties.pop("priority", None)
        made = channel.prepare_message(
            self.body, priority, self.content_type, self.content_encoding, self.headers, properties
        )
        channel.basic_publish(made, exchange="", routing_key=QUEUE)


def pay(refund_id: object, task: Any = TASK, embed: object = NOBODY) -> Message:
    """A message to pay a refund, good where the id is; or one to another task."""
    return calling(task, {"refund_id": refund_id}, embed=embed)


def calling(task: Any, kwargs: object, args: object = (), embed: object = NOBODY) -> Message:
    """A message of protocol 2 (https://docs.celeryq.dev/en/stable/internals/protocol.html)."""
    made = str(uuid.uuid4())
    headers = {
        "lang": "py",
        "task": task,
        "id": made,
        "root_id": made,
        "parent_id": None,
        "group": None,
        "group_index": None,
        "shadow": None,
        "eta": None,
        "expires": None,
        "retries": 0,
        "timelimit": [None, None],
        "argsrepr": "()",
        "kwargsrepr": "{}",
        "origin": "test",
        "ignore_result": True,
        "replaced_task_nesting": 0,
        "stamped_headers": None,
        "stamps": {},
    }
    return Message(json.dumps([args, kwargs, embed]).encode(), headers, {"correlation_id": made})
