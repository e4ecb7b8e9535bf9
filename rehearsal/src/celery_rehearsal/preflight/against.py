"""`celery preflight --against`: the schedule in two environments, or at two revisions, and what moves between them."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .counted import differences
from .environments import HERE, Environment, environment, requirement, tail
from .errors import CannotCheckError
from .moves import Run, Stretch, stretches
from .revisions import checkout
from .side import Job

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .counted import Counted

KIT = Path(__file__).parents[1]
YEARS = 10


@dataclass(frozen=True)
class Side:
    """One side: a name for messages, how it is started, and what it is asked."""

    name: str
    environment: Environment
    folder: Path
    job: Job


@dataclass(frozen=True)
class Moved:
    """An entry that differs. `stretches` is empty where only one side has the entry: `only` names that side."""

    entry: str
    pattern: str
    zone: str | None
    stretches: tuple[Stretch, ...] = ()
    only: str | None = None
    pattern_there: str | None = None


@dataclass(frozen=True)
class Comparison:
    """What moves, by entry; and what could not be compared."""

    against: str
    start: datetime
    moved: tuple[Moved, ...]
    failures: tuple[str, ...]
    simulation: Simulation | None = None
    counted: tuple[Counted, ...] = ()

    @property
    def differs(self) -> bool:
        """Whether anything moves."""
        return bool(self.moved or self.counted)


@dataclass(frozen=True)
class Simulation:
    """When both sides are simulated: from an instant, for so many days."""

    start: datetime
    days: int

    def __str__(self) -> str:
        return f"simulated for {self.days} d from {self.start:%Y-%m-%d}"


@dataclass(frozen=True)
class Question:
    """What the command line asks."""

    against: str
    app: str | None
    start: datetime
    cache: Path
    python: str | None = None
    years: int = YEARS
    simulation: Simulation | None = None


def compare(asked: Question) -> Comparison:
    """Ask both sides at the same time, and compare what they say. Raises CannotCheckError."""
    with ExitStack() as open_:
        home = Path(open_.enter_context(tempfile.TemporaryDirectory(prefix="celery-preflight-")))
        # Each side imports this kit, whatever its environment or its revision has.
        (home / "kit").mkdir()
        (home / "kit" / KIT.name).symlink_to(KIT, target_is_directory=True)
        job = _job(asked, str(home / "here.json"))
        here = Side("here", HERE, Path.cwd(), job)
        there = _there(open_, asked, replace(job, out=str(home / "there.json")))
        # A side that fails does not leave the other one behind.
        started = [open_.enter_context(_start(side, home / "kit", home)) for side in (here, there)]
        ours, theirs = (_answer(side, process) for side, process in zip((here, there), started, strict=True))
    moved, failures = _compared(ours, theirs, asked.against)
    counted: tuple[Counted, ...] = ()
    if asked.simulation:
        counted, more = differences(ours["simulated"], theirs["simulated"], asked.against)
        failures += tuple(more)
    return Comparison(asked.against, asked.start, moved, failures, asked.simulation, counted)


def _job(asked: Question, out: str) -> Job:
    job = Job(asked.app, asked.start.isoformat(), asked.years, out)
    if asked.simulation is None:
        return job
    return replace(
        job, simulate_from=asked.simulation.start.isoformat(), days=asked.simulation.days, folder=str(Path.cwd())
    )


def _there(open_: ExitStack, asked: Question, job: Job) -> Side:
    wanted = requirement(asked.against)
    if wanted is not None:
        made = environment(wanted, asked.cache, asked.python)
        return Side(asked.against, made, Path.cwd(), replace(job, package=wanted.name, wanted=str(wanted.specifier)))
    found = open_.enter_context(checkout(asked.against))
    moved = replace(HERE, path=found.path)
    return Side(asked.against, moved, found.folder, replace(job, forbidden=str(found.working_copy)))


def _start(side: Side, kit: Path, home: Path) -> subprocess.Popen[str]:
    question = home / f"{Path(side.job.out).stem}.question.json"
    question.write_text(json.dumps(asdict(side.job)), "utf-8")
    given = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    if side.job.forbidden:
        given = [entry for entry in given if not Path(entry).resolve().is_relative_to(side.job.forbidden)]
    settings = {"PYTHONPATH": os.pathsep.join([str(kit), *side.environment.path, *given])}
    if side.environment.zones is not None:
        settings["PYTHONTZPATH"] = side.environment.zones
    command = [side.environment.python, "-m", "celery_rehearsal.preflight.side", str(question)]
    # What the application prints goes into a file: nobody reads a pipe while the other side is waited for.
    with Path(side.job.out).with_suffix(".log").open("w") as log:
        return subprocess.Popen(  # noqa: S603 - the interpreter is this one or that of --python
            command, cwd=side.folder, env=os.environ | settings, stdout=log, stderr=subprocess.STDOUT, text=True
        )


def _answer(side: Side, process: subprocess.Popen[str]) -> dict[str, Any]:
    status = process.wait()
    out = Path(side.job.out)
    if status or not out.exists():
        printed = out.with_suffix(".log").read_text("utf-8", errors="replace")
        raise CannotCheckError(
            f"the application could not be asked {_where(side)}: the process ended with {status}. Its last lines:\n"
            f"{tail(printed)}"
        )
    answer: dict[str, Any] = json.loads(out.read_text("utf-8"))
    return answer


def _where(side: Side) -> str:
    return "here" if side.name == "here" else f"with {side.name}"


def _compared(here: dict[str, Any], there: dict[str, Any], against: str) -> tuple[tuple[Moved, ...], tuple[str, ...]]:
    ours = {each["name"]: each for each in here["entries"]}
    theirs = {each["name"]: each for each in there["entries"]}
    moved: list[Moved] = []
    failures: list[str] = []
    for name in sorted(ours | theirs):
        if name not in theirs or name not in ours:
            told = ours.get(name) or theirs[name]
            only = "here" if name in ours else against
            moved.append(Moved(name, told["pattern"], told["zone"], only=only))
            continue
        found = list(_failures(ours[name], theirs[name], against))
        failures += found
        if not found:
            moved += _moved(ours[name], theirs[name])
    return tuple(moved), tuple(failures)


def _failures(here: dict[str, Any], there: dict[str, Any], against: str) -> Iterator[str]:
    for told, where in ((here, "here"), (there, f"with {against}")):
        if "failure" in told:
            yield f"{where}, {told['failure']}"


def _moved(here: dict[str, Any], there: dict[str, Any]) -> Iterator[Moved]:
    end = min(datetime.fromisoformat(told["until"]) for told in (here, there))
    if found := stretches(_runs(here), _runs(there), end):
        yield Moved(here["name"], here["pattern"], here["zone"], tuple(found), pattern_there=there["pattern"])


def _runs(told: dict[str, Any]) -> list[Run]:
    return [Run(after, tuple(gaps), count) for after, gaps, count in told["runs"]]
