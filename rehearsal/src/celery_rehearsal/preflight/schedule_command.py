"""`celery -A proj schedule`."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

# Any `celery` command of a project imports this module: what preflight needs is imported by those who ask for it.

if TYPE_CHECKING:
    from .schedule_report import Report

FORMATS = ("table", "json", "csv", "ics", "svg", "openmetrics")
SERVICES = ("sentry", "healthchecks")
LOCK = "celery-schedule.lock"
DIFFERS, CANNOT_CHECK = 1, 2

# A year of an export: both changes of the clocks.
YEAR = 366


@click.command()
@click.option("--from", "start", metavar="TIME", help="Beat starts then: an ISO date or time. Default: now.")
@click.option("--days", type=click.IntRange(1, 36_600), default=7, show_default=True, help="How long beat runs.")
@click.option("--entry", "entries", multiple=True, metavar="NAME", help="Only this entry. Can be given again.")
@click.option("--zone", metavar="ZONE", help="Your zone, such as America/New_York. Default: this machine's.")
@click.option("--format", "format_", type=click.Choice(FORMATS), default="table", show_default=True)
@click.option("--export", type=click.Choice(SERVICES), help="Print monitors for a service instead, as JSON.")
@click.option("--margin", type=click.IntRange(1), default=5, show_default=True, help="Minutes that a run can be late.")
@click.option("--lock", is_flag=False, flag_value=LOCK, metavar="[FILE]", help=f"Write the coming year to {LOCK}.")
@click.option("--check", is_flag=True, help="With --lock: write nothing, exit with 1 if the file differs.")
@click.option("--scheduler", metavar="CLASS", help="As `celery beat -S`. Default: the app's beat_scheduler.")
@click.pass_context
def schedule(ctx: click.Context, /, **options: Any) -> None:
    """Print when beat sends each entry. Celery's own scheduler says it, under a clock that runs ahead.

    It opens no connection but a database scheduler's to its database, and changes nothing. Exit status: 0, or 1 where
    a lock differs, or 2 where it cannot tell.
    """
    from ..errors import TestkitError

    if options["check"] and not options["lock"]:
        raise click.UsageError("--check compares a lock: add --lock")
    try:
        ctx.exit(_run(ctx.obj.app, options))
    except TestkitError as error:
        click.echo(f"celery schedule cannot tell: {error}", err=True)
        ctx.exit(CANNOT_CHECK)


def _run(app: Any, options: dict[str, Any]) -> int:
    from .zones import host_zone, zone_named

    viewer = zone_named(options["zone"]) if options["zone"] else host_zone()
    now = datetime.now(timezone.utc).replace(microsecond=0)
    start = instant(options["start"], viewer) if options["start"] else None
    if options["lock"]:
        return _lock(app, options, viewer, start, now)
    start = start or now
    if options["export"]:
        click.echo(_export(app, options, viewer, start), nl=False)
        return 0
    from .schedule_formats import FORMATS

    found = _report(app, options, viewer, start, start + timedelta(days=options["days"]))
    click.echo(FORMATS[options["format_"]](found), nl=False)
    return 0


def _report(
    app: Any, options: dict[str, Any], viewer: tzinfo, start: datetime, end: datetime, *, fresh: bool = False
) -> Report:
    from .entries import reading
    from .schedule_report import report

    with reading(app, start, scheduler=options["scheduler"], fresh=fresh) as read:
        return report(read, end, viewer, options["entries"])


def _export(app: Any, options: dict[str, Any], viewer: tzinfo, start: datetime) -> str:
    from .exports import export

    found = _report(app, options, viewer, start, start + timedelta(days=YEAR), fresh=True)
    return export(options["export"], app, [(line.entry, line.plan) for line in found.lines], options["margin"])


def _lock(app: Any, options: dict[str, Any], viewer: tzinfo, wanted: datetime | None, now: datetime) -> int:
    from .lock import difference, period, written

    path = Path(options["lock"])
    start, end = period(path, wanted, now, check=options["check"])
    text = written(_report(app, options, viewer, start, end, fresh=True))
    if not options["check"]:
        path.write_text(text, "utf-8")
        return 0
    if end <= now:
        click.echo(f"{path}: its year has ended; write it again with `celery schedule --lock`", err=True)
    found = difference(path, text)
    click.echo(found, nl=False)
    return DIFFERS if found else 0


def instant(written: str, viewer: tzinfo) -> datetime:
    """Read --from; without a zone it is the viewer's. Raises CannotCheckError."""
    from .errors import CannotCheckError

    try:
        found = datetime.fromisoformat(written.replace("Z", "+00:00"))
    except ValueError as error:
        raise CannotCheckError(
            f"--from {written!r} is no date or time: write 2027-03-28 or 2027-03-28T18:00"
        ) from error
    return (found if found.tzinfo else found.replace(tzinfo=viewer)).astimezone(timezone.utc)
