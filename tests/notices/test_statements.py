"""How many statements the notices add to a payment, whatever the number of refunds."""

import re
from datetime import datetime
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from refunds.domain.sweeps import IdRange
from refunds.models import Refund
from refunds.notices import receivers
from refunds.notices.models import Notice, OptOut

from ..factories import NOON, make_failed, make_refund, never_read_tables
from .mails import ADDRESS

pytestmark = pytest.mark.django_db
# PostgreSQL forgets kept plans first.
MORE = int(connection.vendor == "postgresql")


@pytest.fixture(autouse=True)
def _no_message(messages: list[int]) -> None:
    """The test counts statements alone."""


def paid(count: int, **columns: Any) -> IdRange:
    """Refunds that have just been paid, of customers with an address."""
    ids = [make_refund(customer_email=ADDRESS, **columns).pk for _ in range(count)]
    Refund.objects.filter(pk__in=ids).update(status="succeeded", settled_at=NOON, receipt="r")
    return IdRange(ids[0], ids[-1])


def settled(id_range: IdRange, now: datetime = NOON) -> None:
    receivers.notify(id_range, now)


@pytest.mark.parametrize("count", [1, 40])
def test_notices_of_a_range_are_inserted_by_one_statement(django_assert_num_queries: Any, count: int) -> None:
    """However many they are."""
    id_range = paid(count)
    with django_assert_num_queries(1 + MORE):
        settled(id_range)
    assert Notice.objects.filter(status="pending", due_at=NOON).count() == count


def test_sent_notices_become_pending_by_the_same_statement(django_assert_num_queries: Any) -> None:
    """The failure of four refunds was mailed. Now all are settled again, two of them with success."""
    ids = [make_refund(customer_email=ADDRESS).pk for _ in range(4)]
    Refund.objects.filter(pk__in=ids[:2]).update(status="succeeded", settled_at=NOON, receipt="r")
    Refund.objects.filter(pk__in=ids[2:]).update(status="failed", settled_at=NOON, failure="no")
    Notice.objects.bulk_create(
        Notice(refund_id=pk, status="sent", notified_of="failed", notified_at=NOON) for pk in ids
    )
    with django_assert_num_queries(1 + MORE):
        settled(IdRange(ids[0], ids[-1]))
    assert list(Notice.objects.order_by("pk").values_list("status", flat=True)) == ["pending"] * 2 + ["sent"] * 2


@pytest.mark.parametrize("count", [1, 40])
def test_reopened_refunds_take_one_statement(django_assert_num_queries: Any, count: int) -> None:
    """However many they are."""
    ids = make_failed(count)
    Notice.objects.bulk_create(Notice(refund_id=pk, status="pending", due_at=NOON) for pk in ids)
    with django_assert_num_queries(1):
        receivers.suppress(ids, NOON)
    assert Notice.objects.filter(status="suppressed").count() == count


def test_statement_reads_no_whole_table() -> None:
    """Each table is read by an index, within the range."""
    paid(3)
    id_range = paid(3)
    OptOut.objects.create(address="out@example.com", created_at=NOON)
    never_read_tables()
    with CaptureQueriesContext(connection) as captured:
        settled(id_range)
    sql = captured[-1]["sql"]
    explain = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"
    with connection.cursor() as cursor:
        cursor.execute(f"{explain} {sql}")
        plan = "\n".join(str(row[-1]) for row in cursor.fetchall())
    assert not re.search(r"Seq Scan|SCAN", plan), plan


def test_rolled_back_outcome_leaves_no_notice() -> None:
    """The notice is written in the transaction of the outcome."""
    id_range = paid(1)
    with transaction.atomic():
        settled(id_range)
        transaction.set_rollback(True)
    assert not Notice.objects.exists()
