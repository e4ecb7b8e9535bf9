"""What waits, in queues, for its ETA and between delivery and ack; and what runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from .broker import Held, held
from .clock import MICROSECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .broker import Broker
    from .clock import VirtualClock
    from .workers import Worker


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

    What is scheduled is unacked as well, and so is what runs with late acks.
    """

    queued: list[Held]
    scheduled: list[Scheduled]
    unacked: list[Held]
    running: list[Running]

    def __bool__(self) -> bool:
        return bool(self.queued or self.scheduled or self.unacked or self.running)


def look(broker: Broker, workers: Iterable[Worker], clock: VirtualClock) -> Pending:
    """What waits right now."""
    members = list(workers)
    scheduled = [
        Scheduled(request.name, request.id, worker.name, _when(eta, clock))
        for worker in members
        for request, eta in worker.waiting()
    ]
    if hasattr(broker, "unacked"):
        unacked = broker.unacked()
    else:
        unacked = [_held(message) for worker in members for message in worker.unacked()]
    running = [
        Running(request.name, request.id, worker.name, datetime.fromtimestamp(round(request.time_start, 6), UTC))
        for worker in members
        for request in worker.running()
    ]
    return Pending(broker.queued(), scheduled, unacked, running)


def explain(left: Pending, limit: timedelta, cluster: Any) -> str:
    """Why a cluster does not become idle."""
    beats = ", ".join(f"{beat.name} ({', '.join(beat.scheduler.schedule)})" for beat in cluster.beats.values())
    explanation = [
        f"not idle after {limit}, at {cluster.now:%Y-%m-%d %H:%M:%S}Z; what keeps it busy:",
        *lines(left),
        f"  workers: {', '.join(cluster.workers) or 'none'}; beats: {beats or 'none'}",
    ]
    return "\n".join(explanation)


def lines(left: Pending) -> list[str]:
    """What waits, a line each."""
    return [
        *(f"  queued     {m.task}[{m.id}] in {m.queue}" for m in left.queued),
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
