"""Plans that a kept connection of PostgreSQL would keep from when the table of refunds was small."""

import pytest
from django.db import connection

from refunds import signals
from refunds.domain.sweeps import IdRange
from refunds.models import Refund
from refunds.notices.models import Notice

from ..factories import NOON, make_requests
from ..rows.test_kept_plans import FEW, MANY, rows_read
from .mails import ADDRESS

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("messages")]


def settle(count: int) -> None:
    """Settle new refunds, with all foreign keys checked, as a commit would."""
    ids = [row.pk for row in make_requests(count, status="approved", customer_email=ADDRESS)]
    Refund.objects.filter(pk__in=ids).update(status="succeeded", settled_at=NOON, receipt="r")
    connection.check_constraints()
    signals.refunds_settled.send(Refund, id_range=IdRange(ids[0], ids[-1]), now=NOON)
    connection.check_constraints()


def test_many_notices_are_not_checked_by_plans_made_for_few() -> None:
    """With a plan for a table of one page each check of the foreign key would read the whole table."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {Refund._meta.db_table} CASCADE")
            cursor.execute(f"ANALYZE {Refund._meta.db_table}")
    settle(FEW)
    settle(MANY)
    assert Notice.objects.count() == FEW + MANY
    if connection.vendor == "postgresql":
        assert rows_read(Refund._meta.db_table) < 20 * MANY
