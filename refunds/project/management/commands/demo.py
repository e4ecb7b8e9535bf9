"""`demo [FILE]`: a day of returns in virtual time, with a table of what became of every row."""

import sys
from argparse import ArgumentParser, ArgumentTypeError
from datetime import date
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
from ....operations.audit import Books

if TYPE_CHECKING:
    from ... import demo


class Command(BaseCommand):
    """Runs the day on a database of its own and checks the books; exit status 1 where they do not add up."""

    help = "Live through a day of returns in seconds: requests, the button at 17:58, the decline at 18:00, refunds."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """A file of one's own, its layout, and the day."""
        parser.add_argument("file", nargs="?", help="return requests, as import_returns takes them; default: made up")
        parser.add_argument("--layout", default="own", help="its columns, as import_returns takes them")
        parser.add_argument("--day", type=_date, help="a day in Kyiv, YYYY-MM-DD (default: clocks go forward on it)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the day and print it. Raises CommandError for a file that cannot be read, or without virtual time."""
        try:
            from ... import demo
        except ImportError as error:
            raise CommandError(
                f"the demo needs a package of virtual time ({error}): pip install ./rehearsal in the clone of refunds"
            ) from error
        began = perf_counter()
        taken, rejected = self._rows(options["file"], options["layout"]) if options["file"] else (demo.invented(), 0)
        day_of = options["day"] or demo.DAY
        with demo.scratch_database():
            day = demo.run_day(current_app, taken, day_of)
        self._story(day, day_of)
        self._totals(day.books)
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
            f"A day of returns in Kyiv, {date_of:%A %d %B %Y}",
            "",
            f"{day.arrived():9,} requests imported, dealt out over the day:",
            f"{day.arrived(before=day.pressed):9,}   before the button at 17:58",
            f"{day.arrived(since=day.pressed, before=day.cutoff):9,}   between the button and 18:00:00",
            f"{day.arrived(since=day.cutoff):9,}   from 18:00:00 on",
            "",
            *(_sweep_line(sweep) for sweep in day.sweeps),
            f"{day.books.count(Status.REQUESTED):9,} still pending, for the next day",
            f"{day.books.count(RefundStatus.SUCCEEDED):9,} refunds paid",
            "",
        ]
        self.stdout.write("\n".join(lines))

    def _totals(self, books: Books) -> None:
        currencies = sorted({line.currency for line in books.requests})
        self.stdout.write(f"{'':<18}" + "".join(f"{currency:>16}" for currency in currencies))
        for name, lines in (("requests", books.requests), ("refunds", books.refunds)):
            for status in dict.fromkeys(line.status for line in lines):
                sums = {line.currency: line.total for line in lines if line.status == status}
                cells = (f"{to_major(sums.get(currency, 0), currency):>16,}" for currency in currencies)
                self.stdout.write(f"{name + ' ' + status:<18}" + "".join(cells))


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is no day: write it as 2026-03-29") from error


def _sweep_line(sweep: "demo.Swept") -> str:
    who = "the button" if sweep.status is Status.APPROVED else "beat"
    return f"{sweep.count:9,} {sweep.status} by {who} at {timezone.localtime(sweep.at, cutoff.ZONE):%H:%M:%S %Z}"
