"""What tests of paying share: a provider's calls with their instants, and when the reconciler looks."""

from datetime import datetime
from functools import partial
from typing import Any

from celery_rehearsal import VirtualCelery

from refunds.domain.returns import Decision
from refunds.gateways import Answer
from refunds.operations.decisions import decide_chosen

from ..factories import MINUTE, NOON, SECOND, make_requests
from ..gateways.provider import Call, Fault, InMemory

__all__ = ["MINUTE", "SECOND", "approve", "look_after", "timed"]


def approve(gateway: InMemory, count: int, at: datetime, **columns: Any) -> list[int]:
    """So many requests of 12.50 GBP, paid for at the provider and approved; other columns of theirs as given."""
    rows = [make_requests(payment=gateway.provider.pay(1250), received_at=at, **columns)[0] for _ in range(count)]
    decide_chosen([row.pk for row in rows], Decision.APPROVE, by=None, note="", now=at)
    return [row.pk for row in rows]


def timed(celery: VirtualCelery, instants: list[datetime], *answers: Exception | None) -> list[Fault]:
    """Faults that note when they are called; an exception is raised without making the call."""

    def meet(answer: Exception | None, call: Call) -> Answer:
        instants.append(celery.now)
        if answer is not None:
            raise answer
        return call()

    return [partial(meet, answer) for answer in answers]


def look_after(instant: datetime) -> datetime:
    """The reconciler's next look: beat, started at noon, sends it each 30 seconds."""
    looks = -((NOON - instant) // (30 * SECOND))
    return NOON + looks * 30 * SECOND
