"""What the page of "Approve all pending" shows, and what has changed since. No statement reads a whole table."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any, Final

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import BooleanField, Count, ExpressionWrapper, Max, Min, Q, Sum, Value
from django.utils.translation import gettext

from .. import queries
from ..domain import sweeps as rules
from ..domain.returns import Decision
from ..domain.sweeps import Frozen
from ..frozen import frozen_in
from ..models import ReturnRequest, Sweep, money
from ..operations.decisions import Rows
from ..operations.reconcile import open_at
from .actions import Totals
from .base import COUNTED
from .values import in_zone, sums, url

# Amounts of each currency, and reasons, that the page names.
LARGEST: Final = 3
REASONS: Final = 10
# A worker whose clock is slow writes a sweep's end before the page. Looking further back costs at most a recount.
SLOW: Final = timedelta(minutes=1)


@dataclass(frozen=True)
class Offer:
    """What a press would approve of a frozen set: `rows`. `taken` are those that the open `sweeps` decide."""

    frozen: Frozen
    rows: Rows
    totals: Totals
    taken: Totals
    only_declinable: int
    received: tuple[datetime, datetime] | None  # of the oldest and the newest of `rows`
    sweeps: list[Sweep]

    @property
    def count(self) -> int:
        """Return how many requests would be approved, in all currencies."""
        return sum(count for _, count, _ in self.totals)


def offer(frozen: Frozen, now: datetime) -> Offer:
    """Return what a press at `now` (aware) would approve. One statement reads the index of pending rows once."""
    sweeps = list(
        Sweep.objects.filter(open_at(now), kind=Decision.APPROVE, closed_at=None).select_related("started_by")
    )
    pending = ReturnRequest.objects.filter(queries.REQUESTED, frozen_in(frozen))
    allowed = Q(received_at__gte=rules.received_from(Decision.APPROVE, now))
    taken = reduce(or_, (frozen_in(sweep) & Q(received_at__gte=sweep.received_from) for sweep in sweeps), Q(pk__in=[]))
    # Two truths: of another expression, PostgreSQL expects as many values as there are rows, and sorts all of them.
    parts: dict[str, Any] = {"late": ExpressionWrapper(~allowed, BooleanField()), "taken": Value(value=False)}
    if sweeps:
        parts["taken"] = ExpressionWrapper(taken, BooleanField())
    numbers = (Count("pk"), Sum("amount_minor"), *(end(of) for of in ("received_at", "pk") for end in (Min, Max)))
    grouped = pending.annotate(**parts).order_by("currency").values_list(*parts, "currency")
    found = list(grouped.annotate(*numbers))

    def totals(*, late: bool, taken: bool) -> Totals:
        wanted = (row for row in found if row[0] == late and (late or row[1] == taken))
        return [(currency, count, int(total)) for _, _, currency, count, total, *_ in wanted]

    only_declinable = sum(count for _, count, _ in totals(late=True, taken=False))
    rows, received = pending.none(), None
    if ends := [row[5:] for row in found if not (row[0] or row[1])]:
        oldest, newest, lowest, highest = zip(*ends, strict=True)
        received = (min(oldest), max(newest))
        rows = pending.filter(allowed, pk__range=(min(lowest), max(highest))).exclude(taken)
    offered = totals(late=False, taken=False)
    return Offer(frozen, rows, offered, totals(late=False, taken=True), only_declinable, received, sweeps)


def details(found: Offer) -> dict[str, Any]:
    """Return what else the page shows: the largest amounts and the reasons, of at most COUNTED requests."""
    context = {
        "received": [in_zone(instant) for instant in found.received or ()],
        "taken": sums(found.taken) if found.taken else "",
        "deciding": [
            (sweep, sweep.started_by or gettext("a command"), url(Sweep._meta, "change", sweep.pk))
            for sweep in found.sweeps
        ],
        "counted": COUNTED,
    }
    if not 0 < found.count <= COUNTED:
        return context
    reasons = list(found.rows.values_list("reason").annotate(count=Count("pk")).order_by("-count", "reason")[:REASONS])
    others = found.count - sum(count for _, count in reasons)
    return context | {"largest": list(_largest(found)), "reasons": reasons, "others": others}


def _largest(found: Offer) -> Iterator[tuple[int, str, str]]:
    # One statement for each currency, because a window over all of them sorts every row. None of them reads a row.
    for currency, _, _ in found.totals:
        rows = found.rows.filter(currency=currency).order_by("-amount_minor", "pk")
        for pk, minor in rows.values_list("pk", "amount_minor")[:LARGEST]:
            yield pk, money(minor, currency), url(ReturnRequest._meta, "change", pk)


def difference(frozen: Frozen, was: Totals, shown_at: datetime, now: datetime) -> str:
    """Return how the offer differs from what a page of `shown_at` (aware) showed: `5 of 62.50 GBP, now none`.

    Return an empty text if it does not. A recount of a million rows takes longer than a press should. Therefore look
    first for what a decision since then leaves: a sweep that began, or ended with rows left, or an entry in the log.
    What a sweep decides that was open before was not in the offer.
    """
    since = shown_at - SLOW
    moved = Q(started_at__gte=since) | Q(closed_at__gte=since, left__gt=0)
    kinds = ContentType.objects.get_for_models(ReturnRequest, Sweep).values()
    noted = LogEntry.objects.filter(content_type__in=[kind.pk for kind in kinds], action_time__gte=since)
    if not Sweep.objects.filter(moved, kind=Decision.APPROVE).exists() and not noted.exists():
        return ""
    offered = offer(frozen, now).totals
    currencies = sorted({currency for currency, *_ in (*was, *offered)})
    pairs = [[sums(one for one in totals if one[0] == name) for totals in (was, offered)] for name in currencies]
    text = gettext("%(before)s, now %(after)s")
    return "; ".join(text % {"before": before, "after": after} for before, after in pairs if before != after)
