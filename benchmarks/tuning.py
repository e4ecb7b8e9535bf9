"""What each of Celery's settings is worth here: small tasks and chunks, with one setting changed at a time.

A small task pays one refund, as a payer that is called for each refund wants it, but by the wallet, so that nothing but
ours and the database is waited for. The worker is a process, warm, on Redis and PostgreSQL.
"""

import json
import os
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from statistics import median
from typing import Any

from refunds.outbox import PAY_REFUND, PAY_REFUNDS

from . import servers
from .measure import Real
from .messages import send, warm
from .paying import OWE, SPAN
from .processes import worker
from .report import Figure, Table
from .run import Options, prepare
from .sessions import ask, connect, transaction
from .stage import Postgres

# Small tasks of a run, and refunds that are paid in spans.
TASKS, ROWS = 2_000, 100_000
PENDING = "SELECT 1 FROM refunds_refund WHERE status = 'pending'"


@dataclass(frozen=True)
class Tuning:
    """Options of the worker's command line, and Django settings."""

    name: str
    options: Sequence[str] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)


OURS = Tuning("as it stands")
TUNINGS = (
    OURS,
    Tuning("a connection for each task", settings={"CELERY_DB_REUSE_MAX": 0}),
    Tuning("four messages held, not one", ("--prefetch-multiplier", "4")),
    Tuning("acknowledged early", settings={"CELERY_TASK_ACKS_LATE": False}),
    Tuning("results kept", settings={"CELERY_TASK_IGNORE_RESULT": False}),
    Tuning("events sent", ("--task-events",)),
    Tuning("no gossip, mingle, heartbeat", ("--without-gossip", "--without-mingle", "--without-heartbeat")),
    Tuning("pool of threads", ("--pool", "threads")),
    Tuning("no pool (solo)", ("--pool", "solo")),
    Tuning("every task logged", ("--loglevel", "info")),
    Tuning("two worker processes", ("--concurrency", "2")),
)


def measure(options: Options) -> Iterator[Table]:
    """A table for small tasks and one for spans. Raises Skipped without PostgreSQL or Redis."""
    prepare()
    place, rows = Postgres(), options.rows or ROWS
    for title, task, size, step in (
        ("One refund a task", PAY_REFUND, min(TASKS, rows), 1),
        (f"{SPAN:,} refunds a task", PAY_REFUNDS, rows, SPAN),
    ):
        first, now = options.decided + 1, datetime.now(UTC)
        spans = [(at, min(at + step - 1, first + size - 1)) for at in range(first, first + size, step)]
        messages = [{"refund_id": at} if step == 1 else {"first_id": at, "last_id": end} for at, end in spans]
        found: dict[str, list[float]] = defaultdict(list)
        with ExitStack() as stack:
            broker = stack.enter_context(servers.redis())
            stocked = stack.enter_context(place.stocked("stock", options.decided, now))
            owed = stack.enter_context(place.pending(stocked, "owed", first, size, now))
            transaction(place.url(owed), OWE, now, first)
            for _ in range(options.rounds):
                for tuning in TUNINGS:
                    with place.copied(owed, "run") as url:
                        found[tuning.name].append(_run(url, broker, tuning, task, messages))
        yield Table(f"{title}: {size:,} refunds, one worker process", _figures(found, len(spans)))


def _figures(found: Mapping[str, Sequence[float]], tasks: int) -> list[Figure]:
    return [
        Figure(
            name,
            seconds,
            () if name == OURS.name else found[OURS.name],
            more={"tasks/s": f"{tasks / median(seconds):,.0f}"},
        )
        for name, seconds in found.items()
    ]


def _run(url: str, broker: str, tuning: Tuning, task: str, messages: Sequence[Mapping[str, int]]) -> float:
    """Seconds from the first message to the last paid refund."""
    environment = os.environ | {
        "DATABASE_URL": url,
        "CELERY_BROKER_URL": broker,
        "CELERY_RESULT_BACKEND": broker,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "REFUNDS_BENCH_TUNED": json.dumps(tuning.settings),
    }
    session = connect(url)
    try:
        with worker(environment, 1, "payments", options=tuning.options) as running:
            warm(broker, running, 2, PAY_REFUNDS, {"first_id": 2**62, "last_id": 2**62})
            began = Real.clock()
            send(broker, task, messages)
            sent = Real.clock() - began
            # The last first, by its key: a look for any would read what the index holds of all that are paid already.
            last = max(message.get("last_id") or message["refund_id"] for message in messages)
            alone = running.wait(lambda: not ask(session, f"{PENDING} AND request_id = {last}"))
            return sent + alone + running.wait(lambda: not ask(session, f"{PENDING} LIMIT 1"))
    finally:
        session.close()
