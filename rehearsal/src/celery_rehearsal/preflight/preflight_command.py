"""`celery -A proj preflight`."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

# Any `celery` command of a project imports this module: what preflight needs is imported by those who ask for it.

FORMATS = ["full", "concise", "json", "github", "gitlab", "sarif", "junit"]
UNCHECKED = 2


@click.command()
@click.option("--format", "format_", type=click.Choice(FORMATS), default="full", show_default=True)
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "info"]),
    default="error",
    show_default=True,
    help="The lowest level that sets exit status 1.",
)
@click.option("--explain", metavar="RULE", help="Print the explanation of a rule, by identifier or name, or of `all`.")
@click.option("--rows", is_flag=True, help="Also check the rows of django-celery-beat. It opens Django's database.")
@click.option(
    "--against",
    metavar="celery==5.6.3|REV|tzdata==2025.2",
    help="Print instead what the schedule moves in ten years, from that release or that revision to here.",
)
@click.option("--from", "start", metavar="TIME", help="With --against: beat starts then. Default: today, 00:00 UTC.")
@click.option(
    "--known",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="With --against: the lines that are known. Print the difference; # begins a comment.",
)
@click.option("--cache", type=click.Path(path_type=Path), metavar="DIR", help="With --against: keeps environments.")
@click.option("--python", metavar="PATH", help="With --against: a Python that has the release; nothing is installed.")
@click.option(
    "--simulate",
    type=click.IntRange(1, 366),
    is_flag=False,
    flag_value=7,
    metavar="[DAYS]",
    help="With --against: run beat and a worker, too, around the next change of the clocks. Default: 7 days.",
)
@click.pass_context
def preflight(ctx: click.Context, /, format_: str, fail_on: str, explain: str | None, **options: Any) -> None:
    """Check this app's schedules, retries, settings and transactions.

    Exit status: 0, or 1 where a finding is as serious as --fail-on, or 2 where preflight could not check. Without
    --rows it opens no connection. Suppressions are in [tool.celery-rehearsal.preflight] of pyproject.toml. With
    --against the status is 0 where nothing moves, 1 where something does, and 2 where it could not compare; pip fetches
    a release once.
    """
    if options["against"] is not None:
        from .against_command import run

        ctx.exit(run(ctx, format_, options))
    if options["simulate"] is not None:
        raise click.UsageError("--simulate is for --against; `celery simulate` simulates this application alone")
    from . import rules  # noqa: F401 - registers them

    if explain is not None:
        _explain(ctx, explain)
        return
    report, place = _check(ctx, rows=options["rows"])
    from .findings import Level
    from .reports import FORMATS as FUNCTIONS

    click.echo(FUNCTIONS[format_](report, place), nl=False)
    ctx.exit(report.status(Level[fail_on.upper()]))


def _explain(ctx: click.Context, wanted: str) -> None:
    from .registry import RULES, explain, find_rule

    found = [RULES[name] for name in sorted(RULES)] if wanted == "all" else [find_rule(wanted)]
    texts = [explain(each) for each in found if each is not None]
    if not texts:
        click.echo(f"preflight has no rule {wanted!r}. `--explain all` prints every rule.", err=True)
        ctx.exit(UNCHECKED)
    click.echo("\n".join(texts), nl=False)


def _check(ctx: click.Context, *, rows: bool) -> Any:
    from ..stage import load
    from .check import check
    from .django import load_views
    from .errors import CannotCheckError
    from .loaded import LoadedApp
    from .suppressions import ConfigurationError, read_configuration

    app = ctx.obj.app
    folder = Path.cwd()
    try:
        configuration = read_configuration(folder)
    except ConfigurationError as error:
        click.echo(f"preflight could not check: {error}", err=True)
        ctx.exit(UNCHECKED)
    try:
        with ExitStack() as undo:
            load(undo, app, checks=False)
        load_views()
    except Exception as error:  # modules of the application, which can raise anything
        click.echo(f"preflight could not load the application {app.main!r}: {type(error).__name__}: {error}", err=True)
        ctx.exit(UNCHECKED)
    loaded = LoadedApp(app, configuration, folder, rows=rows)
    try:
        loaded.check_store()
    except CannotCheckError as error:
        click.echo(f"preflight could not check: {error}", err=True)
        ctx.exit(UNCHECKED)
    return check(loaded), loaded.default_place
