"""A day of returns in virtual time: the app's own beat, worker and tasks on a database of its own, in seconds."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from celery import Celery
from celery_rehearsal import Timeline, VirtualCelery
from django.core.management import call_command
from django.db import connections

from ..domain import cutoff
from ..domain.refunds import RefundStatus
from ..domain.returns import Decision, Status, decided_status
from ..frozen import freeze
from ..importing import importer
from ..importing.files import Rejection, Return, Row
from ..models import Sweep
from ..operations import audit, sweeps
from .environment import database

# The Sunday on which Kyiv's clocks go forward in 2026: the day on which an 18:00 is most often got wrong.
DAY: Final = date(2026, 3, 29)
OPENS, PRESSED, CLOSES = time(17, 0), time(17, 58), time(18, 30)
# When rows come in, and how many of a hundred: most before the button, some between it and 18:00, a few after.
ARRIVALS: Final = (
    *((time(17, minute), 15) for minute in (5, 15, 25, 35, 45, 57)),
    (time(17, 58, 30), 4),
    (time(17, 59, 59), 4),
    (time(18, 0), 1),
    (time(18, 10), 1),
)
ROWS: Final = 1_000


@dataclass(frozen=True)
class Swept:
    """A sweep of the day: what it did to how many, begun when."""

    status: Status
    count: int
    at: datetime


@dataclass(frozen=True)
class Day:
    """What happened: rows arrived at each instant, the sweeps, the books at closing time, and every message."""

    pressed: datetime
    cutoff: datetime
    arrivals: list[tuple[datetime, int]]
    sweeps: list[Swept]
    books: audit.Audit
    problems: list[str]
    timeline: Timeline

    def arrived(self, *, since: datetime | None = None, before: datetime | None = None) -> int:
        """Rows that came in from `since` on and before `before`."""
        return sum(
            rows for at, rows in self.arrivals if (since is None or at >= since) and (before is None or at < before)
        )


def invented(count: int = ROWS, seed: int = 0) -> list[Row]:
    """Made-up return requests, the same for the same seed."""
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
    """Live through `day` in Kyiv with these rows, dealt out over it, on the database that is connected.

    One beat, one worker, an in-memory broker. The button is pressed at 17:58, and the day closes at 18:30.
    """
    pressed, closes = _at(day, PRESSED), _at(day, CLOSES)
    arrivals: list[tuple[datetime, int]] = []
    with VirtualCelery(app, start=_at(day, OPENS), transport="memory") as celery:
        is_pressed = False
        for at, batch in _dealt(rows, day):
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
    result = Day(pressed, cutoff.on(day), arrivals, found, closed, list(closed.problems), celery.timeline)
    result.problems.extend(_surprises(result))
    return result


def _swept(sweep: Sweep, now: datetime) -> Swept:
    status = decided_status(Status.REQUESTED, Decision(sweep.kind))
    return Swept(status, sweeps.progress(sweep, now).decided, sweep.started_at)


def _press(now: datetime) -> None:
    sweeps.start_approve(key=f"demo-{now.isoformat()}", frozen=freeze(), by=None, now=now)


def _never(rejection: Rejection) -> None:
    raise AssertionError(f"a row that was taken is rejected: {rejection}")


def _dealt(rows: Sequence[Row], day: date) -> Iterator[tuple[datetime, Sequence[Row]]]:
    """The rows in their order, parted over the day's arrivals by their hundredths; the rounding goes to the first."""
    start = len(rows) - sum(len(rows) * share // 100 for _, share in ARRIVALS[1:])
    yield _at(day, ARRIVALS[0][0]), rows[:start]
    for at, share in ARRIVALS[1:]:
        end = start + len(rows) * share // 100
        yield _at(day, at), rows[start:end]
        start = end


def _surprises(day: Day) -> list[str]:
    """Where the books are not what the arrivals say they must be."""
    due = {
        Status.APPROVED: day.arrived(before=day.pressed),
        Status.DECLINED: day.arrived(since=day.pressed, before=day.cutoff),
        Status.REQUESTED: day.arrived(since=day.cutoff),
    }
    wrong = [
        f"{day.books.count(status)} requests are {status}, and {count} should be"
        for status, count in due.items()
        if day.books.count(status) != count
    ]
    paid, owed = day.books.count(RefundStatus.SUCCEEDED), due[Status.APPROVED]
    return wrong if paid == owed else [*wrong, f"{paid} refunds are paid, and {owed} should be"]


def _at(day: date, wall: time) -> datetime:
    return datetime.combine(day, wall, cutoff.ZONE).astimezone(UTC)


@contextmanager
def scratch_database() -> Iterator[None]:
    """A migrated SQLite database in a passing folder instead of the project's own, which is not touched."""
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
