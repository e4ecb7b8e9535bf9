"""The books: what the rows add up to, and every way in which they contradict each other."""

from dataclasses import dataclass
from typing import cast

from django.db.models import Count, Exists, F, OuterRef, Q, Sum

from .. import queries, signals
from ..domain.refunds import RefundStatus
from ..domain.returns import Decision, Status
from ..models import Refund, ReturnRequest, Sweep, WalletEntry


@dataclass(frozen=True)
class Line:
    """How many rows of a status and currency, and their sum in minor units."""

    status: str
    currency: str
    count: int
    total: int


@dataclass(frozen=True)
class Books:
    """Sums by status and currency, and the contradictions found; books without one are equal."""

    requests: list[Line]
    refunds: list[Line]
    problems: list[str]

    def count(self, status: Status | RefundStatus) -> int:
        """How many requests, or refunds, have this status."""
        rows = self.requests if isinstance(status, Status) else self.refunds
        return sum(row.count for row in rows if row.status == status)


def close_books() -> Books:
    """Count all requests and refunds, and hold them against each other.

    Every row is read: for the end of a day, a test or a soak, not for a page.
    """
    found = {name: rows for name, rows in _contradictions().items() if rows}
    return Books(
        requests=_sums(ReturnRequest),
        refunds=_sums(Refund),
        problems=[f"{name}: {count}" for name, count in found.items()],
    )


def _sums(model: type[ReturnRequest] | type[Refund]) -> list[Line]:
    rows = model._default_manager.order_by("status", "currency").values_list("status", "currency")
    return [Line(*row) for row in rows.annotate(count=Count("pk"), total=Sum("amount_minor"))]


def _contradictions() -> dict[str, int]:
    refund_of = Refund.objects.filter(pk=OuterRef("pk"))
    credit_of = WalletEntry.objects.filter(pk=OuterRef("pk"))
    by_wallet = Q(receipt__startswith=queries.RECEIPT)
    doubled = (
        Sweep.objects.filter(kind=Decision.DECLINE).values("scheduled_for").annotate(n=Count("pk")).filter(n__gt=1)
    )
    found = {
        "requests in no known state": ReturnRequest.objects.exclude(status__in=list(Status)).count(),
        "approved requests without a refund": ReturnRequest.objects.filter(
            ~Exists(refund_of), status=Status.APPROVED
        ).count(),
        "refunds of requests that are not approved": Refund.objects.exclude(request__status=Status.APPROVED).count(),
        "refunds of another amount than their request": Refund.objects.exclude(
            amount_minor=F("request__amount_minor"), currency=F("request__currency")
        ).count(),
        "refunds paid by the wallet without a credit": Refund.objects.filter(by_wallet, ~Exists(credit_of)).count(),
        "credits of another amount than their refund": WalletEntry.objects.exclude(
            amount_minor=F("refund__amount_minor"), currency=F("refund__currency")
        ).count(),
        "credits for refunds that failed": WalletEntry.objects.filter(refund__status=RefundStatus.FAILED).count(),
        "credits for refunds that are under way elsewhere": WalletEntry.objects.filter(
            refund__status=RefundStatus.PROCESSING
        ).count(),
        "cut-offs with more than one decline sweep": doubled.count(),
    }
    for _, more in signals.audit_requested.send(None):
        found |= cast(dict[str, int], more)
    return found
