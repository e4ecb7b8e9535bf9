"""Wallet refunds paid by a worker, compared with the statements alone, and what is added to a call to Stripe.

The refunds are owed among decided returns, on equal copies for each turn. The worker is a process, warm, on Redis; its
time is from the first message to the last committed refund. Raw are the same writes in one transaction.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from statistics import median
from typing import TYPE_CHECKING

from refunds.outbox import PAY_REFUNDS

from . import servers, stage
from .measure import Real
from .messages import send, warm
from .processes import worker
from .report import Figure, Skipped, Table
from .run import prepare
from .sessions import ask, ask_once, connect, transaction

if TYPE_CHECKING:
    from .run import Options

ROWS = 100_000
# Rows of a message, as a chunk has them.
SPAN = 5_000
# What makes pending returns approved ones whose refunds are due; `{first}` is the id of the first.
OWE = (
    """UPDATE refunds_returnrequest SET status = 'approved', decided_at = '{at}', sweep_id = 1, own_refund_id = id
    WHERE status = 'requested'""",
    """INSERT INTO refunds_refund (request_id, amount_minor, currency, status, created_at, attempts, due_at,
    dispatched_at, receipt, failure) SELECT id, amount_minor, currency, 'pending', '{at}', 0, '{at}', '{at}', '', ''
    FROM refunds_returnrequest WHERE status = 'approved' AND id >= {first}""",
)
PAY = (
    """INSERT INTO refunds_walletentry (refund_id, customer, amount_minor, currency)
    SELECT refund.request_id, request.customer, refund.amount_minor, refund.currency FROM refunds_refund refund
    JOIN refunds_returnrequest request ON request.id = refund.request_id WHERE refund.status = 'pending'""",
    """UPDATE refunds_refund SET status = 'succeeded', receipt = 'wallet:' || request_id, settled_at = '{at}',
    attempts = attempts + 1, first_attempt_at = '{at}' WHERE status = 'pending'""",
)
# The same in one statement, which SQLite has no way to say.
PAY_AT_ONCE = """WITH paid AS (UPDATE refunds_refund SET status = 'succeeded', receipt = 'wallet:' || request_id,
    settled_at = '{at}', attempts = attempts + 1, first_attempt_at = '{at}' WHERE status = 'pending'
    RETURNING request_id, amount_minor, currency)
    INSERT INTO refunds_walletentry (refund_id, customer, amount_minor, currency)
    SELECT paid.request_id, request.customer, paid.amount_minor, paid.currency FROM paid
    JOIN refunds_returnrequest request ON request.id = paid.request_id"""
TWO_STATEMENTS, ONE_STATEMENT = "two statements", "one statement"
# What a worker may take of the statements' time.
GOAL_ALONE, GOAL_OF_TWO = 1.15, 0.85

Run = Callable[[str], float]


def measure(options: "Options") -> Iterator[Table]:
    """A table for each database, and one for Stripe; a part whose server is missing says so."""
    prepare()
    for name, opened in stage.PLACES.items():
        title = f"{options.rows or ROWS:,} refunds of the wallet on {name}, among {options.decided:,} decided"
        try:
            with servers.redis() as broker, opened() as place:
                yield Table(title, _figures(place, broker, options))
        except Skipped as reason:
            yield Table(title, [], f"Skipped: {reason}")
    from .pay_refund import added

    yield added(options)


def _figures(place: stage.Stage, broker: str, options: "Options") -> list[Figure]:
    rows, now = options.rows or ROWS, datetime.now(UTC)
    first, last = options.decided + 1, options.decided + rows
    runs: dict[str, Run] = {TWO_STATEMENTS: lambda url: transaction(url, PAY, now)}
    if place.name == "PostgreSQL":
        runs[ONE_STATEMENT] = lambda url: transaction(url, (PAY_AT_ONCE,), now)
    for children in (1, 2):
        runs[f"worker of {children}"] = lambda url, children=children: _worked(url, broker, children, first, last)  # type: ignore[misc]  # a default binds the loop's value
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    with ExitStack() as stack:
        stocked = stack.enter_context(place.stocked("stock", options.decided, now))
        owed = stack.enter_context(place.pending(stocked, "owed", first, rows, now))
        transaction(place.url(owed), OWE, now, first)
        ask_once(place.url(owed), "VACUUM ANALYZE" if place.name == "PostgreSQL" else "ANALYZE")
        for _ in range(options.rounds):
            for name, run in runs.items():
                with place.copied(owed, "run") as url:
                    seconds[name].append(run(url))
                    _check(url, first, rows)
    raw = min(
        (name for name in runs if name in (TWO_STATEMENTS, ONE_STATEMENT)), key=lambda name: median(seconds[name])
    )
    goals = {"worker of 1": GOAL_ALONE} | ({"worker of 2": GOAL_OF_TWO} if place.name == "PostgreSQL" else {})
    return [
        Figure(name, found, () if name == raw else seconds[raw], goal=goals.get(name))
        for name, found in seconds.items()
    ]


def _worked(url: str, broker: str, children: int, first: int, last: int) -> float:
    """Seconds in which a worker pays all refunds of the range."""
    environment = os.environ | {
        "DATABASE_URL": url,
        "CELERY_BROKER_URL": broker,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    session = connect(url)
    try:
        with worker(environment, children, "payments") as running:
            warm(broker, running, children, PAY_REFUNDS, {"first_id": 2**62, "last_id": 2**62})
            id_ranges = [(start, min(start + SPAN - 1, last)) for start in range(first, last + 1, SPAN)]
            began = Real.clock()
            send(broker, PAY_REFUNDS, [{"first_id": start, "last_id": end} for start, end in id_ranges])
            for _, end in id_ranges:
                running.wait(lambda end=end: not ask(session, _is_pending(end)))  # type: ignore[misc]  # a default binds the loop's value
            return Real.clock() - began
    finally:
        session.close()


def _is_pending(refund_id: int) -> str:
    """Whether the range that ends with it is unpaid, as a look by the key, which costs the database next to nothing."""
    return f"SELECT 1 FROM refunds_refund WHERE request_id = {refund_id} AND status = 'pending'"


def _check(url: str, first: int, rows: int) -> None:
    """Raises RuntimeError where not each of the refunds has its entry."""
    paid = ask_once(url, f"SELECT count(*) FROM refunds_walletentry WHERE refund_id >= {first}")
    if paid != (rows,):
        raise RuntimeError(f"{paid} of {rows:,} refunds were paid: what was measured is not that")
