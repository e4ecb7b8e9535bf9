"""The reconciler's look when there is nothing to do, and the health check, among millions of decided returns.

Each database is looked at by a process of its own: `python -m benchmarks.safety_net LOOKS`.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

from .measure import Real, Times
from .report import Figure, Skipped, Table
from .run import Options, prepare
from .stage import Postgres, Stage, sqlite

PENDING = 1_000_000
# In each round.
LOOKS = 100
# Milliseconds for a look, and for the health check.
GOAL = 5
# Closed sweeps: ten years of three a day.
SWEEPS = 10_000
NOTE = f"The median of {LOOKS} looks in each round, over an open connection; {SWEEPS:,} closed sweeps."
HOUR = timedelta(hours=1)


def measure(options: Options) -> Iterator[Table]:
    """A table for each database; without PostgreSQL its part alone is skipped."""
    with sqlite() as stage:
        yield _measure(stage, options)
    try:
        server = Postgres()
    except Skipped as reason:
        yield Table("The safety net on PostgreSQL", (), f"Skipped: {reason}")
        return
    yield _measure(server, options)


def _measure(stage: Stage, options: Options) -> Table:
    now, pending = datetime.now(UTC), options.rows or PENDING
    names = {"none": "", "some": f", {pending:,} pending"}
    found: dict[str, dict[str, list[float]]] = {name: {} for name in names}
    with ExitStack() as stack:
        stack.enter_context(stage.stocked("stock", options.decided, now))
        urls = {"none": stack.enter_context(stage.copied("stock", "none"))}
        stack.enter_context(stage.pending("stock", "some", options.decided + 1, pending, now))
        urls["some"] = stage.url("some")
        for _ in range(options.rounds):
            for name, url in urls.items():
                for what, seconds in _looked(url).items():
                    found[name].setdefault(what, []).append(Times(seconds).median * 1_000)
    figures = [
        Figure(f"{what}{names[name]}", values, unit="ms", goal=GOAL if what != "SELECT 1" else None)
        for name, kinds in found.items()
        for what, values in kinds.items()
    ]
    return Table(f"The safety net on {stage.name} among {options.decided:,} decided", figures, NOTE)


def _looked(url: str) -> dict[str, list[float]]:
    """Seconds of each look at a database, by what looks."""
    path = os.pathsep.join(filter(None, sys.path))
    command = [sys.executable, "-m", __name__, str(LOOKS)]
    environment = os.environ | {"DATABASE_URL": url, "PYTHONPATH": path}
    done = subprocess.run(command, check=True, env=environment, stdout=subprocess.PIPE, text=True)
    found: dict[str, list[float]] = json.loads(done.stdout)
    return found


def main(looks: int) -> None:
    """Look so many times, and print the seconds of each look as JSON, by what looks."""
    prepare()
    from django.db import connection
    from django.utils import timezone

    from refunds.gateways.wallet import Wallet
    from refunds.operations import health, reconcile

    wallet = Wallet()
    with connection.cursor() as cursor:
        kinds: dict[str, Callable[[], object]] = {
            "SELECT 1": lambda: cursor.execute("SELECT 1").fetchone(),
            "reconcile, nothing to do": lambda: reconcile.reconcile(timezone.now(), gateway=wallet),
            "health, all well": lambda: health.health(timezone.now()),
        }
        _make_sweeps(timezone.now())
        found = {name: _timed(act, looks, lambda: None) for name, act in kinds.items()}
        if lines := health.health(timezone.now()):
            raise RuntimeError(f"not all was well: {lines}")
        found |= _overdue(looks, wallet)
    print(json.dumps(found))


def _overdue(looks: int, wallet: Any) -> dict[str, list[float]]:
    """With a refund and a mail that nobody has touched for an hour."""
    from celery import current_app
    from django.utils import timezone

    from refunds.models import Refund
    from refunds.notices.models import Notice
    from refunds.operations import health, reconcile

    late = timezone.now() - HOUR
    unpaid, late_notice = Refund.objects.order_by("pk").values_list("pk", flat=True)[:2]
    Refund.objects.filter(pk=late_notice).update(settled_at=late)
    Notice.objects.create(request_id=late_notice, status="pending", due_at=late)

    def forget() -> None:
        # A message that still waits is counted, and then nothing is sent again.
        with current_app.connection_for_write() as broker:
            for queue in current_app.amqp.queues.values():
                queue(broker.default_channel).purge()
        Refund.objects.filter(pk=unpaid).update(
            status="pending", due_at=late, dispatched_at=late, settled_at=None, receipt=""
        )

    def send() -> None:
        if reconcile.reconcile(timezone.now(), gateway=wallet)["refunds"] != 1:
            raise RuntimeError("the overdue refund was not found")

    forget()
    if len(lines := health.health(timezone.now())) != len((unpaid, late_notice)):
        raise RuntimeError(f"not only one refund and one mail were overdue: {lines}")
    found = {
        "health, a refund and a mail overdue": _timed(lambda: health.health(timezone.now()), looks, lambda: None),
        "reconcile, a refund sent again": _timed(send, looks, forget),
    }
    # As it was, for the next round.
    Refund.objects.filter(pk=unpaid).update(status="succeeded", settled_at=late, receipt=f"wallet:{unpaid}")
    Notice.objects.filter(pk=late_notice).delete()
    return found


def _timed(act: Callable[[], object], looks: int, before: Callable[[], None]) -> list[float]:
    seconds = []
    for _ in range(looks + 1):
        before()
        began = Real.clock()
        act()
        seconds.append(Real.clock() - began)
    return seconds[1:]  # the first one warms up


def _make_sweeps(now: datetime) -> None:
    """Closed ones of years before, and that of the last cut-off, unless they are there."""
    from refunds.domain import cutoff
    from refunds.models import Sweep

    line = cutoff.latest(now)
    if not Sweep.objects.filter(kind="decline", scheduled_for=line).exists():
        Sweep.objects.bulk_create(
            Sweep(
                kind="decline", scheduled_for=at, received_before=at, up_to_id=0, started_at=now, planned_at=now,
                closed_at=now, left=0, dispatched_at=now,
            )
            for at in (line - timedelta(days=number) for number in range(SWEEPS))
        )  # fmt: skip


if __name__ == "__main__":
    main(int(sys.argv[1]))
