"""What waits: in queues, for its ETA, and between delivery and ack."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from .broker import Held, held
from .clock import MICROSECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

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
class Pending:
    """Everything that waits. False when there is nothing. What is scheduled is unacked as well."""

    queued: list[Held]
    scheduled: list[Scheduled]
    unacked: list[Held]

    def __bool__(self) -> bool:
        return bool(self.queued or self.scheduled or self.unacked)


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
    return Pending(broker.queued(), scheduled, unacked)


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
        *(f"  unacked    {m.task}[{m.id}] from {m.queue}" for m in left.unacked),
    ]


def _when(eta: float, clock: VirtualClock) -> datetime | None:
    if not eta:
        return None
    return clock.now + timedelta(microseconds=round(eta * MICROSECONDS) - clock.ticks)


def _held(message: Any) -> Held:
    return held(str((message.delivery_info or {}).get("routing_key", "")), {"headers": message.headers})
