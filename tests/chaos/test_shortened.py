"""Short waits are for processes that begin with them."""

from datetime import timedelta

import pytest

from refunds import operations
from refunds.domain.retries import RetryPolicy
from refunds.operations import payments

from .shortened import app


def test_waits_are_not_shortened_where_the_app_is_loaded() -> None:
    """Half of the constants would be the old ones: refused, and none is changed."""
    before = (operations.PATIENCE, payments.LEASE, payments.POLICY, operations.RECONCILE_EVERY)
    second = timedelta(seconds=1)
    with pytest.raises(RuntimeError, match=r"refunds\.operations\.payments is imported already: shorten the waits"):
        app(patience=second, limit=second, lease=second, look=second, policy=RetryPolicy(max_attempts=1))
    assert before == (operations.PATIENCE, payments.LEASE, payments.POLICY, operations.RECONCILE_EVERY)
