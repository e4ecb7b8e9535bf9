"""Change many notices in one statement, on SQLite and PostgreSQL alike."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.db import connections, models, router
from django.db.models import Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Lower

from ..domain.refunds import RefundStatus
from ..domain.sweeps import IdRange
from ..models import ReturnRequest
from .models import Notice, NoticeStatus, OptOut

# Reasons for suppression.
OPTED_OUT: Final = "the customer has opted out"
REOPENED: Final = "the refund did not stay failed until the mail was sent"


def insert_notices(id_range: IdRange, now: datetime) -> list[int]:
    """Insert pending notices of the refunds that were settled at `now`. Return these refunds' ids in ascending order.

    Call it in the transaction of the outcomes.
    """
    updates = "status = excluded.status, due_at = excluded.due_at, reason = ''"
    return _insert(_to_notify(id_range, now), "", now, f"UPDATE SET {updates}")


def insert_declines(declined: QuerySet[ReturnRequest], sentence: str, now: datetime) -> list[int]:
    """Insert pending notices of these requests, which were declined at `now`. Return their ids in ascending order.

    Call it in the transaction of the decision. A customer without an address, or with an opt-out, gets none.
    """
    return _insert(_with_address(declined), sentence, now, "NOTHING")


def _insert(rows: QuerySet[ReturnRequest], sentence: str, now: datetime, on_conflict: str) -> list[int]:
    at = Value(now, models.DateTimeField())
    values = rows.order_by().values_list("pk", Value(NoticeStatus.PENDING.value), at, Value(sentence))
    select, params = values.query.sql_with_params()
    connection = connections[router.db_for_write(Notice)]
    into = f"{connection.ops.quote_name(Notice._meta.db_table)} (request_id, status, due_at, sentence)"
    statement = f"INSERT INTO {into} {select} ON CONFLICT (request_id) DO {on_conflict} RETURNING request_id"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("DISCARD PLANS")  # for the reason in the core's queries.insert_select
        cursor.execute(statement, params)
        return sorted(pk for (pk,) in cursor.fetchall())


def _to_notify(id_range: IdRange, now: datetime) -> QuerySet[ReturnRequest]:
    """Return the requests whose refund was settled at `now`, except those whose customer gets no mail about it.

    - The customer has no address, or has opted out.
    - The refund failed, and the last mail was about a failure: only the first failure is news. A success after another
      success has another receipt, so it is news.
    - The last mail was about this outcome: a second message can come at the same instant.
    - The notice is pending already: the sender of that mail finds this outcome.
    """
    # Bound each table: PostgreSQL does not derive the bounds through a join.
    bounds = {"pk__gte": id_range.first_id, "pk__lte": id_range.last_id}
    of_refund = {f"refund__{name}": value for name, value in bounds.items()}
    same_outcome = Q(notified_of=OuterRef("refund__status"))
    is_repeated = Q(notified_of=RefundStatus.FAILED) | Q(notified_at__gte=OuterRef("refund__settled_at"))
    not_news = Notice.objects.filter(
        Q(due_at__isnull=False) | (same_outcome & is_repeated), pk=OuterRef("pk"), **bounds
    )
    rows = ReturnRequest.objects.filter(refund__settled_at=now, **bounds, **of_refund)
    return _with_address(rows.exclude(Exists(not_news)))


def _with_address(rows: QuerySet[ReturnRequest]) -> QuerySet[ReturnRequest]:
    opted_out = OptOut.objects.filter(address=Lower(OuterRef("customer_email")))
    return rows.exclude(customer_email="").exclude(Exists(opted_out))


def suppress_reopened(ids: Sequence[int], now: datetime) -> None:
    """Suppress the due notices of refunds that are no longer failed, except those that a worker is sending."""
    waiting = Notice.objects.filter(pk__in=ids, due_at__lte=now)
    waiting.update(status=NoticeStatus.SUPPRESSED, due_at=None, reason=REOPENED)
