"""Gather what the overview shows. Each statement reads a bounded number of rows."""

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any, Final, NamedTuple

from django.db.models import Case, CharField, Sum, Value, When
from django.db.models.functions import Coalesce, TruncDate
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from .. import queries
from ..admin.base import COUNTED
from ..domain import cutoff
from ..domain.returns import DECIDED, Decision, Status
from ..models import Chunk, Refund, ReturnRequest, Sweep
from .capped import Totals, grouped, totals

DAYS: Final = 15  # today and the 14 days before it
SWEEPS: Final = 5
HOUR: Final = timedelta(hours=1)
# How old a pending request is. The first can no longer be approved.
AGES: Final = (
    gettext_lazy("Received before the last cutoff"),
    gettext_lazy("Received since the last cutoff"),
    gettext_lazy("Received in the last hour"),
)


class Pending(NamedTuple):
    """Pending requests: rows of currency, count for each of AGES, count and sum in minor units; `more` if capped."""

    rows: list[tuple[str, list[int], int, int]]
    more: bool


def pending(now: datetime) -> Pending:
    """Return the pending requests at `now` (aware) by currency and age."""
    late, old, new = (Value(str(number)) for number, _ in enumerate(AGES))
    age = Case(
        When(received_at__lt=cutoff.latest(now), then=late),
        When(received_at__lt=now - HOUR, then=old),
        default=new,
        output_field=CharField(),
    )
    found = grouped(ReturnRequest.objects.filter(queries.REQUESTED).annotate(age=age), "currency", "age", limit=COUNTED)
    counts: Counter[tuple[str, int]] = Counter()
    sums: Counter[str] = Counter()
    for currency, number, count, total in found:
        counts[currency, int(number)] += count
        sums[currency] += total
    rows = []
    for currency, total in sorted(sums.items()):
        by_age = [counts[currency, number] for number, _ in enumerate(AGES)]
        rows.append((currency, by_age, sum(by_age), total))
    return Pending(rows, sum(counts.values()) > COUNTED)


def refunds() -> list[tuple[str, str, Totals]]:
    """Return status, what pages call it, and totals of the refunds that are not paid."""
    states = {
        "pending": gettext("waiting"), "processing": gettext("under way at the provider"), "failed": gettext("failed"),
    }  # fmt: skip
    # Each with the column of its index: in that order, because PostgreSQL otherwise reads the table.
    conditions = ((queries.UNPAID, "due_at"), (queries.UNDER_WAY, "accepted_at"), (queries.FAILED, "pk"))
    found = [totals(Refund.objects.filter(condition).order_by(indexed), COUNTED) for condition, indexed in conditions]
    return [(status, text, of_state) for (status, text), of_state in zip(states.items(), found, strict=True)]


def last_sweeps() -> list[dict[str, Any]]:
    """Return the last sweeps with their `decided` rows, the newest first."""
    found = Sweep.objects.select_related("started_by").order_by("-pk")[:SWEEPS]
    of = Chunk.objects.filter(sweep__in=[sweep.pk for sweep in found]).values_list("sweep")
    decided = dict(of.annotate(total=Sum("decided")).order_by())
    return [{"sweep": sweep, "decided": decided.get(sweep.pk, 0)} for sweep in found]


def decisions(now: datetime) -> tuple[list[tuple[date, int, int]], bool]:
    """Return each of the last DAYS days of the cutoff's zone with how many requests were approved and declined.

    Also return whether there are more decisions on chosen rows than are counted.
    """
    today = timezone.localtime(now, cutoff.ZONE).date()
    # By the sweeps, which are few: their rows are in no index on the instant of a decision.
    recent = Sweep.objects.filter(started_at__gte=now - timedelta(days=DAYS + 1)).values("pk")
    day = TruncDate("done_at", tzinfo=cutoff.ZONE)
    chunks = Chunk.objects.filter(sweep__in=recent, done_at__isnull=False).annotate(day=day).order_by()
    rows = chunks.values_list("day", "sweep__kind").annotate(total=Coalesce(Sum("decided"), 0))
    found, more = by_hand(now)
    found.update({(of_day, DECIDED[Decision(kind)]): total for of_day, kind, total in rows})
    days = [(of_day, found[of_day, Status.APPROVED], found[of_day, Status.DECLINED]) for of_day in _days(today)]
    return days, more


def by_hand(now: datetime) -> tuple[Counter[tuple[date, str]], bool]:
    """Return how many chosen rows had each status on each of the last DAYS days; whether there are older ones."""
    first = timezone.localtime(now, cutoff.ZONE).date() - timedelta(days=DAYS - 1)
    since = cutoff.in_utc(datetime.combine(first, time(), cutoff.ZONE))
    rows = ReturnRequest.objects.filter(sweep=None, decided_at__gte=since)
    day = TruncDate("decided_at", tzinfo=cutoff.ZONE)
    newest = rows.annotate(day=day).order_by("-decided_at")
    found = grouped(newest, "day", "status", limit=COUNTED)
    counts = Counter({(date.fromisoformat(str(of_day)), status): count for of_day, status, count, _ in found})
    return counts, counts.total() > COUNTED


def _days(today: date) -> Iterator[date]:
    for ago in reversed(range(DAYS)):
        yield today - timedelta(days=ago)
