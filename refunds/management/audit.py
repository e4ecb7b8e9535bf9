"""The audit: what the rows sum to, and every way in which they contradict each other."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Sum

from .. import queries, signals
from ..domain.refunds import RefundStatus
from ..domain.returns import Decision, Status
from ..models import Refund, ReturnRequest, Sweep, WalletEntry


@dataclass(frozen=True)
class AuditSum:
    """How many rows of a status and currency, and their sum in minor units."""

    status: str
    currency: str
    count: int
    total: int


@dataclass(frozen=True)
class Audit:
    """Sums by status and currency, and the contradictions found."""

    requests: list[AuditSum]
    refunds: list[AuditSum]
    problems: list[str]

    def count(self, status: Status | RefundStatus) -> int:
        """Return how many requests, or refunds, have this status."""
        return sum(row.count for row in (*self.requests, *self.refunds) if row.status == status)


def run_audit() -> Audit:
    """Compare all requests, refunds and rows of rooms with each other. It reads every row: too slow for a page."""
    found = {name: rows.count() for name, rows in _contradictions().items()}
    for counts in signals.answers(signals.audit_requested):
        found |= counts
    return Audit(_sums(ReturnRequest), _sums(Refund), [f"{name}: {count}" for name, count in found.items() if count])


def _sums(model: type[ReturnRequest] | type[Refund]) -> list[AuditSum]:
    rows = model._default_manager.order_by("status", "currency").values_list("status", "currency")
    return [AuditSum(*row) for row in rows.annotate(count=Count("pk"), total=Sum("amount_minor"))]


def _contradictions() -> dict[str, QuerySet[Any, Any]]:
    requests, refunds, entries = ReturnRequest.objects, Refund.objects, WalletEntry.objects
    refund, credit = (Exists(rows.filter(pk=OuterRef("pk"))) for rows in (refunds, entries))
    declines = Sweep.objects.filter(kind=Decision.DECLINE).values("scheduled_for").annotate(n=Count("pk"))
    return {
        "requests in no known state": requests.exclude(status__in=list(Status)),
        "approved requests without a refund": requests.filter(~refund, status=Status.APPROVED),
        "refunds of requests that are not approved": refunds.exclude(request__status=Status.APPROVED),
        "refunds of another amount than their request": refunds.exclude(_amount_of("request")),
        "refunds paid by the wallet without a credit": refunds.filter(~credit, receipt__startswith=queries.RECEIPT),
        "credits of another amount than their refund": entries.exclude(_amount_of("refund")),
        "credits for refunds that failed": entries.filter(refund__status=RefundStatus.FAILED),
        "credits for refunds that are under way elsewhere": entries.filter(refund__status=RefundStatus.PROCESSING),
        "cutoffs with more than one decline sweep": declines.filter(n__gt=1),
    }


def _amount_of(row: str) -> Q:
    return Q(amount_minor=F(f"{row}__amount_minor"), currency=F(f"{row}__currency"))
