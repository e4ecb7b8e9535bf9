"""What the kit does not simulate. Asking for it raises NotSimulatedError with the reason given here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from .errors import BadUseError, NotSimulatedError
from .patching import swap_attribute

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import ExitStack

# How it is asked for, what it is, and why it is not there.
NOT_SIMULATED = {
    "autoscale": ("growing and shrinking pools", "a pool keeps the size that it has at the start"),
    "max_memory_per_child": ("memory limits", "children are greenlets in one process, which has one memory"),
    "heartbeat": ("heartbeats of the connection", "there is no connection that could fall silent"),
    "embedded_beat": ("a beat inside a worker (-B)", "start a beat of its own, as Celery's documentation advises"),
    "cold_shutdown": ("SIGQUIT, and REMAP_SIGTERM", "stop_worker() is a SIGTERM, kill_worker() a SIGKILL"),
    "gossip": ("gossip between workers", "it is switched off, as with --without-gossip"),
    "mingle": ("mingling at start", "it is switched off, as with --without-mingle"),
    "remote_control": ("remote control: revoke, inspect, rate_limit", "it answers in a thread of its own"),
    "statedb": ("revoked ids kept over a restart", "a worker starts with none"),
    "broker": (
        "brokers other than Redis and RabbitMQ",
        "each redelivers by rules of its own, as SQS after its visibility timeout; `transport=` chooses one of the two",
    ),
    "amqp_features": (
        "dead letters, lengths and other x-arguments; headers exchanges, alternate exchanges",
        '"memory" knows x-max-priority, x-message-ttl and x-expires, and direct, topic and fanout exchanges',
    ),
    "consumer_timeout": (
        "RabbitMQ's limit of 30 minutes for an unacked message, beyond which it ends the worker's channel",
        "such a message, as one with a longer countdown, only warns, once in a cluster",
    ),
    "quorum_queues": (
        "quorum queues and native delayed delivery",
        "they exist on RabbitMQ alone; for the test, set task_default_queue_type and x-queue-type to classic",
    ),
    "result_servers": (
        "results on MongoDB, DynamoDB, S3, Elasticsearch, SQL by SQLAlchemy and other servers",
        'only Redis and memcached have a fake: name it, as result_backend="redis://", or allow_sockets=True',
    ),
    "result_memory": (
        "another process's results on cache+memory:// or Django's cache in memory",
        'each process has its own, in production too; name the store of production, as result_backend="redis://"',
    ),
    "eventloop": ("the hub's loop", "the worker is driven a step at a time, as its blocking loop does it"),
    "network_latency": ("time on the wire", "a message is there the instant it is sent"),
    "running_time": (
        "how long a task's code takes",
        "only waiting takes virtual time",
    ),
}


def refuse_options(options: Iterable[str]) -> None:
    """Raise for options that `VirtualCelery` does not have.

    Raises NotSimulatedError for one of the table's, BadUseError for one that nobody knows.
    """
    for option in options:
        if option in NOT_SIMULATED:
            raise NotSimulatedError(reason(option))
        raise BadUseError(f"VirtualCelery has no option {option!r}")


def reason(option: str) -> str:
    """Why something of the table is not simulated, as one sentence."""
    what, why = NOT_SIMULATED[option]
    return f"{option}: {what} - not simulated: {why}"


def refuse_quorum_queues(app: Any) -> None:
    """Raise NotSimulatedError for an app whose queues are RabbitMQ's quorum queues."""
    arguments = [queue.queue_arguments or {} for queue in app.amqp.queues.values()]
    if any(found.get("x-queue-type") == "quorum" for found in arguments):
        raise NotSimulatedError(reason("quorum_queues"))


def refuse_remote_control(undo: ExitStack, app: Any, refuse: Callable[[Exception], NoReturn]) -> None:
    """Let every remote control command raise, instead of going to nobody."""

    def broadcast(command: str, *_args: Any, **_kwargs: Any) -> NoReturn:
        refuse(NotSimulatedError(f"{command}: {reason('remote_control')}"))

    swap_attribute(undo, app.control, "broadcast", broadcast)


def as_markdown() -> str:
    """The table as the docs show it."""
    rows = [f"| `{option}` | {what} | {why} |" for option, (what, why) in NOT_SIMULATED.items()]
    return "\n".join(["| asked for as | what it is | why it is not there |", "| - | - | - |", *rows])
