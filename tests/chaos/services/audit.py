"""The reckoning after a scenario: the books, and what the driver itself knows."""

from collections import Counter
from datetime import datetime
from typing import Any

from django.db.models import Count, F, Q, QuerySet, Sum

from refunds import queries
from refunds.domain.refunds import RefundStatus
from refunds.domain.returns import Decision, Status
from refunds.management.audit import run_audit
from refunds.models import Refund, ReturnRequest, Sweep, WalletEntry
from refunds.notices.models import Notice


def unsettled(cutoff: datetime) -> str:
    """What is still to happen before the books can be closed; empty when nothing is."""
    left = {
        "requests before the cut-off to decide": ReturnRequest.objects.filter(
            queries.REQUESTED, received_at__lt=cutoff
        ),
        "refunds to pay": Refund.objects.filter(queries.UNPAID),
        "refunds under way": Refund.objects.filter(queries.UNDER_WAY),
        "sweeps to close": Sweep.objects.filter(closed_at=None),
        "notices to send": Notice.objects.filter(due_at__isnull=False),
    }
    counts = {name: rows.count() for name, rows in left.items()}
    if not Sweep.objects.filter(kind=Decision.DECLINE, scheduled_for=cutoff).exists():
        counts["decline of the day to begin"] = 1
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count)


def problems(cutoff: datetime, received: int) -> list[str]:
    """A line for each way in which the books are not equal, after a day with so many requests and one cut-off."""
    kept = ReturnRequest.objects.count()
    late = Q(status=Status.APPROVED, sweep__expires_at__lte=F("decided_at"))
    days = Sweep.objects.filter(kind=Decision.DECLINE).values("scheduled_for").annotate(count=Count("pk"))
    found = {
        "requests lost or made twice": abs(kept - received),
        "requests approved at or after their sweep's end": ReturnRequest.objects.filter(late).count(),
        "requests of the next day declined": ReturnRequest.objects.filter(
            status=Status.DECLINED, received_at__gte=cutoff
        ).count(),
        "declines of this day, besides one": abs(days.filter(scheduled_for=cutoff).count() - 1),
        "credits that are not a paid refund's": WalletEntry.objects.exclude(
            refund__status=RefundStatus.SUCCEEDED
        ).count(),
        "currencies in which approved, owed, and paid with failed differ": len(_unequal()),
        "approved requests without one refund of theirs": abs(
            ReturnRequest.objects.filter(status=Status.APPROVED).count() - Refund.objects.count()
        ),
    }
    wrong = [f"{count} {name}" for name, count in found.items() if count]
    left = unsettled(cutoff)
    return [*run_audit().problems, *wrong, *([f"left: {left}"] if left else [])]


def _unequal() -> list[str]:
    approved = _sums(ReturnRequest.objects.filter(status=Status.APPROVED))
    owed = _sums(Refund.objects.all())
    settled = _sums(WalletEntry.objects.all()) + _sums(Refund.objects.filter(status=RefundStatus.FAILED))
    return [name for name in approved | owed | settled if not approved[name] == owed[name] == settled[name]]


def _sums(rows: QuerySet[Any]) -> Counter[str]:
    return Counter(dict(rows.order_by().values_list("currency").annotate(Sum("amount_minor"))))


def decided_by() -> Counter[str]:
    """How many requests each kind of sweep has decided."""
    rows = ReturnRequest.objects.exclude(sweep=None).values_list("sweep__kind").annotate(count=Count("pk"))
    return Counter(dict(rows))


def table() -> list[str]:
    """The books for a person: how many of each status and currency, and their sum in minor units."""
    books = run_audit()
    lines = [
        f"{name} {line.status} {line.currency}: {line.count:,} of {line.total:,} minor units"
        for name, rows in (("requests", books.requests), ("refunds", books.refunds))
        for line in rows
    ]
    credit = _sums(WalletEntry.objects.all())
    return [*lines, *(f"credits {currency}: {total:,} minor units" for currency, total in sorted(credit.items()))]
