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
    "pool": ("prefork, threads, gevent and eventlet pools", "one thread has one clock; every worker is solo"),
    "concurrency": ("several tasks at once in a worker", "tasks run one after another; start more workers"),
    "autoscale": ("growing and shrinking pools", "there is no pool to scale"),
    "time_limit": ("hard time limits", "the solo pool has none, and a task's own code takes no virtual time"),
    "soft_time_limit": (
        "soft time limits",
        "as hard ones; raise SoftTimeLimitExceeded in the task to see it",
    ),
    "max_tasks_per_child": ("recycled children", "there are no children"),
    "max_memory_per_child": ("memory limits", "there are no children"),
    "child_lost": ("a pool child killed under its worker", "there are no children; kill_worker() kills the worker"),
    "heartbeat": ("heartbeats of worker and connection", "there is no connection that could fall silent"),
    "gossip": ("gossip between workers", "it is switched off, as with --without-gossip"),
    "mingle": ("mingling at start", "it is switched off, as with --without-mingle"),
    "remote_control": ("remote control: revoke, inspect, rate_limit", "it answers in a thread of its own"),
    "statedb": ("revoked ids kept over a restart", "a worker starts with none"),
    "quorum_queues": ("quorum queues and native delayed delivery", "they exist on RabbitMQ alone"),
    "result_servers": (
        "results on MongoDB, DynamoDB, S3, Elasticsearch, SQL by SQLAlchemy and other servers",
        'only Redis and memcached have a fake: name it, as result_backend="redis://", or allow_sockets=True',
    ),
    "eventloop": ("the hub's loop", "the worker is driven a step at a time, as its blocking loop does it"),
    "network_latency": ("time on the wire", "a message is there the instant it is sent"),
    "running_time": (
        "how long a task's code takes",
        "only time.sleep takes virtual time; of two that sleep at once the later wakes first",
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
