"""Messages by task name, published once the transaction has committed.

Operations name their tasks instead of importing them, so that tasks can import operations.
"""

import logging
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Final

from amqp.exceptions import NotFound
from celery import current_app
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from kombu.exceptions import OperationalError
from kombu.transport import virtual

from .apps import LABEL

logger = logging.getLogger(__name__)

DECLINE_PENDING: Final = f"{LABEL}.decline_pending"
PLAN_SWEEP: Final = f"{LABEL}.plan_sweep"
DECIDE_CHUNK: Final = f"{LABEL}.decide_chunk"
PAY_REFUND: Final = f"{LABEL}.pay_refund"
PAY_REFUNDS: Final = f"{LABEL}.pay_refunds"
RECONCILE: Final = f"{LABEL}.reconcile"


def on_commit(name: str, messages: Iterable[Mapping[str, Any]], **options: Any) -> None:
    """Publish one message per mapping of keyword arguments to the task `name`, after the commit.

    `options` are those of Celery's apply_async, such as `expires`.
    If the broker does not answer, transaction and page succeed, the error is logged, and the reconciler sends messages.
    """
    kwargs = list(messages)
    if kwargs:
        transaction.on_commit(partial(_publish, name, kwargs, options))


def queued(*names: str) -> int:
    """Count the messages that no worker has taken yet, in the queues of the tasks `names`. A missing queue has none.

    Raises kombu's OperationalError where the broker does not answer, ImproperlyConfigured where it cannot count.
    """
    route = current_app.amqp.router.route
    queues = {route({}, name)["queue"].name for name in names}
    with current_app.producer_or_acquire() as producer:
        # Retry, as publishing does: a kept connection can have ended since its last use.
        count = producer.connection.ensure(producer, _count, **current_app.conf.task_publish_retry_policy)
        return sum(count(producer.connection, queue) for queue in queues)


def _count(connection: Any, queue: str) -> int:
    channel = connection.default_channel
    if isinstance(channel, virtual.Channel):
        # A transport that does not count inherits kombu's method, whose 0 would look like a lost queue.
        if type(channel)._size is virtual.Channel._size:
            raise ImproperlyConfigured(
                f"CELERY_BROKER_URL: the transport {connection.transport.driver_name!r} does not count the messages "
                "of a queue, so the reconciler cannot tell lost messages from waiting ones; use Redis or RabbitMQ"
            )
        # Not passive: kombu 5.7 then looks for Redis' key without its prefix. This call creates nothing.
        return int(channel.queue_declare(queue).message_count)
    with connection.channel() as own:  # RabbitMQ closes the channel that asks for a queue that does not exist
        try:
            return int(own.queue_declare(queue, passive=True).message_count)
        except NotFound:
            return 0


def _publish(name: str, messages: list[Mapping[str, Any]], options: Mapping[str, Any]) -> None:
    task = current_app.tasks[name]  # not send_task, which bypasses eager mode
    sent = 0
    try:
        with current_app.producer_or_acquire() as producer:
            for kwargs in messages:
                task.apply_async(kwargs=dict(kwargs), producer=producer, **options)
                sent += 1
    except OperationalError as error:  # no traceback: that of a refused connection adds nothing
        logger.error("%s: sent %d of %d messages (%s); the reconciler sends the rest", name, sent, len(messages), error)
