"""Messages by task name, published once the transaction has committed.

Operations name their tasks instead of importing them, so that tasks may import operations.
"""

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from amqp.exceptions import NotFound
from celery import current_app
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from kombu.exceptions import OperationalError
from kombu.transport import virtual

logger = logging.getLogger(__name__)

PLAN_SWEEP = "refunds.plan_sweep"
DECIDE_CHUNK = "refunds.decide_chunk"
PAY_REFUND = "refunds.pay_refund"
PAY_REFUNDS = "refunds.pay_refunds"
NOTIFY_CUSTOMER = "refunds.notify_customer"


def on_commit(
    name: str,
    messages: Iterable[Mapping[str, Any]],
    *,
    expires: datetime | None = None,
) -> None:
    """Publish one message per mapping of keyword arguments to the task `name`, after the commit.

    A broker that does not answer costs no row and no click: the failure is logged, and the reconciler sends again what
    the rows say is undone.
    """
    kwargs = list(messages)
    if kwargs:
        transaction.on_commit(partial(_publish, name, kwargs, expires))


def load() -> None:
    """Load what sending takes, which is most of the time of a process's first message. Connects to nothing.

    Whatever is wrong with the broker's settings is logged: a page can be shown without one.
    """
    try:
        # Each is made when it is first asked for: tasks, queues, where results and events would go.
        _ = current_app.tasks, current_app.amqp.queues, current_app.backend, current_app.events.Dispatcher
        with current_app.connection_for_write() as connection:
            _ = connection.transport
    except Exception:  # an unknown transport, a missing package: each has errors of its own
        logger.exception("nothing is loaded to send by; the first message will say what is wrong")


def ready(*names: str) -> int:
    """Count the messages that no worker has taken yet, in the queues of the tasks `names`. A missing queue has none.

    Raises kombu's OperationalError where the broker does not answer, ImproperlyConfigured where it cannot count.
    """
    route = current_app.amqp.router.route
    queues = {queue.name: queue for queue in (route({}, name)["queue"] for name in names)}
    with current_app.producer_or_acquire() as producer:
        # As publishing does: a kept connection may have ended since it was last used.
        count = producer.connection.ensure(producer, _count, **current_app.conf.task_publish_retry_policy)
        return sum(count(producer.connection, queue) for queue in queues.values())


def _count(connection: Any, queue: Any) -> int:
    channel = connection.default_channel
    if isinstance(channel, virtual.Channel):
        # kombu answers 0 for a transport that does not count, which would be taken for a lost queue.
        if type(channel)._size is virtual.Channel._size:
            raise ImproperlyConfigured(
                f"CELERY_BROKER_URL: the transport {connection.transport.driver_name!r} does not count the messages "
                "of a queue, so the reconciler cannot tell lost messages from waiting ones; use Redis or RabbitMQ"
            )
        # Not passive: kombu 5.7 then looks for Redis' key without its prefix. Nothing is made by it.
        return int(channel.queue_declare(queue.name).message_count)
    with connection.channel() as own:  # RabbitMQ closes the channel that asks for a queue that does not exist
        try:
            return int(own.queue_declare(queue.name, passive=True).message_count)
        except NotFound:
            return 0


def _publish(name: str, messages: list[Mapping[str, Any]], expires: datetime | None) -> None:
    options: dict[str, Any] = {} if expires is None else {"expires": expires}
    # A registered task, not send_task, which eager mode passes by.
    task = current_app.tasks[name]
    sent = 0
    try:
        with current_app.producer_or_acquire() as producer:
            for kwargs in messages:
                task.apply_async(kwargs=dict(kwargs), producer=producer, **options)
                sent += 1
    except OperationalError as error:
        # One line: a traceback of a refused connection tells nobody more, and a command's output ends with this.
        logger.error("%s: sent %d of %d messages (%s); the reconciler sends the rest", name, sent, len(messages), error)
