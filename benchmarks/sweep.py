"""Approve-all from the press to the last paid refund, in one worker, and the same writes as raw statements."""

import shutil
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

from celery.signals import task_postrun, task_prerun
from django.db import connection, connections, transaction

from celery_app import app
from refunds import dispatch, store
from refunds.demo import scratch_database
from refunds.domain import sweeps as rules
from refunds.domain.refunds import RefundStatus
from refunds.models import Refund, Sweep
from refunds.operations import sweeps
from refunds.testkit import VirtualCelery

from .measure import Real
from .rows import fill

# 15:00 in Kyiv on an ordinary day.
AT = datetime(2026, 11, 4, 13, 0, tzinfo=UTC)

# The writes of a sweep and of the wallet, each for all rows at once. `{at}` is the instant, `{sweep}` the sweep's id.
RAW_DECIDING = (
    """UPDATE refunds_returnrequest SET status = 'approved', decided_at = '{at}', sweep_id = {sweep}, owed_id = id
    WHERE status = 'requested'""",
    """INSERT INTO refunds_refund (request_id, amount_minor, currency, status, created_at, attempts, due_at,
    dispatched_at, receipt, failure) SELECT id, amount_minor, currency, 'pending', '{at}', 0, '{at}', '{at}', '', ''
    FROM refunds_returnrequest WHERE status = 'approved'""",
)
RAW_PAYING = (
    """INSERT INTO refunds_walletentry (refund_id, customer, amount_minor, currency)
    SELECT refund.request_id, request.customer, refund.amount_minor, refund.currency FROM refunds_refund refund
    JOIN refunds_returnrequest request ON request.id = refund.request_id WHERE refund.status = 'pending'""",
    """UPDATE refunds_refund SET status = 'succeeded', receipt = 'wallet:' || request_id, settled_at = '{at}',
    attempts = attempts + 1, first_attempt_at = '{at}' WHERE status = 'pending'""",
)


@dataclass(frozen=True)
class Run:
    """Seconds: spent on deciding, on its longest transaction, on paying, and from the press to the last paid refund."""

    deciding: float
    longest: float
    paying: float
    whole: float


def measure(count: int, chunk_rows: Sequence[int], rounds: int) -> dict[str, list[Run]]:
    """So many rounds of approve-all of `count` rows with each size of chunks and raw, by turns, on equal copies.

    Keyed by the size of chunks, or "raw".
    """
    found: dict[str, list[Run]] = defaultdict(list)
    with scratch_database():
        fill(count, AT)
        file = Path(connection.settings_dict["NAME"])
        connection.close()  # the last connection leaves no write-ahead log behind
        template = file.with_suffix(".template")
        shutil.copy(file, template)
        for _ in range(rounds):
            for size in (*chunk_rows, None):
                connection.close()
                shutil.copy(template, file)
                found["raw" if size is None else f"{size:,}"].append(raw() if size is None else approve_all(size))
                if (paid := Refund.objects.filter(status=RefundStatus.SUCCEEDED).count()) != count:
                    raise RuntimeError(f"{paid:,} of {count:,} refunds were paid: what was measured is not approve-all")
    return found


def approve_all(chunk_rows: int = rules.CHUNK_ROWS) -> Run:
    """Press the button and let one real worker, on an in-memory broker, do all that follows."""
    with (
        mock.patch.object(rules, "CHUNK_ROWS", chunk_rows),
        VirtualCelery(app, start=AT, beats=0) as celery,
        _timed_tasks() as spent,
    ):
        began = Real.clock()
        sweeps.start_approve(key="benchmark", up_to_id=store.highest_id(), by=None, now=AT)
        celery.run_until_idle()
        whole = Real.clock() - began
    chunks = spent[dispatch.DECIDE_CHUNK]
    return Run(sum(spent[dispatch.PLAN_SWEEP]) + sum(chunks), max(chunks), sum(spent[dispatch.PAY_REFUNDS]), whole)


def raw() -> Run:
    """The same writes by two statements and two, over the same connection."""
    sweep = Sweep.objects.create(
        kind="approve", key="raw", up_to_id=0, received_from=AT, lapses_at=AT, started_at=AT, dispatched_at=AT
    )
    began = Real.clock()
    _execute(RAW_DECIDING, sweep)
    decided = Real.clock()
    _execute(RAW_PAYING, sweep)
    ended = Real.clock()
    return Run(decided - began, decided - began, ended - decided, ended - began)


def _execute(statements: Sequence[str], sweep: Sweep) -> None:
    at = connections["default"].ops.adapt_datetimefield_value(AT)
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement.format(at=at, sweep=sweep.pk))


@contextmanager
def _timed_tasks() -> Iterator[dict[str, list[float]]]:
    """Real seconds that each task ran, by their names."""
    spent: dict[str, list[float]] = defaultdict(list)
    began: dict[str, float] = {}

    def start(task_id: str, **_: Any) -> None:
        began[task_id] = Real.clock()

    def end(task_id: str, task: Any, **_: Any) -> None:
        spent[task.name].append(Real.clock() - began.pop(task_id))

    task_prerun.connect(start, weak=False)
    task_postrun.connect(end, weak=False)
    try:
        yield spent
    finally:
        task_prerun.disconnect(start)
        task_postrun.disconnect(end)
