"""How many statements an operation makes, whatever the number of rows."""

import re
from typing import Any

import pytest
from django.db import connection
from django.dispatch import Signal
from django.test.utils import CaptureQueriesContext

from refunds import signals
from refunds.domain.sweeps import IdRange
from refunds.gateways.wallet import Wallet
from refunds.operations.bulk_payments import pay_refunds

from ..factories import NOON, make_refund

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("published"),
]


@pytest.mark.parametrize("count", [1, 40])
def test_id_range_is_paid_in_four_statements(
    django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    """BEGIN, the credits, the outcomes, COMMIT, besides what rooms do; on PostgreSQL, which keeps plans, one more."""
    monkeypatch.setattr(signals, "refunds_settled", Signal())
    ids = [make_refund().pk for _ in range(count)]
    with django_assert_num_queries(4 + (connection.vendor == "postgresql")):
        assert pay_refunds(IdRange(ids[0], ids[-1]), NOON, gateway=Wallet()) == count


def test_payment_reads_only_the_id_range() -> None:
    """The statements of credits and outcomes bound each table that they read."""
    ids = [make_refund().pk for _ in range(3)]
    with CaptureQueriesContext(connection) as captured:
        pay_refunds(IdRange(ids[0], ids[-1]), NOON, gateway=Wallet())
    written = [query["sql"] for query in captured if query["sql"].startswith(("INSERT", "UPDATE"))][:2]
    bounds = [re.findall(r'"?(\w+)"?\."\w+" <= (\d+)', sql) for sql in written]
    tables = [
        {"refunds_returnrequest": ids[-1], "refunds_refund": ids[-1]},
        {"refunds_refund": ids[-1], "U0": ids[-1]},  # U0: the wallet's entries
    ]
    assert [{table: int(last) for table, last in found} for found in bounds] == tables
