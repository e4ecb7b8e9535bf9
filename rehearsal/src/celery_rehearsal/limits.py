"""What the kit does not simulate. Asking for it raises NotSimulatedError, or warns, with the reason given here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import BadUseError, NotSimulatedError

if TYPE_CHECKING:
    from collections.abc import Iterable

# A name, what it is, and why it is not there. An argument of VirtualCelery with one of these names is refused; each
# NotSimulatedError and NotSimulatedWarning says the name of its row.
NOT_SIMULATED = {
    "pool": ("threads, gevent, eventlet and pools of one's own", "only prefork and solo are; pool= chooses one"),
    "autoscale": ("growing and shrinking pools", "a pool keeps the size that it has at the start"),
    "solo_time_limits": ("time limits in a solo worker", "Celery's solo pool has none either"),
    "max_memory_per_child": ("memory limits", "children are greenlets in one process, which has one memory"),
    "pool_start_method": ("children that import their modules again", "all children share the modules of one process"),
    "cold_shutdown": (
        "cold and soft shutdowns: SIGQUIT, REMAP_SIGTERM, worker_soft_shutdown_timeout",
        "stop_worker() is a SIGTERM, which waits for what runs; kill_worker() is a SIGKILL",
    ),
    "embedded_beat": ("a beat inside a worker (-B)", "start a beat of its own, as Celery's documentation advises"),
    "app_not_current": (
        "a beat of an app made with set_as_current=False, in that app's zone",
        "in production too, beat asks the current app; leave the argument out, or call the app's set_current()",
    ),
    "gossip": ("gossip between workers", "it is switched off, as with --without-gossip"),
    "mingle": ("mingling at start", "it is switched off, as with --without-mingle"),
    "pool_restart": (
        "restarts of the pool by remote control: worker_pool_restarts",
        "children import no modules again; stop_worker() and start_worker() restart the worker",
    ),
    "beat_remote_control": ("a beat that answers remote control", "workers alone do; next_at() and the timeline tell"),
    "statedb": ("revoked ids kept over a restart", "a worker starts with none"),
    "eventloop": ("the hub's loop, and a timer of the app's own", "a worker is driven a step at a time by the clock"),
    "signals": (
        "alarm, setitimer, sigwait and pause in a task",
        "a signal comes to the whole process and in real time; time limits are simulated",
    ),
    "measured_time": (
        "how long code computes",
        "only waiting and running_time= take virtual time; the clock stands still while code runs",
    ),
    "broker": (
        "brokers other than Redis and RabbitMQ",
        "each redelivers by rules of its own, as SQS after its visibility timeout; transport= chooses one of the two",
    ),
    "two_brokers": (
        "reading from Redis and writing to AMQP or to another Redis, and vice versa",
        "an app has one broker; choose by transport=",
    ),
    "redis_options": ("transport options that kombu's Redis channel has since", "this kombu is newer than the kit"),
    "amqp_features": (
        "dead letters, lengths and other x-arguments; headers exchanges, alternate exchanges",
        '"memory" knows x-max-priority, x-message-ttl and x-expires, and direct, topic and fanout exchanges',
    ),
    "consumer_timeout": (
        "RabbitMQ's limit of 30 minutes for an unacked message, beyond which it ends the worker's channel",
        "servers differ in it; such a message, as one with a longer countdown, warns once in a cluster",
    ),
    "quorum_queues": (
        "quorum queues and native delayed delivery",
        '"memory" has classic queues only; for the test, set task_default_queue_type and x-queue-type to classic',
    ),
    "heartbeat": ("heartbeats of the connection", "there is no connection that could fall silent"),
    "lose_broker": ("lose_broker() while a task runs", "lose it before or after the task, or kill the worker first"),
    "connection_loss": (
        "a connection that is lost and made again while tasks run",
        "no connection of a cluster is ever lost; kill_worker() and lose_broker() are the faults",
    ),
    "network_latency": ("time on the wire", "a message is there the instant it is sent"),
    "result_servers": (
        "results on MongoDB, DynamoDB, S3, Elasticsearch, SQL servers by SQLAlchemy and other servers",
        'only Redis and memcached have a fake: name it, as result_backend="redis://", or allow_sockets=True',
    ),
    "result_memory": (
        "another process's results on cache+memory:// or Django's cache in memory",
        'each process has its own, in production too; name the store of production, as result_backend="redis://"',
    ),
    "own_connection": (
        "a database connection of each process",
        "all share the test's; so while a task waits inside transaction.atomic(), nobody else can use it",
    ),
}


def refuse_options(options: Iterable[str]) -> None:
    """Raise for options that `VirtualCelery` does not have.

    Raises NotSimulatedError for one of the table's, BadUseError for one that nobody knows.
    """
    for option in options:
        if option in NOT_SIMULATED:
            raise NotSimulatedError(reason(option))
        raise BadUseError(f"VirtualCelery has no argument {option!r}; docs/reference.md has the table of all")


def reason(option: str) -> str:
    """Why something of the table is not simulated, as one sentence. Raises KeyError for what is no row of it."""
    what, why = NOT_SIMULATED[option]
    return f"not simulated: {what}; {why} (row {option!r} of the table in docs/limits.md)"


def refuse_quorum_queues(app: Any) -> None:
    """Raise NotSimulatedError for an app whose queues are RabbitMQ's quorum queues."""
    arguments = [queue.queue_arguments or {} for queue in app.amqp.queues.values()]
    if any(found.get("x-queue-type") == "quorum" for found in arguments):
        raise NotSimulatedError(reason("quorum_queues"))


def as_markdown() -> str:
    """The table as the docs show it."""
    rows = [f"| `{option}` | {what} | {why} |" for option, (what, why) in NOT_SIMULATED.items()]
    return "\n".join(["| name | what it is | why it is not there |", "| - | - | - |", *rows])
