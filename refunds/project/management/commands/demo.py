"""Run a day of returns in virtual time, and print a table of its rows' final states: `demo [FILE]`."""

import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from celery import current_app
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from ....domain import cutoff
from ....domain.money import to_major
from ....domain.refunds import RefundStatus
from ....domain.returns import Status
from ....importing.files import BadFile, Rejection, Row, Source, guess, load, rows
from ....management.audit import Audit, AuditSum

if TYPE_CHECKING:
    from ... import demo


class Command(BaseCommand):
    """Runs the day on a temporary database and audits it. Exits with status 1 if the audit finds a fault."""

    help = (
        f"Run a day of returns in seconds: requests, the button, the decline at the cutoff ({cutoff.LABEL}), refunds."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the file, its layout, and the day."""
        parser.add_argument("file", nargs="?", help="return requests, as import_returns takes them (default: made up)")
        parser.add_argument("--layout", default="own", help="its columns, as import_returns takes them")
        parser.add_argument("--day", type=_date, help="YYYY-MM-DD (default: 2026-03-29, when Europe's clocks change)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the day and print it. Raises CommandError for an unreadable file, or without the kit."""
        try:
            from ... import demo
        except ImportError as error:
            raise CommandError(
                f"the demo needs the kit of virtual time ({error}): "
                "pip install './rehearsal[redis]' in the clone of refunds"
            ) from error
        began = perf_counter()
        taken, rejected = self._rows(options["file"], options["layout"]) if options["file"] else (demo.invented(), 0)
        day_of = options["day"] or demo.DAY
        with demo.scratch_database():
            day = demo.run_day(current_app, taken, day_of)
        self._story(day, day_of)
        self._totals(day.audit)
        if rejected:
            self.stdout.write(f"\n{rejected:,} rows of the file were rejected (above) and took no part.")
        for problem in day.problems:
            self.stderr.write(f"check failed: {problem}")
        if day.problems:
            sys.exit(1)
        self.stdout.write(
            "\ncheck: every request is in exactly one state, every approved one has exactly one refund, "
            f"the sums are equal: ok\n{len(day.timeline):,} events of beat and worker in {perf_counter() - began:.1f} s"
        )

    def _rows(self, file: str, layout: str) -> tuple[list[Row], int]:
        try:
            columns = load(layout)
            with Path(file).open("rb") as stream:
                source = Source(stream, file)
                found = list(rows(source, layout=columns, form=guess(source, columns), now=timezone.now()))
        except OSError as error:
            raise CommandError(f"cannot read {file}: {error.strerror}") from error
        except BadFile as error:
            raise CommandError(str(error)) from error
        bad = [row for row in found if isinstance(row, Rejection)]
        for rejection in bad:
            self.stderr.write(str(rejection))
        return [row for row in found if isinstance(row, Row)], len(bad)

    def _story(self, day: "demo.Day", date_of: date) -> None:
        lines = [
            f"A day of returns, {date_of:%A %d %B %Y}, with the cutoff at {cutoff.LABEL}",
            "",
            f"{day.arrived():9,} requests imported, spread over the day:",
            f"{day.arrived(before=day.pressed):9,}   before the button at {_clock(day.pressed)}",
            f"{day.arrived(since=day.pressed, before=day.cutoff):9,}   between the button and the cutoff",
            f"{day.arrived(since=day.cutoff):9,}   from the cutoff on",
            "",
            *(_sweep_line(sweep) for sweep in day.sweeps),
            f"{day.audit.count(Status.REQUESTED):9,} still pending, for the next day",
            f"{day.audit.count(RefundStatus.SUCCEEDED):9,} refunds paid",
            "",
        ]
        self.stdout.write("\n".join(lines))

    def _totals(self, found: Audit) -> None:
        """Print the sums by state and currency, and over all states, which an import prints as totals."""
        currencies = sorted({line.currency for line in found.requests})
        self._row("", (f"{currency:>16}" for currency in currencies))
        for name, lines in (("requests", found.requests), ("refunds", found.refunds)):
            for status in dict.fromkeys(line.status for line in lines):
                of_status = [line for line in lines if line.status == status]
                self._row(f"{name} {status}", (_total(of_status, currency) for currency in currencies))
            self._row(f"{name} total", (_total(lines, currency) for currency in currencies))

    def _row(self, name: str, cells: Iterable[str]) -> None:
        self.stdout.write(f"{name:<18}{''.join(cells)}")


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is not a day: write it as 2026-03-29") from error


def _total(lines: Iterable[AuditSum], currency: str) -> str:
    minor = sum(line.total for line in lines if line.currency == currency)
    return f"{to_major(minor, currency):>16,}"


def _clock(instant: datetime) -> str:
    return f"{timezone.localtime(instant, cutoff.ZONE):%H:%M:%S %Z}"


def _sweep_line(sweep: "demo.Swept") -> str:
    who = "the button" if sweep.status is Status.APPROVED else "beat"
    return f"{sweep.count:9,} {sweep.status} by {who} at {_clock(sweep.at)}"
