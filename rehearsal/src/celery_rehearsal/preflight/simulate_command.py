"""`celery -A proj simulate`."""

from __future__ import annotations

import traceback
from datetime import datetime, time, timedelta, timezone
from typing import TYPE_CHECKING, Any

import click

from .schedule_command import instant_written

# Any `celery` command of a project imports this module: what preflight needs is imported by those who ask for it.

if TYPE_CHECKING:
    from .durations import Daily
    from .simulation import Scenario

WRONG, CANNOT_SIMULATE = 1, 2

# What "nightly" is, in the app's zone.
NIGHT = time(3)


@click.command()
@click.option("--from", "start", metavar="TIME", help="Beat starts then: an ISO date or time. Default: now.")
@click.option("--days", type=click.IntRange(1, 3_660), default=30, show_default=True, help="How long it runs.")
@click.option("--entry", "entries", multiple=True, metavar="NAME", help="Report only this entry. Can be given again.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of ids, and of random numbers.")
@click.option("--deploy-every", metavar="DURATION", help="Restart beats and workers, such as every 12h.")
@click.option("--beat-disk", type=click.Choice(["kept", "lost"]), default="kept", show_default=True)
@click.option("--beats", type=click.IntRange(1), default=1, show_default=True, help="How many beats run.")
@click.option("--concurrency", type=click.IntRange(1), help="Slots of the worker. Default: the app's setting, or 1.")
@click.option("--broker-restart", metavar="nightly|TIME", help="The broker loses every message, each day.")
@click.option("--outage", metavar="FROM-TO", help="Workers are killed, such as 02:00-03:30 each day.")
@click.option("--outage-of", type=click.Choice(["workers", "beats", "all"]), default="workers", show_default=True)
@click.option("--running-time", multiple=True, metavar="TASK=DURATION", help="Each run takes so long, such as 90s.")
@click.option("--real", is_flag=True, help="Run the tasks themselves, and not stubs that do nothing.")
@click.option("--margin", type=click.IntRange(0), default=5, show_default=True, help="Minutes that a run can be late.")
@click.option("--format", "format_", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--transport", type=click.Choice(["memory", "fakeredis"]), help="Default: as the app's broker.")
@click.option("--scheduler", metavar="CLASS", help="As `celery beat -S`. Default: the app's beat_scheduler.")
@click.pass_context
def simulate(ctx: click.Context, /, **options: Any) -> None:
    """Run beat and a worker in virtual time, and tell which runs are missed, doubled, late, expired or repeated.

    Tasks are stubs that do nothing, unless --real is given. It opens no connection. Exit status: 0, or 1 where
    something is wrong, or 2 where it could not simulate.
    """
    from ..errors import TestkitError

    status = CANNOT_SIMULATE
    try:
        status = _run(ctx.obj.app, options)
    except TestkitError as error:
        click.echo(f"celery simulate could not simulate: {error}", err=True)
    except Exception:
        # Of the application's own code: Python's exit status 1 would say that the simulation has found something.
        traceback.print_exc()
        click.echo("celery simulate could not simulate: the application's code raised the error above", err=True)
    ctx.exit(status)


def _run(app: Any, options: dict[str, Any]) -> int:
    from .simulation import simulate as run
    from .simulation_report import FORMATS, judge
    from .zones import host_zone

    now = datetime.now(timezone.utc).replace(microsecond=0)
    start = instant_written(options["start"], host_zone()) if options["start"] else now
    scenario = _scenario(options)
    outcome = run(app, start, start + timedelta(days=options["days"]), scenario, options["entries"])
    found = judge(scenario, outcome, timedelta(minutes=options["margin"]))
    click.echo(FORMATS[options["format_"]](found), nl=False)
    return WRONG if found.wrong else 0


def _scenario(options: dict[str, Any]) -> Scenario:
    from .durations import daily_window, duration
    from .simulation import Scenario

    every, outage = options["deploy_every"], options["outage"]
    return Scenario(
        deploy_every=duration(every, "--deploy-every") if every else None,
        beat_disk_lost=options["beat_disk"] == "lost",
        beats=options["beats"],
        concurrency=options["concurrency"],
        broker_restart=_restart(options["broker_restart"]),
        outage=daily_window(outage, "--outage") if outage else None,
        outage_of=options["outage_of"],
        running_time=dict(_running_time(each) for each in options["running_time"]),
        real=options["real"],
        seed=options["seed"],
        transport=options["transport"],
        scheduler=options["scheduler"],
    )


def _restart(written: str | None) -> Daily | None:
    from .durations import Daily, time_of_day

    if written is None:
        return None
    return Daily(NIGHT if written == "nightly" else time_of_day(written, "--broker-restart"))


def _running_time(written: str) -> tuple[str, timedelta]:
    from .durations import duration

    task, _, span = written.rpartition("=")
    return task, duration(span, f"--running-time {task}=")
