"""What waits, in queues, for its ETA and between delivery and ack; and what runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from .broker import Held, held
from .clock import MICROSECONDS

if TYPE_CHECKING:
    from .clock import VirtualClock


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A message that a worker holds until `when`, an aware datetime in UTC; None waits for a rate limit."""

    task: str
    id: str
    worker: str
    when: datetime | None


@dataclass(frozen=True, slots=True)
class Running:
    """A task that a worker runs right now; `since` is an aware datetime in UTC."""

    task: str
    id: str
    worker: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Pending:
    """Everything that waits or runs. False when there is nothing.

    What is scheduled is unacked as well, and so is what runs with late acks. `unconsumed` is the part of `queued` that
    waits in a queue which no worker of the cluster consumes, not even one that is down.
    """

    queued: list[Held]
    scheduled: list[Scheduled]
    unacked: list[Held]
    running: list[Running] = field(default_factory=list)
    unconsumed: list[Held] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.queued or self.scheduled or self.unacked or self.running)


def look(cluster: Any) -> Pending:
    """What waits right now."""
    members = list(cluster.workers.values())
    scheduled = [
        Scheduled(request.name, request.id, worker.name, _when(eta, cluster.clock))
        for worker in members
        for request, eta in worker.waiting()
    ]
    queued: list[Held] = []
    unacked: list[Held] = []
    unconsumed: list[Held] = []
    for broker in cluster.brokers:
        waiting = broker.queued()
        queued += waiting
        unconsumed += [message for message in waiting if not cluster.consumes(broker.tap, message.queue)]
        if hasattr(broker, "unacked"):
            unacked += broker.unacked()
        else:
            own = [worker for worker in members if cluster.broker_of(worker.name) is broker]
            unacked += [_held(message) for worker in own for message in worker.unacked()]
    running = [
        Running(
            request.name, request.id, worker.name, datetime.fromtimestamp(round(request.time_start, 6), timezone.utc)
        )
        for worker in members
        for request in worker.running()
    ]
    return Pending(queued, scheduled, unacked, running, unconsumed)


def is_stuck(left: Pending) -> bool:
    """Whether only messages are left that nobody consumes: no time that passes changes that."""
    others = left.scheduled or left.unacked or left.running
    return bool(left.unconsumed) and len(left.unconsumed) == len(left.queued) and not others


def explain(left: Pending, limit: timedelta, cluster: Any) -> str:
    """Why a cluster does not become idle."""
    beats = ", ".join(f"{beat.name} ({', '.join(beat.scheduler.schedule)})" for beat in cluster.beats.values())
    stuck = is_stuck(left) or cluster._next_ticks() is None
    waited = ", and nothing is left to happen" if stuck else f" after {limit}"
    explanation = [
        f"not idle{waited}, at {cluster.now:%Y-%m-%d %H:%M:%S}Z; what keeps it busy:",
        *lines(left),
        f"  workers: {', '.join(cluster.workers) or 'none'}; beats: {beats or 'none'}",
        *(f"  {name} is down; start_worker({name!r})" for name in cluster.workers_down),
        *_unconsumed_queues(left, cluster),
    ]
    return "\n".join(explanation)


def _unconsumed_queues(left: Pending, cluster: Any) -> list[str]:
    queues = dict.fromkeys(message.queue for message in left.unconsumed)
    crew = cluster.queues_of_workers().items()
    consumed = "; ".join(f"{name} consumes {', '.join(own)}" for name, own in crew) or "there is no worker"
    return [
        f"  nobody consumes queue {queue!r}; {consumed}; say workers={{'name': [{queue!r}]}} for a worker that does"
        for queue in queues
    ]


def lines(left: Pending) -> list[str]:
    """What waits, a line each."""
    nobodys = set(left.unconsumed)
    return [
        *(f"  {'unconsumed' if m in nobodys else 'queued    '} {m.task}[{m.id}] in {m.queue}" for m in left.queued),
        *(f"  scheduled  {m.task}[{m.id}] in {m.worker} at {m.when or 'a rate limit'}" for m in left.scheduled),
        *(f"  running    {m.task}[{m.id}] in {m.worker} since {m.since}" for m in left.running),
        *(f"  unacked    {m.task}[{m.id}] from {m.queue}" for m in left.unacked),
    ]


def _when(eta: float, clock: VirtualClock) -> datetime | None:
    if not eta:
        return None
    return clock.now + timedelta(microseconds=round(eta * MICROSECONDS) - clock.ticks)


def _held(message: Any) -> Held:
    return held(str((message.delivery_info or {}).get("routing_key", "")), {"headers": message.headers})
