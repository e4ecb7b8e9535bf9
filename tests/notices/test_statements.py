"""The statements that the notices add to a payment, whatever the number of refunds, and their plans."""

import re
from typing import Any

import pytest
from django.db import connection, transaction

from refunds.domain.sweeps import IdRange
from refunds.models import Refund
from refunds.notices import receivers
from refunds.notices.models import Notice, OptOut

from ..factories import NOON, make_failed, make_requests, never_read_tables
from ..rows.plans import explained
from ..rows.test_kept_plans import FEW, MANY, forget_pages, rows_read
from .mails import ADDRESS, make_pending

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("messages")]
# PostgreSQL forgets kept plans first.
MORE = int(connection.vendor == "postgresql")


def paid(count: int, **columns: Any) -> IdRange:
    """Refunds that have just been paid, of customers with an address."""
    ids = [row.pk for row in make_requests(count, status="approved", customer_email=ADDRESS)]
    columns = {"status": "succeeded", "settled_at": NOON, "receipt": "r", **columns}
    Refund.objects.filter(pk__in=ids).update(**columns)
    return IdRange(ids[0], ids[-1])


@pytest.mark.parametrize("count", [1, 40])
def test_notices_of_a_range_are_inserted_by_one_statement(django_assert_num_queries: Any, count: int) -> None:
    """They are written in the transaction of the outcome: a rollback leaves none."""
    id_range = paid(count)
    with transaction.atomic():
        with django_assert_num_queries(1 + MORE):
            receivers.notify(id_range, NOON)
        assert Notice.objects.filter(status="pending", due_at=NOON).count() == count
        transaction.set_rollback(True)
    assert not Notice.objects.exists()


def test_sent_notices_become_pending_by_the_same_statement(django_assert_num_queries: Any) -> None:
    """The failure of four refunds was mailed. Now all are settled again, two of them with success."""
    succeeded, failed = paid(2), paid(2, status="failed", failure="no", receipt="")
    ids = Refund.objects.values_list("pk", flat=True)
    sent = {"status": "sent", "notified_of": "failed", "notified_at": NOON}
    Notice.objects.bulk_create(Notice(request_id=pk, **sent) for pk in ids)
    with django_assert_num_queries(1 + MORE):
        receivers.notify(IdRange(succeeded.first_id, failed.last_id), NOON)
    assert list(Notice.objects.order_by("pk").values_list("status", flat=True)) == ["pending"] * 2 + ["sent"] * 2


@pytest.mark.parametrize("count", [1, 40])
def test_reopened_refunds_take_one_statement(django_assert_num_queries: Any, count: int) -> None:
    """The number of refunds makes no difference."""
    ids = make_failed(count)
    make_pending(ids, NOON)
    with django_assert_num_queries(1):
        receivers.suppress(ids, NOON)
    assert Notice.objects.filter(status="suppressed").count() == count


def test_statement_reads_no_whole_table() -> None:
    """Each table is read by an index, within the range."""
    paid(3)
    id_range = paid(3)
    OptOut.objects.create(address="out@example.com", created_at=NOON)
    never_read_tables()
    with explained() as plans:
        receivers.notify(id_range, NOON)
    assert not re.search(r"Seq Scan|SCAN", plans[-1].text), plans[-1].text


def test_many_notices_are_not_checked_by_plans_made_for_few() -> None:
    """With a kept plan for a table of one page, each check of the foreign key would read the whole table."""
    table = Refund._meta.db_table
    forget_pages(table)
    for count in (FEW, MANY):
        id_range = paid(count)
        connection.check_constraints()  # as a commit would
        receivers.notify(id_range, NOON)
        connection.check_constraints()
    assert Notice.objects.count() == FEW + MANY
    if connection.vendor == "postgresql":
        assert rows_read(table) < 20 * MANY
