"""The option `--against` of `celery preflight`."""

from __future__ import annotations

import difflib
import os
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import TestkitError
from .against import Question, Simulation, compare
from .counted import begin
from .environments import requirement
from .errors import CannotCheckError
from .move_reports import FORMATS, as_lines
from .schedule_command import instant_written

if TYPE_CHECKING:
    from datetime import tzinfo

    from .against import Comparison

SAME, MOVED, CANNOT_COMPARE = range(3)


def run(ctx: click.Context, format_: str, options: dict[str, Any]) -> int:
    """Print what moves, and return the exit status."""
    if format_ not in FORMATS:
        raise click.UsageError(f"--against has the formats {', '.join(FORMATS)}; {format_} is not one of them")
    if options["known"] and not options["known"].is_file():
        raise click.UsageError(f"--known {options['known']} is no file")
    try:
        found = compare(_question(ctx, options))
    except TestkitError as error:
        click.echo(f"preflight could not compare: {error}", err=True)
        return CANNOT_COMPARE
    known = options["known"]
    shown = _difference(known, found) if known else FORMATS[format_](found)
    click.echo(shown, nl=False)
    for failure in found.failures:
        click.echo(f"preflight could not compare: {failure}", err=True)
    if found.failures:
        return CANNOT_COMPARE
    return MOVED if (shown if known else found.differs) else SAME


def _difference(known: Path, found: Comparison) -> str:
    """Return a diff from the known lines to what moves now; nothing where they are the same."""
    lines = [line for line in known.read_text("utf-8").splitlines(keepends=True) if not line.startswith("#")]
    now = as_lines(found).splitlines(keepends=True)
    return "".join(difflib.unified_diff(lines, now, f"{known} (known)", "what moves now"))


def _question(ctx: click.Context, options: dict[str, Any]) -> Question:
    wanted, python = options["against"], options["python"]
    if python and requirement(wanted) is None:
        raise click.UsageError("--python is for --against name==version: a revision runs in this environment")
    midnight = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
    start = instant_written(options["start"], timezone.utc) if options["start"] else midnight
    # As it was written: a module of the application has this name in the other revision, too.
    app = ctx.find_root().params.get("app")
    question = Question(wanted, app if isinstance(app, str) else None, start, options["cache"] or _cache(), python)
    days = options["simulate"]
    if days is None:
        return question
    return replace(question, simulation=Simulation(begin(_zone(ctx.obj.app), start, days), days))


def _zone(app: Any) -> tzinfo:
    try:
        zone: tzinfo = app.timezone
    except (OSError, ValueError, LookupError) as error:
        raise CannotCheckError(f"the application's timezone cannot be read: {error}") from error
    return zone


def _cache() -> Path:
    """Return the folder of the user's caches, as the XDG specification names it."""
    base = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    return Path(base) / "celery-rehearsal"
