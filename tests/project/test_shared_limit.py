"""The limit on calls is one for all workers that count in the same Redis."""

from refunds.project.embedded.redis_server import RedisServer
from refunds.rate.limiter import Throttle
from refunds.rate.pacing import Rate


def test_workers_share_the_permits_that_a_redis_counts() -> None:
    """Of two connections the second finds what the first has left: nothing, for most of an hour."""
    with RedisServer() as redis:
        one, other = (Throttle(Rate.parse("2/h"), redis.url()) for _ in range(2))
        assert [one.take(), other.take(), one.take(), other.take()] == [True, True, False, False]
