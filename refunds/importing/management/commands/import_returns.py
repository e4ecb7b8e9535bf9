"""Import return requests from a file: `python -m refunds import_returns FILE`."""

import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from ....domain.money import to_major
from ....management.clock import trusted_now
from ... import importer
from ...files import OWN, BadFile, Format, Layout, Rejection, Rejects, Source, guess
from ...layout_files import LAYOUTS, overridden
from ...progress import Progress

SUFFIXES = {".csv": Format.CSV, ".jsonl": Format.JSONL, ".ndjson": Format.JSONL}


class Command(BaseCommand):
    """Imports CSV or JSON. It writes rejected rows to standard error, and the summary to standard output."""

    help = (
        "Import return requests from a file of CSV or JSON lines. A row that was imported before is already known. "
        "A rejected row is named with its line and the reason. Exit status 1 if a row was rejected."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add FILE, the options for reading it, and the file for rejected rows."""
        parser.add_argument("file", metavar="FILE", help="the file, or - for standard input")
        parser.add_argument(
            "--layout", default=OWN.name, help=f"its columns: {', '.join(LAYOUTS)}, or a layout file (default: own)"
        )
        parser.add_argument(
            "--format", choices=[form.value for form in Format], help="default: by the file's name, or its first byte"
        )
        parser.add_argument("--separator", help="comma, semicolon, tab, pipe or the character (default: the layout's)")
        parser.add_argument("--encoding", help="such as utf-16 or cp1252 (default: the layout's)")
        parser.add_argument("--decimal", help="the mark before decimals, . or , (default: the layout's)")
        parser.add_argument("--rejects", metavar="FILE", help="write the rejected rows to this file, to correct them")

    def handle(self, *, file: str, layout: str, format: str | None, **options: Any) -> None:  # noqa: A002  # the option's name
        """Import the file. Raises CommandError for a refused file or a rejected row, and the errors of the database."""
        try:
            columns = overridden(
                layout, separator=options["separator"], encoding=options["encoding"], decimal=options["decimal"]
            )
            with _opened(file) as stream:
                source = Source(stream, _name(file))
                form = Format(format) if format else SUFFIXES.get(Path(file).suffix.lower()) or guess(source, columns)
                summary = self._import(source, columns, form, _size(stream), options["rejects"])
        except BadFile as error:
            raise CommandError(str(error)) from error
        except DatabaseError as error:
            error.add_note("Batches before this are in: import the file again for the rest")
            raise
        except KeyboardInterrupt as error:
            raise CommandError(
                "interrupted; whole batches are in: import the file again for the rest", returncode=130
            ) from error
        self._report(summary)
        if summary.rejected and options["rejects"]:
            raise CommandError(f"rejected rows: {summary.rejected:,}; correct and import {options['rejects']}")
        if summary.rejected:
            raise CommandError(f"rejected rows: {summary.rejected:,}; correct them and import the file again")

    def _import(self, source: Source, layout: Layout, form: Format, size: int, rejects: str | None) -> importer.Summary:
        now = trusted_now()  # received_at, which decides at which cutoff a pending request is declined
        progress = Progress(self.stderr, size)
        with Rejects(Path(rejects), source, layout, form) if rejects else nullcontext() as kept:

            def rejected(rejection: Rejection) -> None:
                progress.clear()
                self.stderr.write(str(rejection))
                if kept is not None:
                    kept.add(rejection)

            try:
                return importer.import_file(
                    source,
                    layout=layout,
                    form=form,
                    now=now,
                    on_rejected=rejected,
                    on_batch=lambda summary: progress.show(source.bytes_read, summary.read),
                )
            finally:
                progress.clear()

    def _report(self, summary: importer.Summary) -> None:
        counts = {
            "read": summary.read,
            "imported": summary.imported,
            "already known": summary.known,
            "rejected": summary.rejected,
        }
        for label, count in counts.items():
            self.stdout.write(f"{label:<14}{count:>12,}")
        for currency, minor in sorted(summary.totals.items()):
            self.stdout.write(f"{f'total {currency}':<14}{to_major(minor, currency):>12,}")


def _name(file: str) -> str:
    return "standard input" if file == "-" else file


@contextmanager
def _opened(file: str) -> Iterator[BinaryIO]:
    if file == "-":
        if sys.stdin is None:
            raise BadFile("cannot read standard input: it is closed")
        yield sys.stdin.buffer
        return
    try:
        stream = Path(file).open("rb")  # noqa: SIM115  # closed below, so that errors of the import are not caught here
    except OSError as error:
        raise BadFile(f"cannot read {file}: {error.strerror}") from error
    with stream:
        yield stream


def _size(stream: BinaryIO) -> int:
    """Return the bytes of a regular file; 0 for a pipe, or a stream that is not a file."""
    try:
        return os.fstat(stream.fileno()).st_size
    except OSError:
        return 0
