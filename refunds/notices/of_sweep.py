"""Count the notices of a sweep's requests for its page: chunk by chunk, some for each page, kept in the cache."""

from collections import Counter
from datetime import datetime, timedelta
from time import perf_counter
from typing import Any, Final, NamedTuple

from django.core.cache import cache
from django.db.models import Count

from ..apps import LABEL
from ..models import ReturnRequest, Sweep
from .models import Notice, NoticeStatus

# Seconds that one page counts for, of the 200 ms in which a page answers.
BUDGET: Final = 0.02
# How old a chunk's count can be: while some of its requests have no mail, and afterwards.
FRESH: Final = timedelta(seconds=30)
KEPT: Final = timedelta(minutes=10)
REMEMBERED: Final = 3600  # seconds in the cache


class Counts(NamedTuple):
    """How many notices have each status; `complete` if each chunk was counted."""

    by_status: Counter[str]
    complete: bool

    @property
    def waits(self) -> bool:
        """Whether a later page will say something else."""
        return not self.complete or bool(self.by_status[NoticeStatus.PENDING])


def count(sweep: Sweep, now: datetime) -> Counts:
    """Return the counts at `now` (aware), of what BUDGET seconds and earlier pages have counted."""
    chunks = {chunk.pk: chunk for chunk in sweep.chunks.filter(decided__gt=0)}
    key = f"{LABEL}.notices.sweep.{sweep.pk}.{sweep.started_at.timestamp()}"  # a recreated database repeats ids
    known: dict[int, tuple[datetime, Counter[str]]] = cache.get(key, {})
    stale = [pk for pk, chunk in chunks.items() if pk not in known or now - known[pk][0] >= _age(chunk, known[pk][1])]
    end = perf_counter() + BUDGET
    for pk in sorted(stale, key=lambda pk: known[pk][0].timestamp() if pk in known else 0):
        known[pk] = now, _of(chunks[pk])
        if perf_counter() >= end:
            break
    if stale:
        cache.set(key, known, REMEMBERED)
    return Counts(sum((counted for _, counted in known.values()), Counter()), len(known) == len(chunks))


def _age(chunk: Any, counted: Counter[str]) -> timedelta:
    return FRESH if counted[NoticeStatus.PENDING] or counted.total() < chunk.decided else KEPT


def _of(chunk: Any) -> Counter[str]:
    # Bound each table: PostgreSQL does not derive the bounds through a join.
    requests = ReturnRequest.objects.filter(pk__range=(chunk.first_id, chunk.last_id), sweep=chunk.sweep_id)
    notices = Notice.objects.filter(pk__gte=chunk.first_id, pk__lte=chunk.last_id)
    found = notices.filter(pk__in=requests.values("pk")).order_by().values_list("status")
    return Counter(dict(found.annotate(count=Count("pk"))))
