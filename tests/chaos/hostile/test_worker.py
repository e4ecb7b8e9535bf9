"""Whatever is put on the queue, a real worker lives, says so, changes nothing, and does the next good message."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from refunds.project.embedded.redis_server import RedisServer

from ..services.site import Kind, Site
from .cases import CASES
from .worker import Worker

pytestmark = pytest.mark.processes

KIND = Kind(broker="fakeredis", database="sqlite")


def standing(folder: Path, server: RedisServer) -> Site:
    """A deployment without any server: a Redis in this process, a SQLite file, and no results."""
    database = f"sqlite:///{folder / 'refunds.sqlite3'}"
    return Site(KIND, broker_url=server.url(0), database_url=database, results_url="cache+memory://")


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """One for all: what one of them leaves behind meets the others."""
    folder = tmp_path_factory.mktemp("hostile")
    with RedisServer() as server, Worker(standing(folder, server), folder, refunds=2 * len(CASES) + 1) as running:
        yield running
        running.end()


@pytest.mark.parametrize("name", CASES)
def test_a_hostile_message_costs_nothing_but_a_line_in_the_log(worker: Worker, name: str) -> None:
    """It is refused or fails and does not come back; rows are as they were, and the next good message is done."""
    worker.take(CASES[name])
