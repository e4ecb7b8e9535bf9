"""How many statements the notices of a range of outcomes need, whatever the number of rows."""

from typing import Any

import pytest

from refunds.domain.sweeps import IdRange
from refunds.models import Refund
from refunds.notices import receivers

from ..factories import NOON, make_refund

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("count", [1, 40])
@pytest.mark.parametrize(("email", "statements"), [("", 1), ("c@example.com", 2)], ids=["no address", "an address"])
def test_notices_of_an_id_range_take_one_look_and_one_update(
    django_assert_num_queries: Any, count: int, email: str, statements: int
) -> None:
    """One statement looks for customers with an address; one more plans their mails."""
    paid = {"status": "succeeded", "receipt": "r", "settled_at": NOON}
    ids = [make_refund(customer_email=email, **paid).pk for _ in range(count)]
    with django_assert_num_queries(statements):
        receivers.settled(id_range=IdRange(ids[0], ids[-1]), now=NOON)
    assert Refund.objects.filter(notify_at=NOON).count() == (count if email else 0)
