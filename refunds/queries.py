"""The set-based statements: each decides, counts or pays any number of rows, on SQLite and PostgreSQL alike."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connections, models, router
from django.db.models import BooleanField, Count, F, Max, Min, Q, QuerySet, Sum, Value
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast, Coalesce, Concat

from . import signals
from .domain.refunds import Outcome, RefundStatus, next_status
from .domain.returns import DECIDED, Decision, Status
from .domain.sweeps import IdRange, Scope, id_ranges
from .frozen import frozen_in
from .models import Refund, ReturnRequest, Sweep


def _has(model: type[models.Model], status: Status | RefundStatus) -> RawSQL:
    # The value as a literal: SQLite uses a partial index only where it can read the condition in the statement, and a
    # bound parameter hides it (https://www.sqlite.org/partialindex.html, section 3).
    return RawSQL(f"{model._meta.db_table}.status = '{status}'", (), BooleanField())  # noqa: S611  # constants


REQUESTED = _has(ReturnRequest, Status.REQUESTED)
UNPAID = _has(Refund, RefundStatus.PENDING)
UNDER_WAY = _has(Refund, RefundStatus.PROCESSING)
FAILED = _has(Refund, RefundStatus.FAILED)

# Refunds whose message is that of their range (pay_refunds): nothing has sent them one by one, or attempted them.
BY_RANGE: Final = Q(attempts=0, dispatched_at=F("due_at"))

RECEIPT = "wallet:"  # what the wallet's receipts begin with; the refund's id follows


def pending(scope: Scope | Sweep) -> QuerySet[ReturnRequest]:
    """Return the requests in the frozen set of a sweep that are still to be decided."""
    rows = ReturnRequest.objects.filter(REQUESTED, frozen_in(scope))
    if scope.received_from is not None:
        rows = rows.filter(received_at__gte=scope.received_from)
    if scope.received_before is not None:
        rows = rows.filter(received_at__lt=scope.received_before)
    return rows


def totals(rows: QuerySet[ReturnRequest], wanted: Q) -> tuple[list[tuple[str, int, int]], int]:
    """Return (currency, count, sum in minor units) of the `wanted` rows, by currency, and the count of the others."""
    # One statement, so that the numbers belong to one instant, and a million rows are read once.
    counts = {"n": Count("pk"), "wanted": Count("pk", filter=wanted), "sum": Sum("amount_minor", filter=wanted)}
    found = list(rows.order_by("currency").values_list("currency").annotate(**counts))
    return [(name, count, int(total)) for name, _, count, total in found if count], sum(n - w for _, n, w, _ in found)


def chunk_ranges(rows: QuerySet[ReturnRequest], step: int) -> list[IdRange]:
    """Return the ranges of ids of every `step` rows, from the first row on; the last range has the rest."""
    first = rows.aggregate(first=Min("pk"))["first"] or 0  # 0 without rows, which makes no range
    # A hop along the index for each chunk: a window over all rows takes three times as long.
    ends: list[int] = []
    rest = rows.filter(pk__gte=first)
    while hop := rest.order_by("pk").values_list("pk", flat=True)[step - 1 : step]:
        ends.extend(hop)
        rest = rows.filter(pk__gt=ends[-1])
    last = rest.aggregate(last=Max("pk"))["last"]
    return list(id_ranges(first, ends if last is None else [*ends, last]))


def decide_rows(rows: QuerySet[ReturnRequest], decision: Decision, now: datetime, **columns: Any) -> int:
    """Decide those of `rows` that are still requested, and return their count; `columns` are written with it."""
    if decision is Decision.APPROVE:
        # The transaction can only commit once insert_refunds has added the row that this names.
        columns["own_refund"] = F("pk")
    return rows.filter(REQUESTED).update(status=DECIDED[decision], decided_at=now, **columns)


def insert_refunds(approved: QuerySet[ReturnRequest], now: datetime, hold: timedelta = timedelta(0)) -> None:
    """Insert a pending refund, due after `hold`, for each of `approved` that has none yet."""
    at, due = (Value(instant, models.DateTimeField()) for instant in (now, now + hold))
    source = approved.filter(status=Status.APPROVED).values_list(
        *("pk", "amount_minor", "currency", Value(RefundStatus.PENDING.value)),
        *(at, Value(0), due, due, Value(""), Value("")),
    )
    columns = "request amount_minor currency status created_at attempts due_at dispatched_at receipt failure"
    insert_select(Refund, columns, source)


def payable(now: datetime) -> QuerySet[Refund]:
    """Return the pending refunds that are due at `now`, and that no room holds back."""
    return Refund.objects.filter(UNPAID, *signals.answers(signals.payment_asked), due_at__lte=now)


def settle_range(id_range: IdRange, now: datetime, prefix: str) -> int:
    """Settle what is payable in the range; return how many refunds that were. A receipt is `prefix` and the id."""
    return (
        payable(now)
        .filter(pk__gte=id_range.first_id, pk__lte=id_range.last_id)
        .update(
            status=next_status(RefundStatus.PENDING, Outcome.PAID),
            receipt=Concat(Value(prefix), Cast("pk", models.CharField())),
            settled_at=now,
            attempts=F("attempts") + 1,
            first_attempt_at=Coalesce("first_attempt_at", Value(now, models.DateTimeField())),
        )
    )


def database_clock() -> datetime | None:
    """Return the time by PostgreSQL's clock, aware; None on SQLite, which has no clock of its own."""
    connection = connections[router.db_for_write(Sweep)]
    if connection.vendor != "postgresql":
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")  # not now(), the time at which the transaction began
        return cursor.fetchone()[0]  # type: ignore[no-any-return]  # rows are untyped


def insert_select(model: type[models.Model], columns: str, source: QuerySet[Any, Any]) -> None:
    """INSERT … SELECT … ON CONFLICT DO NOTHING, which the ORM lacks; the SELECT is the ORM's own."""
    connection = connections[router.db_for_write(model)]
    quote = connection.ops.quote_name
    fields = {field.name: str(field.column) for field in model._meta.concrete_fields}
    into = f"{quote(model._meta.db_table)} ({', '.join(quote(fields[name]) for name in columns.split())})"
    select, params = source.order_by().query.sql_with_params()
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":  # a foreign key's plan of a table of one page reads a whole table per row
            cursor.execute("DISCARD PLANS")
        cursor.execute(f"INSERT INTO {into} {select} ON CONFLICT DO NOTHING", params)
