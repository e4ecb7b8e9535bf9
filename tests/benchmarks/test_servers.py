"""The places on servers that benchmarks take."""

import pytest
import redis

from benchmarks import servers
from benchmarks.report import Skipped


@pytest.mark.services
def test_two_benchmarks_have_two_databases() -> None:
    """One that has written nothing yet is not taken by another, nor emptied by it; both are empty afterwards."""
    try:
        with servers.redis() as first, servers.redis() as second:
            assert first != second
            with servers.redis() as third:
                assert third not in {first, second}
    except Skipped as reason:
        pytest.skip(str(reason))
    for url in (first, second):
        with redis.Redis.from_url(url) as session:
            assert session.dbsize() == 0
