"""One side of `celery preflight --against`, in a process of its own: it writes when beat sends each entry.

    python -m celery_rehearsal.preflight.side JOB

JOB is a file of JSON, with the keys of `Job`. The process runs in the environment, in the folder and with the code of
its side. Only the kit is the same on both sides.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from packaging.specifiers import SpecifierSet

if TYPE_CHECKING:
    from .entries import Entry, Reading

# A firing that moves over the end is compared with the one that it was.
BEYOND = timedelta(days=8)

UNITS = (("days", 86_400), ("hours", 3_600), ("minutes", 60), ("seconds", 1))


@dataclass(frozen=True)
class Job:
    """What a side is asked: the value of `-A`, a time in ISO form, and the file to write."""

    app: str | None
    start: str
    years: int
    out: str
    # No module can come from here: the working copy of a repository whose other revision is asked.
    forbidden: str | None = None
    # The release that is asked for, such as celery and ==5.6.3.
    package: str | None = None
    wanted: str = ""
    # The simulation, if there is one: when it begins, in ISO form, and how long it takes.
    simulate_from: str | None = None
    days: int = 0
    # Whose pyproject.toml declares how the application is run: the same one for both sides.
    folder: str = "."


def main(job: Job) -> None:
    """Load the application with Celery's own command line, and write its plans."""
    _check_versions(job)
    from celery.bin.celery import celery

    @click.command()
    @click.pass_context
    def plans(ctx: click.Context, /, **_preload: Any) -> None:
        Path(job.out).write_text(json.dumps(_answer(ctx.obj.app, job)), "utf-8")

    celery.add_command(plans)
    arguments = ["--app", job.app] if job.app else []
    celery([*arguments, "plans"], prog_name="celery", auto_envvar_prefix="CELERY")


def _check_versions(job: Job) -> None:
    if job.package:
        found = version(job.package)
        if not SpecifierSet(job.wanted).contains(found, prereleases=True):
            raise SystemExit(f"this environment has {job.package} {found}, not {job.package}{job.wanted}: {sys.prefix}")
    from ..seams import SUPPORTED, unsupported

    for package in unsupported():
        raise SystemExit(
            f"{package} {version(package)} is not supported: the kit runs on {package}{SUPPORTED[package]}"
        )


def _answer(app: Any, job: Job) -> dict[str, Any]:
    from .entries import DECLARED, reading

    start = datetime.fromisoformat(job.start)
    with reading(app, start, scheduler=DECLARED, fresh=True) as read:
        _check_origin(job.forbidden)
        found: dict[str, Any] = {"entries": _entries(read, job.years)}
    if job.simulate_from:
        from .counted import counted

        found["simulated"] = counted(app, datetime.fromisoformat(job.simulate_from), job.days, Path(job.folder))
    return found


def _check_origin(folder: str | None) -> None:
    """Raise CannotCheckError where a module of the application comes from the wrong revision."""
    from .errors import CannotCheckError

    if folder is None:
        return
    for name, module in sorted(sys.modules.items()):
        path = Path(getattr(module, "__file__", None) or "/")
        if path.is_relative_to(folder) and not path.is_relative_to(sys.prefix):
            raise CannotCheckError(
                f"the module {name} was imported from the working copy ({path}), not from the revision: its editable "
                "installation comes before PYTHONPATH. Install it without --editable"
            )


def _entries(read: Reading, years: int) -> list[dict[str, Any]]:
    from .errors import CannotCheckError
    from .firings import Shared
    from .moves import runs

    found, shared = [], Shared(read)
    for entry in read.entries:
        end = years_later(read.start, years_of(entry, years))
        told: dict[str, Any] = {
            "name": entry.name,
            "pattern": words(entry.schedule),
            "zone": getattr(entry.zone, "key", None),
            "until": end.isoformat(),
        }
        try:
            told["runs"] = [(run.after, run.gaps, run.count) for run in runs(shared.plan(entry, end + BEYOND))]
        except CannotCheckError as error:
            told["failure"] = str(error)
        found.append(told)
    return found


def years_of(entry: Entry, years: int) -> int:
    """Return how many years to drive an entry."""
    from celery.schedules import solar

    from .times import SOLAR_YEARS

    return min(years, SOLAR_YEARS) if isinstance(entry.schedule, solar) else years


def years_later(start: datetime, years: int) -> datetime:
    """Return the same day of another year."""
    day = 28 if (start.month, start.day) == (2, 29) else start.day
    return start.replace(year=start.year + years, day=day)


def words(value: Any) -> str:
    """Return an interval as it is written in Python, such as `timedelta(days=1)`, and another schedule's pattern."""
    from celery.schedules import schedule

    from .patterns import pattern

    if type(value) is not schedule:
        return pattern(value)
    every: Any = value
    seconds = every.run_every.total_seconds()
    name, size = next(unit for unit in UNITS if seconds % unit[1] == 0 or unit is UNITS[-1])
    interval = f"timedelta({name}={seconds / size:g})"
    return f"{interval}, relative" if every.relative else interval


if __name__ == "__main__":
    main(Job(**json.loads(Path(sys.argv[1]).read_text("utf-8"))))
