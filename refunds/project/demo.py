"""Run a day of returns in virtual time: the app's beat, worker and tasks, on a temporary database, in seconds."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from celery import Celery
from celery_rehearsal import Timeline, VirtualCelery
from django.core.management import call_command
from django.db import connections
from django.test.utils import override_settings

from ..domain import cutoff
from ..domain.refunds import RefundStatus
from ..domain.returns import DECIDED, Decision, Status
from ..frozen import freeze
from ..importing import importer
from ..importing.files import Rejection, Return, Row
from ..management import audit
from ..models import Sweep
from ..operations import button, sweeps
from .environment import database

# A Sunday on which Europe's clocks go forward: beat makes most of its mistakes on such days.
DAY: Final = date(2026, 3, 29)
# Minutes from the cutoff to the begin of the day, the press of the button, and the end of the day.
OPENS: Final = timedelta(minutes=-60)
PRESSED: Final = timedelta(minutes=-2)
CLOSES: Final = timedelta(minutes=30)
# When rows arrive, relative to the cutoff, and how many of a hundred: most before the button, some between it and the
# cutoff, a few after.
ARRIVALS: Final = (
    *((timedelta(minutes=minute), 15) for minute in (-55, -45, -35, -25, -15, -3)),
    (timedelta(seconds=-90), 4),
    (timedelta(seconds=-1), 4),
    (timedelta(0), 1),
    (timedelta(minutes=10), 1),
)
ROWS: Final = 1_000


@dataclass(frozen=True)
class Swept:
    """Describe a sweep of the day: which state it gave to how many requests, and when it started."""

    status: Status
    count: int
    at: datetime


@dataclass(frozen=True)
class Day:
    """Record a day: how many rows arrived at each instant, the sweeps, the audit at the end, and every message."""

    pressed: datetime
    cutoff: datetime
    arrivals: list[tuple[datetime, int]]
    sweeps: list[Swept]
    audit: audit.Audit
    problems: list[str]
    timeline: Timeline

    def arrived(self, *, since: datetime | None = None, before: datetime | None = None) -> int:
        """Count the rows that arrived at `since` or later, and before `before`."""
        return sum(
            rows for at, rows in self.arrivals if (since is None or at >= since) and (before is None or at < before)
        )


def invented(count: int = ROWS, seed: int = 0) -> list[Row]:
    """Return made-up return requests, the same for the same seed."""
    draw = random.Random(seed)  # noqa: S311  # goods and prices, not secrets
    goods = ("kettle, too loud", "scarf, wrong colour", "lamp, arrived broken", "boots, too small", "book, read it")
    return [
        Row(
            line=number,
            key=f"demo-{seed}-{number}",
            content=Return(
                order_line=f"{10_000 + number // 2}/{number % 2 + 1}",
                quantity=draw.randint(1, 3),
                amount_minor=draw.randint(199, 25_000),
                currency=draw.choice(("EUR", "GBP", "UAH")),
                reason=draw.choice(goods),
                customer=f"c-{draw.randint(1, count)}",
                customer_email="",
                requested_at=datetime(2026, 1, 1, tzinfo=UTC),
            ),
        )
        for number in range(1, count + 1)
    ]


def run_day(app: Celery, rows: Sequence[Row], day: date = DAY) -> Day:
    """Run a day around the cutoff of `day` on the connected database, with rows that arrive all day.

    It runs one beat and one worker on an in-memory broker.
    """
    due = cutoff.on(day)
    pressed, closes = due + PRESSED, due + CLOSES
    arrivals: list[tuple[datetime, int]] = []
    # As in `serve`: a minute in which the press can be undone.
    with override_settings(REFUNDS_HOLD=60), VirtualCelery(app, start=due + OPENS, transport="memory") as celery:
        is_pressed = False
        for at, batch in _spread(rows, due):
            if at > pressed and not is_pressed:
                celery.run_until(pressed)
                _press(pressed)
                is_pressed = True
            celery.run_until(at)
            taken = [replace(row, content=replace(row.content, requested_at=at)) for row in batch]
            importer.import_rows(taken, now=at, on_rejected=_never)
            arrivals.append((at, len(taken)))
        celery.run_until(closes)
        closed = audit.run_audit()
        found = [_swept(sweep, closes) for sweep in Sweep.objects.order_by("started_at")]
    result = Day(pressed, due, arrivals, found, closed, list(closed.problems), celery.timeline)
    result.problems.extend(_surprises(result))
    return result


def _swept(sweep: Sweep, now: datetime) -> Swept:
    status = DECIDED[Decision(sweep.kind)]
    return Swept(status, sweeps.progress(sweep, now).decided, sweep.started_at)


def _press(now: datetime) -> None:
    button.start_approve(key=f"demo-{now.isoformat()}", frozen=freeze(), by=None, now=now)


def _never(rejection: Rejection) -> None:
    raise AssertionError(f"a row that the file's reader accepted is rejected: {rejection}")


def _spread(rows: Sequence[Row], due: datetime) -> Iterator[tuple[datetime, Sequence[Row]]]:
    """Split the rows, in order, into the arrivals by their percentages. The first one gets the rows from rounding."""
    start = len(rows) - sum(len(rows) * share // 100 for _, share in ARRIVALS[1:])
    yield due + ARRIVALS[0][0], rows[:start]
    for offset, share in ARRIVALS[1:]:
        end = start + len(rows) * share // 100
        yield due + offset, rows[start:end]
        start = end


def _surprises(day: Day) -> list[str]:
    """Return one line per state in which the audit differs from what the arrivals require."""
    due = {
        Status.APPROVED: day.arrived(before=day.pressed),
        Status.DECLINED: day.arrived(since=day.pressed, before=day.cutoff),
        Status.REQUESTED: day.arrived(since=day.cutoff),
    }
    wrong = [
        f"{day.audit.count(status)} requests are {status}, and {count} should be"
        for status, count in due.items()
        if day.audit.count(status) != count
    ]
    paid, approved = day.audit.count(RefundStatus.SUCCEEDED), due[Status.APPROVED]
    return wrong if paid == approved else [*wrong, f"{paid} refunds are paid, and {approved} should be"]


@contextmanager
def scratch_database() -> Iterator[None]:
    """Connect a migrated SQLite database in a temporary folder in place of the project's own."""
    mine = connections["default"]
    with TemporaryDirectory(prefix="refunds-demo-") as folder:
        config = {"default": database(f"sqlite:///{Path(folder) / 'demo.sqlite3'}")}
        settings, connections.settings = connections.settings, connections.configure_settings(config)
        connections["default"] = connections.create_connection("default")
        try:
            call_command("migrate", verbosity=0)
            yield
        finally:
            connections["default"].close()
            connections.settings = settings
            connections["default"] = mine
