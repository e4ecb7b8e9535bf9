"""The set-based statements: each decides, counts or pays any number of rows at once, on SQLite and PostgreSQL alike."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from django.db import IntegrityError, connections, models, router, transaction
from django.db.models import BooleanField, Count, Exists, F, Max, Min, OuterRef, Q, QuerySet, Sum, Value
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast, Coalesce, Concat, Lower

from .domain.refunds import Outcome, RefundStatus, settle
from .domain.returns import Decision, Status, decide
from .domain.sweeps import Frozen, IdRange, Scope
from .frozen import within
from .models import OptOut, Refund, ReturnRequest, Sweep

REQUESTS: Final = ReturnRequest._meta.db_table
REFUNDS: Final = Refund._meta.db_table
# The value as a literal: SQLite uses a partial index only where it can read the condition in the statement, and a
# bound parameter hides it (https://www.sqlite.org/partialindex.html, section 3).
PENDING = RawSQL(f"{REQUESTS}.status = '{Status.REQUESTED}'", (), output_field=BooleanField())  # noqa: S611  # constants
IDENTIFIED = RawSQL(f"{REQUESTS}.return_id > ''", (), output_field=BooleanField())  # noqa: S611
UNPAID = RawSQL(f"{REFUNDS}.status = '{RefundStatus.PENDING}'", (), output_field=BooleanField())  # noqa: S611
UNDER_WAY = RawSQL(f"{REFUNDS}.status = '{RefundStatus.PROCESSING}'", (), output_field=BooleanField())  # noqa: S611
FAILED = RawSQL(f"{REFUNDS}.status = '{RefundStatus.FAILED}'", (), output_field=BooleanField())  # noqa: S611

# Refunds whose message is that of their range (pay_refunds): nothing has sent them one by one, or attempted them.
BY_RANGE: Final = Q(attempts=0, dispatched_at=F("due_at"))

# What the wallet's receipts begin with; the refund's id follows.
RECEIPT = "wallet:"

# How each database makes rows of an array of arrays of JSON, and a column of the value at an index: SQLite's values
# have their types, PostgreSQL's are text, which becomes what the column is.
UNPACKED: Final = {
    "sqlite": ("json_each(%s)", "json_extract(value, '$[{index}]')"),
    "postgresql": ("json_array_elements(%s)", "(value ->> {index}){cast}"),
}
TEXT: Final = models.CharField | models.TextField


def pending(scope: Scope) -> QuerySet[ReturnRequest]:
    """The return requests in the set that are still to be decided."""
    rows = within(ReturnRequest.objects.filter(PENDING), Frozen(scope.up_to_id, scope.snapshot))
    if scope.received_from is not None:
        rows = rows.filter(received_at__gte=scope.received_from)
    if scope.received_before is not None:
        rows = rows.filter(received_at__lt=scope.received_before)
    return rows


def add_requests(columns: Sequence[str], rows: Sequence[Sequence[Any]], now: datetime) -> list[tuple[str, str, int]]:
    """Add a pending request, received at `now`, for each of `rows` whose key and return_id are not stored yet.

    `columns` names the values of each row, `key` among them. Returns (key, currency, minor units) of each that was
    added. Of two that add the same one at once, the constraints let one through.
    """
    connection = connections[router.db_for_write(ReturnRequest)]
    source, column = UNPACKED[connection.vendor]
    fields = map(ReturnRequest._meta.get_field, columns)
    casts = ["" if isinstance(field, TEXT) else f"::{field.db_type(connection)}" for field in fields]
    values = (column.format(index=index, cast=cast) for index, cast in enumerate(casts))
    adapted = connection.ops.adapt_datetimefield_value
    # One parameter: thousands of them, each with its placeholder, take several times as long.
    packed = json.dumps(rows, default=lambda instant: str(adapted(instant)))
    # WHERE, because SQLite would take ON for the one of a join.
    statement = f"""INSERT INTO refunds_returnrequest ({", ".join(columns)}, received_at, status, decision_note)
        SELECT {", ".join(values)}, %s, %s, '' FROM {source} WHERE true
        ON CONFLICT DO NOTHING RETURNING key, currency, amount_minor"""  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(statement, (adapted(now), Status.REQUESTED, packed))
        added: list[tuple[str, str, int]] = cursor.fetchall()
    return added


def with_return_ids(ids: Iterable[str]) -> dict[str, ReturnRequest]:
    """The stored requests that have one of these return_ids, by it."""
    return {row.return_id: row for row in ReturnRequest.objects.filter(IDENTIFIED, return_id__in=list(ids))}


def give_return_id(key: str, return_id: str) -> bool:
    """Give the request with this key the return_id; return False where it has one, or another request has this one."""
    try:
        with transaction.atomic():
            return bool(ReturnRequest.objects.filter(key=key, return_id="").update(return_id=return_id))
    except IntegrityError:
        return False


def lowest_id(rows: QuerySet[ReturnRequest]) -> int:
    """The lowest id of the rows, 0 where there are none."""
    return rows.aggregate(lowest=Coalesce(Min("pk"), Value(0)))["lowest"]  # type: ignore[no-any-return]  # aggregates are untyped


def totals(rows: QuerySet[ReturnRequest]) -> list[tuple[str, int, int]]:
    """(currency, how many, sum in minor units) of the rows, by currency."""
    sums = rows.order_by().values("currency").annotate(count=Count("pk"), total=Sum("amount_minor"))
    return [(row["currency"], row["count"], int(row["total"])) for row in sums.order_by("currency")]


def parted_totals(rows: QuerySet[ReturnRequest], line: datetime) -> tuple[list[tuple[str, int, int]], int]:
    """The `totals` of those received at `line` or later, and how many of the rows were received before it.

    One statement, so that the numbers are of one instant, and a million rows are read once.
    """
    sums = rows.order_by().values("currency").annotate(count=Count("pk"))
    parted = sums.annotate(
        early=Count("pk", filter=Q(received_at__lt=line)), total=Sum("amount_minor", filter=Q(received_at__gte=line))
    )
    found = list(parted.order_by("currency"))
    late = [(row["currency"], row["count"] - row["early"], row["total"]) for row in found]
    return [(name, count, int(total)) for name, count, total in late if count], sum(row["early"] for row in found)


def boundaries(rows: QuerySet[ReturnRequest], first_id: int, step: int) -> list[int]:
    """The id of every `step`th row from `first_id` on in the order of ids, and of the last one: where chunks end."""
    # A hop along the index for each chunk, not a window over all rows, which costs three times as much.
    ends: list[int] = []
    rest = rows.filter(pk__gte=first_id)
    while hop := rest.order_by("pk").values_list("pk", flat=True)[step - 1 : step]:
        ends.extend(hop)
        rest = rows.filter(pk__gt=ends[-1])
    last = rest.aggregate(last=Max("pk"))["last"]
    return ends if last is None else [*ends, last]


def decide_rows(rows: QuerySet[ReturnRequest], decision: Decision, now: datetime, **stamp: Any) -> int:
    """Decide those of `rows` that are still requested, and return how many they were.

    `stamp` names other columns to write (`sweep`, `decided_by`, `decision_note`).
    """
    if decision is Decision.APPROVE:
        # The transaction cannot end before insert_refunds has added the row that this names.
        stamp["owed"] = F("pk")
    return rows.filter(PENDING).update(status=decide(Status.REQUESTED, decision), decided_at=now, **stamp)


def insert_refunds(approved: QuerySet[ReturnRequest], now: datetime) -> None:
    """A pending refund, due at once, for each of `approved` that has none yet."""
    at = Value(now, models.DateTimeField())
    source = approved.filter(status=Status.APPROVED).values_list(
        "pk",
        "amount_minor",
        "currency",
        Value(RefundStatus.PENDING.value),
        at,
        Value(0),
        at,
        at,
        Value(""),
        Value(""),
    )
    insert_select(
        Refund,
        "request amount_minor currency status created_at attempts due_at dispatched_at receipt failure",
        source,
    )


def unpaid(id_range: IdRange, now: datetime) -> QuerySet[Refund]:
    """The pending refunds in the range that are due at `now`."""
    return Refund.objects.filter(UNPAID, pk__gte=id_range.first_id, pk__lte=id_range.last_id, due_at__lte=now)


def settle_credited(id_range: IdRange, now: datetime, entries: QuerySet[Any], prefix: str) -> int:
    """Settle the refunds due in the range that have one of `entries`; return how many. A receipt is `prefix` and id."""
    # The credit is asked for: since it was made, another transaction can have added a refund.
    credited = entries.filter(pk=OuterRef("pk"))
    return (
        unpaid(id_range, now)
        .filter(Exists(credited))
        .update(
            status=settle(RefundStatus.PENDING, Outcome.PAID),
            receipt=Concat(Value(prefix), Cast("pk", models.CharField())),
            settled_at=now,
            attempts=F("attempts") + 1,
            first_attempt_at=Coalesce("first_attempt_at", Value(now, models.DateTimeField())),
        )
    )


def owe_notices(id_range: IdRange, now: datetime) -> list[int]:
    """Owe the customers of these refunds a mail where there is one to send; return the ids of these refunds, rising.

    That is: settled at `now`, with an address that has not opted out, and not a failure after one that was told: only
    the first is news. A success after one that was told has another receipt. Where a mail about the outcome before it
    is being sent, whoever sends it finds this one. Wants a transaction around it, that of the outcome.
    """
    opted_out = OptOut.objects.filter(address=Lower(OuterRef("request__customer_email")))
    owed = (
        # Not what was settled before: its mail has gone out, or was given up.
        Refund.objects.filter(pk__gte=id_range.first_id, pk__lte=id_range.last_id, settled_at=now, notify_at=None)
        .exclude(status=RefundStatus.FAILED, notified_of=RefundStatus.FAILED)
        # Not this very outcome: a doubled message can come at its instant.
        .exclude(notified_of=F("status"), notified_at__gte=F("settled_at"))
        .exclude(request__customer_email="")
        .exclude(Exists(opted_out))
    )
    ids = list(owed.order_by("pk").values_list("pk", flat=True))
    if ids:
        Refund.objects.filter(pk__in=ids).update(notify_at=now)
    return ids


def database_clock() -> datetime | None:
    """What PostgreSQL's clock says at this moment, aware; None on SQLite, which has none of its own."""
    connection = connections[router.db_for_write(Sweep)]
    if connection.vendor != "postgresql":
        return None
    with connection.cursor() as cursor:
        # Not now(), which is when the transaction began.
        cursor.execute("SELECT clock_timestamp()")
        (found,) = cursor.fetchone()
    return found  # type: ignore[no-any-return]  # rows are untyped


def scope_of(sweep: Sweep) -> Scope:
    """The frozen set that the sweep's row describes."""
    return Scope(sweep.up_to_id, sweep.received_from, sweep.received_before, sweep.snapshot)


def insert_select(model: type[models.Model], columns: str, source: QuerySet[Any, Any]) -> None:
    """INSERT … SELECT … ON CONFLICT DO NOTHING, which the ORM has no name for; the SELECT is the ORM's own.

    The foreign keys of the transaction are then checked by plans made anew: PostgreSQL keeps such a plan with the
    connection, and one of a table that had a page then reads the whole table for each row, however many there are now.
    """
    connection = connections[router.db_for_write(model)]
    quote = connection.ops.quote_name
    fields = {field.name: str(field.column) for field in model._meta.concrete_fields}
    into = f"{quote(model._meta.db_table)} ({', '.join(quote(fields[name]) for name in columns.split())})"
    select, params = source.order_by().query.sql_with_params()
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("DISCARD PLANS")
        cursor.execute(f"INSERT INTO {into} {select} ON CONFLICT DO NOTHING", params)
