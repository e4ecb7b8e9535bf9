"""A simulation: the beats and workers of an application in virtual time, with deploys and outages."""

from __future__ import annotations

import warnings
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from .. import extras
from ..cluster import VirtualCelery
from ..errors import NotSimulatedError, NotSimulatedWarning
from ..transports import transport_of
from .entries import DATABASE, DECLARED, reading
from .errors import CannotCheckError
from .firings import plans
from .handlers import leave_out
from .schedule_report import choose

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import tzinfo

    from ..record import Record
    from .durations import Daily
    from .entries import Entry

# At one instant: what was away comes back, then the deploy, and the next fault last.
BACK, DEPLOY, RESTART, AWAY = range(4)
FAKEREDIS = "fakeredis"

NO_REDIS = (
    "the app's broker is Redis and the kit's extra redis is not installed: this ran on the kit's memory transport, "
    "which redelivers nothing after a visibility timeout"
)


@dataclass(frozen=True)
class Scenario:
    """What is simulated. Without deploys, restarts and outages, nothing goes wrong that is not the app's own."""

    deploy_every: timedelta | None = None
    beat_disk_lost: bool = False
    beats: int = 1
    concurrency: int | None = None
    broker_restart: Daily | None = None
    outage: Daily | None = None
    outage_of: str = "workers"
    running_time: Mapping[str, timedelta] = field(default_factory=dict)
    real: bool = False
    seed: int = 0
    transport: str | None = None
    scheduler: str | None = None

    def events(self, start: datetime, end: datetime, zone: tzinfo) -> list[tuple[datetime, int]]:
        """Return what happens and when, in order."""
        found = []
        if self.deploy_every:
            count = (end - start) // self.deploy_every
            found += [(start + number * self.deploy_every, DEPLOY) for number in range(1, count + 1)]
        if self.broker_restart:
            found += [(at, RESTART) for at, _over in self.broker_restart.instants(start, end, zone)]
        if self.outage:
            for begin, over in self.outage.instants(start, end, zone):
                found += [(begin, AWAY), (over, BACK)]
        return sorted((at, what) for at, what in found if at <= end)


@dataclass(frozen=True)
class Outcome:
    """What happened, and what was due: the firings of each entry with one beat, no deploy and no outage."""

    app: str
    start: datetime
    end: datetime
    zone: tzinfo
    transport: str
    entries: tuple[Entry, ...]
    due: dict[str, tuple[datetime, ...]]
    records: tuple[Record, ...]
    # The ids of messages that wait or run at the end.
    pending: frozenset[str]
    notes: tuple[str, ...]


def simulate(app: Any, start: datetime, end: datetime, scenario: Scenario, wanted: tuple[str, ...] = ()) -> Outcome:
    """Run the application's beats and a worker from `start` to `end`. `wanted` names the entries to report.

    Raises CannotCheckError and the kit's own errors where this cannot be simulated.
    """
    with reading(app, start, scheduler=scenario.scheduler, fresh=True) as read:
        _refuse_database(read.scheduler)
        entries = choose(read, wanted)
        due = {plan.entry: tuple(plan) for plan in plans(read, entries, end)}
    transport, notes = (scenario.transport, []) if scenario.transport else _transport(app)
    with _noted(notes), ExitStack() as undo:
        if not scenario.real and (handlers := leave_out(undo)):
            notes.append(f"handlers of signals did not run: {', '.join(handlers)}")
        cluster = undo.enter_context(_cluster(app, start, scenario, transport))
        pending = _run(cluster, scenario, start, end)
    return Outcome(
        app.main or "app",
        start.astimezone(timezone.utc),
        end.astimezone(timezone.utc),
        cluster.timeline.zone,
        transport,
        tuple(entries),
        due,
        tuple(cluster.timeline),
        pending,
        tuple(notes),
    )


def _run(cluster: VirtualCelery, scenario: Scenario, start: datetime, end: datetime) -> frozenset[str]:
    """Let everything happen, and return the ids of messages that wait or run at the end."""
    if not scenario.real:
        # Also those that no entry names: an entry can have a callback.
        for name in sorted(cluster.app.tasks):
            cluster.mock(name)
    for at, what in scenario.events(start, end, cluster.timeline.zone):
        _reach(cluster, at)
        _happen(cluster, scenario, what)
    _reach(cluster, end)
    left = cluster.pending()
    return frozenset(each.id for part in (left.queued, left.scheduled, left.unacked, left.running) for each in part)


def _cluster(app: Any, start: datetime, scenario: Scenario, transport: str) -> VirtualCelery:
    return VirtualCelery(
        app,
        start,
        transport,
        workers={"worker": "*"},
        beats=scenario.beats,
        seed=scenario.seed,
        scheduler=scenario.scheduler,
        concurrency=scenario.concurrency,
        running_time=scenario.running_time,
        # Nobody reads the result of a stub, and the store of production can be a server.
        result_backend=None if scenario.real else "disabled://",
    )


def _reach(cluster: VirtualCelery, at: datetime) -> None:
    # A deploy takes time where it waits for a task, and can end later than the next event is due.
    if at > cluster.now:
        cluster.run_until(at)


def _happen(cluster: VirtualCelery, scenario: Scenario, what: int) -> None:
    if what == DEPLOY:
        cluster.deploy(fresh=scenario.beat_disk_lost)
    elif what == RESTART:
        cluster.lose_broker()
    elif what == AWAY:
        _switch_off(cluster, scenario.outage_of)
    else:
        _switch_on(cluster, scenario)


def _switch_off(cluster: VirtualCelery, what: str) -> None:
    for name in list(cluster.workers) if what != "beats" else ():
        cluster.kill_worker(name)
    for name in list(cluster.beats) if what != "workers" else ():
        cluster.stop_beat(name, kill=True)


def _switch_on(cluster: VirtualCelery, scenario: Scenario) -> None:
    for name in cluster.workers_down:
        cluster.start_worker(name)
    for name in cluster.beats_down:
        cluster.start_beat(name, fresh=scenario.beat_disk_lost)


def _transport(app: Any) -> tuple[str, list[str]]:
    try:
        found = transport_of(app)
    except NotSimulatedError as error:
        raise CannotCheckError(
            f"{error}. To simulate it as RabbitMQ or Redis, add --transport memory or fakeredis"
        ) from error
    if found == FAKEREDIS and extras.missing("redis"):
        return "memory", [NO_REDIS]
    return found, []


def _refuse_database(scheduler: Any) -> None:
    if any(kind.__module__ == DATABASE for kind in type(scheduler).__mro__):
        raise CannotCheckError(
            "django-celery-beat's scheduler keeps its entries in a database and writes to it while beat runs, and a "
            f"simulation changes nothing. To simulate the entries that the settings declare, add --scheduler {DECLARED}"
        )


@contextmanager
def _noted(notes: list[str]) -> Iterator[None]:
    """Collect the kit's warnings of what it does not simulate; let every other through."""
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", NotSimulatedWarning)
            yield
    finally:
        notes += dict.fromkeys(str(each.message) for each in caught if _is_ours(each))
        for each in caught:
            if not _is_ours(each):
                warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)


def _is_ours(warning: warnings.WarningMessage) -> bool:
    return issubclass(warning.category, NotSimulatedWarning)
