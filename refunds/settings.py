"""Define the settings of the core: the payment provider, currencies, and Celery's options, schedule and queues.

A project imports all of them with `*`. What else it must set depends on the project: `python -m refunds copy` prints
INSTALLED_APPS, the broker, the options of SQLite, the rooms' URLs and the Celery app.

A project with rooms also merges `TASK_ROUTES` and `BEAT_SCHEDULE` of each room's `settings.py`. It passes the names in
all `TASK_QUEUES` to `queues`, which makes `CELERY_TASK_QUEUES`.
"""

from collections.abc import Iterable
from typing import Any

from kombu import Exchange, Queue

from . import outbox
from .domain import cutoff
from .schedule import beat_schedule


def gettext_noop(text: str) -> str:
    """Mark a label for translation. Django's function of this name needs settings that are loaded."""
    return text


# The payment provider: a dotted path to a gateways.Gateway, or one of the short names in gateways.
REFUNDS_GATEWAY = "wallet"
# The currencies that the project accepts, as codes of ISO 4217; domain.money has their decimals. Stored rows in
# another currency are still decided, paid and shown.
REFUNDS_CURRENCIES: tuple[str, ...] = ("CHF", "CZK", "EUR", "GBP", "JPY", "KWD", "PLN", "UAH", "USD")
# Why a request is declined: codes of at most 32 characters, and what pages call them. Rows keep the code. Users choose
# any but `cutoff`, which is that of the decline at the cutoff. Pages look for a translation of each label.
REFUNDS_DECLINE_CODES = {
    "used": gettext_noop("worn or used"),
    "damaged": gettext_noop("damaged by the customer"),
    "incomplete": gettext_noop("parts are missing"),
    "late": gettext_noop("sent back after the return period"),
    "other": gettext_noop("another reason, in the note"),
    "cutoff": gettext_noop("not approved before the cutoff"),
}
# Seconds from an approval to its first payment, in which an operator can stop it: 0 to 900. A worker holds the message
# for so long, and RabbitMQ takes back a message that is held for 30 minutes.
REFUNDS_HOLD = 0
# On RabbitMQ: `classic`, or `quorum`, which keeps messages on several machines. Other brokers ignore `classic`.
REFUNDS_QUEUE_TYPE = "classic"

# Unpickling a message would run the code of anyone who reaches the broker.
CELERY_TASK_SERIALIZER = "json"
CELERY_RESULT_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_RESULT_ACCEPT_CONTENT = ["json"]

# A worker that dies leaves its message to another worker; every task here can run twice.
CELERY_TASK_ACKS_LATE = True
# A child holds only the message that it runs, because it acknowledges late: other workers can take the rest.
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# Seconds: a chunk takes well under one. The broker sends a message again after its visibility timeout (3,600).
CELERY_TASK_SOFT_TIME_LIMIT = 60
CELERY_TASK_TIME_LIMIT = 90
# Nobody reads the results of these tasks.
CELERY_TASK_IGNORE_RESULT = True
# A worker that starts before its broker waits for it.
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# RabbitMQ confirms each message before Celery counts it as sent. Without this, a closing connection can lose a message,
# and the reconciler sends it again after a minute or more. Other brokers ignore the option.
CELERY_BROKER_TRANSPORT_OPTIONS = {"confirm_publish": True}

# Without this, Celery takes Django's TIME_ZONE or UTC, and beat declines at the cutoff's time of day there.
CELERY_TIMEZONE = cutoff.ZONE.key
BEAT_SCHEDULE = CELERY_BEAT_SCHEDULE = beat_schedule()
# Entries. After a kill, beat repeats what it sent since it last wrote its schedule file: write it after each entry.
CELERY_BEAT_SYNC_EVERY = 1

# One queue for each kind of work that can pile up without delaying the others. Rooms have more, such as `mail`.
TASK_QUEUES = ["decisions", "payments", "reconciling"]
TASK_ROUTES = CELERY_TASK_ROUTES = {
    outbox.PLAN_SWEEP: {"queue": "decisions"},
    outbox.DECIDE_CHUNK: {"queue": "decisions"},
    outbox.DECLINE_PENDING: {"queue": "decisions"},
    outbox.PAY_REFUND: {"queue": "payments"},
    outbox.PAY_REFUNDS: {"queue": "payments"},
    outbox.RECONCILE: {"queue": "reconciling"},
}
CELERY_TASK_DEFAULT_QUEUE = "decisions"
# A mistyped queue name is an error, instead of a queue that no worker reads.
CELERY_TASK_CREATE_MISSING_QUEUES = False


def queues(names: Iterable[str], kind: str) -> list[Any]:
    """Return the Celery queues of these names; `kind` is `classic` or `quorum`.

    On a direct exchange, Celery publishes straight to the queue. It needs no binding, which a flushed Redis loses.
    Quorum queues need a topic exchange: Celery does not bind RabbitMQ's delayed delivery to a direct one.
    Without a routing key of its own, Celery would bind a queue by the default queue's key.
    """
    exchange = Exchange("returns", type="topic" if kind == "quorum" else "direct")
    return [Queue(name, exchange, routing_key=name, queue_arguments={"x-queue-type": kind}) for name in names]


CELERY_TASK_QUEUES = queues(TASK_QUEUES, REFUNDS_QUEUE_TYPE)
