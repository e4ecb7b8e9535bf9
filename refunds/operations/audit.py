"""The audit: what the rows sum to, and every way in which they contradict each other."""

from dataclasses import dataclass

from django.db.models import Count, Exists, F, OuterRef, Q, Sum

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
        rows = self.requests if isinstance(status, Status) else self.refunds
        return sum(row.count for row in rows if row.status == status)


def run_audit() -> Audit:
    """Compare all requests, refunds and rows of rooms with each other. It reads every row: too slow for a page."""
    found = _contradictions()
    for counts in signals.answers(signals.audit_requested):
        found |= counts
    problems = [f"{name}: {count}" for name, count in found.items() if count]
    return Audit(_sums(ReturnRequest), _sums(Refund), problems)


def _sums(model: type[ReturnRequest] | type[Refund]) -> list[AuditSum]:
    rows = model._default_manager.order_by("status", "currency").values_list("status", "currency")
    return [AuditSum(*row) for row in rows.annotate(count=Count("pk"), total=Sum("amount_minor"))]


def _contradictions() -> dict[str, int]:
    refund_of = Refund.objects.filter(pk=OuterRef("pk"))
    credit_of = WalletEntry.objects.filter(pk=OuterRef("pk"))
    by_wallet = Q(receipt__startswith=queries.RECEIPT)
    doubled = Sweep.objects.filter(kind=Decision.DECLINE).values("scheduled_for").annotate(n=Count("pk"))
    rows = {
        "requests in no known state": ReturnRequest.objects.exclude(status__in=list(Status)),
        "approved requests without a refund": ReturnRequest.objects.filter(~Exists(refund_of), status=Status.APPROVED),
        "refunds of requests that are not approved": Refund.objects.exclude(request__status=Status.APPROVED),
        "refunds of another amount than their request": Refund.objects.exclude(
            amount_minor=F("request__amount_minor"), currency=F("request__currency")
        ),
        "refunds paid by the wallet without a credit": Refund.objects.filter(by_wallet, ~Exists(credit_of)),
        "credits of another amount than their refund": WalletEntry.objects.exclude(
            amount_minor=F("refund__amount_minor"), currency=F("refund__currency")
        ),
        "credits for refunds that failed": WalletEntry.objects.filter(refund__status=RefundStatus.FAILED),
        "credits for refunds that are under way elsewhere": WalletEntry.objects.filter(
            refund__status=RefundStatus.PROCESSING
        ),
        "cutoffs with more than one decline sweep": doubled.filter(n__gt=1),
    }
    return {name: found.count() for name, found in rows.items()}
