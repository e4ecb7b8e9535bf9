"""A Redis user with the commands that docs/brokers.md names runs a whole day."""

import os
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from .conftest import Play
from .servers import REDIS, lack
from .site import Kind

pytestmark = pytest.mark.services

BROKERS = Path(__file__).parents[3] / "docs" / "brokers.md"


def documented() -> list[str]:
    """The rights of the page's ACL SETUSER, without name and password."""
    (line,) = re.findall(r"^ACL SETUSER refunds on ><password> (.+)$", BROKERS.read_text("utf-8"), re.M)
    return str(line).split()


@pytest.fixture
def restricted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The test's Redis is reached as a user with those rights, who is gone afterwards."""
    if why := lack("redis"):
        pytest.skip(why)
    import redis

    name, password = f"refunds-test-{uuid.uuid4().hex[:8]}", uuid.uuid4().hex
    with redis.Redis.from_url(REDIS) as server:
        server.execute_command("ACL", "SETUSER", name, "on", f">{password}", *documented())
        parts = urlsplit(REDIS)
        host = parts.netloc.rpartition("@")[2]
        monkeypatch.setenv("REFUNDS_TEST_REDIS", urlunsplit(parts._replace(netloc=f"{name}:{password}@{host}")))
        try:
            yield
        finally:
            server.execute_command("ACL", "DELUSER", name)


@pytest.mark.usefixtures("restricted")
def test_the_documented_rights_run_a_day(play: Play) -> None:
    """Beat, worker and the results need no command that the documented user lacks."""
    assert "The books are equal." in play("day", Kind("redis", "postgres"))


@pytest.mark.usefixtures("restricted")
def test_the_documented_rights_end_at_the_server() -> None:
    """The user cannot empty the server, list all keys or change its configuration."""
    import redis

    with redis.Redis.from_url(os.environ["REFUNDS_TEST_REDIS"]) as client:
        for command in (("FLUSHALL",), ("KEYS", "*"), ("CONFIG", "GET", "*"), ("SHUTDOWN",)):
            with pytest.raises(redis.exceptions.NoPermissionError):
                client.execute_command(*command)
