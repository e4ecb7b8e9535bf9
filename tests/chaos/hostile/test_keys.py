"""Whatever lies in the Redis of a worker, it lives and does the next good message, and nothing is thrown away."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from refunds.project.embedded.redis_server import RedisServer
from refunds.worker.transport.unreadable import KEPT_ASIDE, LONGEST, MOST, NAME

from . import garbage, keys
from .test_worker import standing
from .wire import QUEUE
from .worker import Worker

pytestmark = pytest.mark.processes

# More than all that is asked of it.
REFUNDS = 60


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """One for all, started again where a test wants that."""
    folder = tmp_path_factory.mktemp("keys")
    with RedisServer() as server, Worker(standing(folder, server), folder, REFUNDS) as running:
        yield running
        running.end()


@pytest.mark.parametrize("name", keys.RUNNING)
def test_key_of_another_type_is_renamed(worker: Worker, name: str) -> None:
    """A running worker moves it aside once, keeps it for a week, and goes on with the queue."""
    worker.survive(*keys.RUNNING[name])
    with worker.at_redis() as client:
        (aside, *_) = client.scan_iter(f"{NAME}.*")
        assert KEPT_ASIDE - 60 < client.ttl(aside) <= KEPT_ASIDE
        client.delete(aside)


@pytest.mark.parametrize("name", sorted(set(keys.AT_START) - {keys.ALL_HELD}))
def test_worker_starts_over_garbage(worker: Worker, name: str) -> None:
    """What lies in Redis when a worker starts is moved away, and the worker starts."""
    worker.find_at_start(*keys.AT_START[name])


def test_each_held_garbage_becomes_a_dead_letter(worker: Worker) -> None:
    """Nothing that a worker cannot put back is thrown away: all of it is in the list, and no longer in `unacked`."""
    worker.find_at_start(*keys.AT_START[keys.ALL_HELD])
    newest = [raw for _, raw in worker.letters()[: len(keys.HELD_GARBAGE)]]
    assert sorted(newest) == sorted(keys.HELD_GARBAGE.values())
    worker.wait_until_nothing_is_held()


def test_dead_letter_is_the_message_as_it_was(worker: Worker) -> None:
    """The newest entry says where it was, why it cannot be read and how long it is, and has its bytes unchanged."""
    raw = garbage.changed(headers={"x": garbage.MARKED["an unknown type"]})
    worker.survive(keys.push(raw), "Unreadable: payments")
    about, kept = worker.letters()[0]
    assert kept == raw
    assert (about["from"], about["bytes"]) == (QUEUE, len(raw))
    assert about["reason"].startswith("ValueError: ('Unsupported type'")


def test_dead_letters_are_bounded(worker: Worker) -> None:
    """A flood leaves the newest entries, each with the beginning of its message."""
    with worker.at_redis() as client:
        for number in range(MOST + 20):
            client.lpush(QUEUE, f"garbage {number}")
        client.lpush(QUEUE, b"x" * (LONGEST + 1))
    worker.survive(keys.push(b"the last"), "begins b'the last'")
    letters = worker.letters()
    assert len(letters) == MOST
    assert letters[0][1] == b"the last"
    assert (letters[1][0]["bytes"], len(letters[1][1])) == (LONGEST + 1, LONGEST)


def test_log_has_the_first_kilobyte_escaped(worker: Worker) -> None:
    """One line, whatever is in the message."""
    raw = b"x\n[2026-01-01: CRITICAL/MainProcess] a line of somebody else's\n" * 1_000
    worker.survive(keys.push(raw), r"has 63000 bytes and begins b.x\\n\[")
    (line,) = (line for line in worker.log().splitlines() if "has 63000 bytes" in line)
    assert len(line) < 1_500


def test_reason_that_quotes_the_message_is_one_line(worker: Worker) -> None:
    """Python names an unknown keyword as it is written; a line break in it begins no line of the log."""
    forged = "[2026-01-01 00:00:00,000: CRITICAL/MainProcess] forged"
    for raw in (
        garbage.changed(headers={"x": garbage.marked("uuid", {f"a\n{forged}": 1})}),
        garbage.changed(body=_body({"refund_id": garbage.marked("uuid", {f"a\n{forged}": 1})})),
    ):
        worker.survive(keys.push(raw), r"unexpected keyword argument 'a\\n\[2026")
    assert not [line for line in worker.log().splitlines() if line.startswith(forged)]


def _body(kwargs: dict[str, Any]) -> str:
    return base64.b64encode(json.dumps([[], kwargs, None]).encode()).decode()
