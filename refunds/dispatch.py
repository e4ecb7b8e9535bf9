"""Messages by task name, published once the transaction has committed.

Operations name their tasks instead of importing them, so that tasks may import operations.
"""

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)

PLAN_SWEEP = "refunds.plan_sweep"
DECIDE_CHUNK = "refunds.decide_chunk"
PAY_REFUND = "refunds.pay_refund"
PAY_REFUNDS = "refunds.pay_refunds"
LOOK_UP_REFUND = "refunds.look_up_refund"
NOTIFY_CUSTOMER = "refunds.notify_customer"


def on_commit(
    name: str,
    messages: Iterable[Mapping[str, Any]],
    *,
    expires: datetime | None = None,
    gap: timedelta = timedelta(0),
) -> None:
    """Publish one message per mapping of keyword arguments to the task `name`, after the commit.

    With a `gap` each message is to run so long after the one before it, the first at once.

    A broker that does not answer costs no row and no click: the failure is logged, and the reconciler sends again what
    the rows say is undone.
    """
    kwargs = list(messages)
    if kwargs:
        transaction.on_commit(partial(_publish, name, kwargs, expires, gap))


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


def _publish(name: str, messages: list[Mapping[str, Any]], expires: datetime | None, gap: timedelta) -> None:
    options: dict[str, Any] = {} if expires is None else {"expires": expires}
    # A registered task, not send_task, which eager mode passes by.
    task = current_app.tasks[name]
    sent = 0
    try:
        with current_app.producer_or_acquire() as producer:
            for kwargs in messages:
                if gap:  # a countdown of 0 is none to Celery: the first carries no ETA, which a worker would hold
                    options["countdown"] = (gap * sent).total_seconds()
                task.apply_async(kwargs=dict(kwargs), producer=producer, **options)
                sent += 1
    except OperationalError:
        logger.exception("%s: sent %d of %d messages; the reconciler sends the rest", name, sent, len(messages))
