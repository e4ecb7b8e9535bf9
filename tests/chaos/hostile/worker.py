"""A real worker on a queue that anybody writes to, and everything that is looked at afterwards."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Self

import redis
from kombu import Connection, Exchange, Queue

from refunds.worker.transport.unreadable import NAME

from ..crew import Crew
from ..services.site import Site
from .bodies import PROOF
from .cases import Case
from .wire import EXCHANGE, QUEUE, pay

# Seconds; far more than anything takes, so that only a hang fails. Seconds between looks.
LONG, LOOK = 60, 0.01
WORKER, APP = "worker", "tests.chaos.services.app"
# The reconciler, which a worker's start asks for, finds nothing to do: the refunds are due and count as sent, and no
# request was received before a cutoff.
FILL = """
import tests.chaos.services.app
from django.core.management import call_command
from refunds.domain.returns import Status
from refunds.models import Refund
from tests.factories import NOON, make_requests
call_command("migrate", verbosity=0)
far = NOON.replace(year=9000)
make_requests({count}, status=Status.APPROVED, received_at=far, decided_at=NOON)
Refund.objects.update(dispatched_at=far)
"""
# Whatever task changes, and by which refund.
TABLES = {
    "refunds_refund": "request_id",
    "refunds_walletentry": "refund_id",
    "refunds_returnrequest": "NULL",
    "refunds_sweep": "NULL",
    "refunds_chunk": "NULL",
}
Rows = dict[str, list[Any]]


class Worker:
    """A worker on a site whose database is a SQLite file in `folder` with refunds to be paid; entered, it serves."""

    def __init__(self, site: Site, folder: Path, refunds: int) -> None:
        self.site, self.folder = site, folder
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("CELERY_")}
        self.environment |= site.environment(folder, chunk_rows=10, payer="wallet", attempts=3) | {
            "REFUNDS_ADMINS": "admin@example.com"
        }
        self._crew = Crew(folder, self.environment, APP)
        self._paid: set[int] = set()
        fill = [sys.executable, "-c", FILL.format(count=refunds)]
        subprocess.run(fill, check=True, cwd=folder, env=self.environment)
        self._ids = iter(range(1, refunds + 1))

    def __enter__(self) -> Self:
        self._crew.start_worker(WORKER)
        self._wait("ready", lambda: self._crew.ready(WORKER))
        return self

    def __exit__(self, *exc: object) -> None:
        self._crew.__exit__(*exc)

    def connection(self) -> Connection:
        """To its broker, past Celery; RabbitMQ confirms what it takes, which a closing connection may swallow."""
        options = self.site.celery.get("broker_transport_options", {})
        if self.site.broker_url.startswith("amqp:"):
            options = {"confirm_publish": True}
        return Connection(self.site.broker_url, transport_options=options)

    @property
    def prefix(self) -> str:
        """Of its keys in Redis."""
        return str(self.site.celery.get("broker_transport_options", {}).get("global_keyprefix", ""))

    @contextmanager
    def at_redis(self) -> Iterator["redis.Redis"]:
        """Its Redis, by Redis' own commands; the keys are wanted in full."""
        with redis.Redis.from_url(self.site.broker_url) as client:
            yield client

    def log(self) -> str:
        """What the running worker has written."""
        return self._crew.log(WORKER)

    def ask(self, command: str) -> str:
        """What `celery inspect` says in a shell with this site's environment."""
        asked = [sys.executable, "-m", "celery", "-A", APP, "inspect", command]
        done = subprocess.run(asked, check=False, capture_output=True, text=True, cwd=self.folder, env=self.environment)
        return done.stdout + done.stderr

    def letters(self) -> list[tuple[dict[str, Any], bytes]]:
        """The dead letters, the newest first: what is said about each, and its bytes."""
        with self.at_redis() as client:
            entries: Any = client.lrange(f"{self.prefix}{NAME}", 0, -1)
        return [(json.loads(head), raw) for head, _, raw in (entry.partition(b"\n") for entry in entries)]

    def survive(self, act: Callable[["redis.Redis", str], None], says: str) -> None:
        """Have something done to its Redis; it says so, and the same process pays good refunds before and after."""
        read, running = len(self._crew.log(WORKER)), self._crew.running[WORKER].pid
        with self.at_redis() as client:
            act(client, self.prefix)
            if not {b"string", b"hash"} & {client.type(key) for key in client.scan_iter(f"{self.prefix}{QUEUE}*")}:
                self.pay_one()  # by what is not its queue it is only met with a message
        self._wait(says, partial(self._said, says, read))
        self.pay_one()
        assert self._crew.running[WORKER].pid == running

    def find_at_start(self, act: Callable[["redis.Redis", str], None], says: str) -> None:
        """Have something done to its Redis while it is gone; the next one says so, and pays a good refund after."""
        assert self._crew.stop(WORKER, signal.SIGTERM, LONG)
        with self.at_redis() as client:
            act(client, self.prefix)
        read = len(self._crew.log(WORKER))
        self._crew.start_again(WORKER)
        self._wait("ready", lambda: self._crew.ready(WORKER))
        self.pay_one()
        self._wait(says, partial(self._said, says, read))

    def take(self, case: Case) -> None:
        """Give it the message and then a good one; the good one's refund is paid, and nothing else has changed."""
        target, good = next(self._ids), next(self._ids)
        before, read = self._rows(), len(self._crew.log(WORKER))
        with self.connection() as connection:
            message = case.made(target)
            for _ in range(case.copies):
                message.put(connection.default_channel)
            pay(good).put(connection.default_channel)
        paid = {good, target} if case.pays else {good}
        self._wait("paid", lambda: paid <= self._succeeded())
        self._wait(case.says, partial(self._said, case.says, read))
        self._paid |= paid
        assert self._rows() == _without(before, paid)
        assert self._attempts(paid) == {1}

    def take_all(self, cases: Collection[Case]) -> None:
        """Give it all of them at once and then a good one, which is paid; nothing else has changed but what pays."""
        paid, before, read = set(), self._rows(), len(self._crew.log(WORKER))
        with self.connection() as connection:
            for case in cases:
                target = next(self._ids)
                for _ in range(case.copies):
                    case.made(target).put(connection.default_channel)
                paid |= {target} if case.pays else set()
            paid.add(good := next(self._ids))
            pay(good).put(connection.default_channel)
        self._wait("paid", lambda: paid <= self._succeeded())
        for says in {case.says for case in cases}:
            self._wait(says, partial(self._said, says, read))
        self._paid |= paid
        assert self._rows() == _without(before, paid)
        assert self._attempts(paid) == {1}

    def pay_one(self) -> None:
        """Give it a good message, and wait until that refund is paid."""
        good = next(self._ids)
        with self.connection() as connection:
            pay(good).put(connection.default_channel)
        self._wait("paid", lambda: good in self._succeeded())
        self._paid.add(good)

    def wait_until_nothing_is_held(self) -> None:
        """Wait until it has acknowledged what it took: that comes after the commit by which a refund is seen paid."""
        with self.at_redis() as client:
            keys: Any = [(client.hlen, f"{self.prefix}unacked"), (client.zcard, f"{self.prefix}unacked_index")]
            self._wait("acknowledged", lambda: not any(count(key) for count, key in keys))

    def end(self) -> None:
        """Ask it to end in good order: nothing that it took is left, and only what was to be paid is."""
        assert not (self.folder / PROOF).exists()
        assert self._crew.stop(WORKER, signal.SIGTERM, LONG)
        assert self.left() == 0
        assert self._succeeded() == self._paid

    def wait_for_death(self) -> tuple[int, str]:
        """Its exit status and what it wrote."""
        status = self._crew.running[WORKER].wait(LONG)
        return status, self._crew.log(WORKER)

    def start_after_death(self) -> None:
        """Start another in its place."""
        self._crew.kill(WORKER)
        self._crew.start_again(WORKER)

    def start_again(self) -> None:
        """Start another in its place, and wait until it serves."""
        self.start_after_death()
        self._wait("ready", lambda: self._crew.ready(WORKER))

    def purge(self) -> None:
        """Throw away what waits in its queue."""
        with self.connection() as connection:
            self._queue(connection.default_channel).purge()

    def left(self) -> int:
        """How many messages wait in its queue."""
        with self.connection() as connection:
            return int(self._queue(connection.default_channel).queue_declare().message_count)

    def _queue(self, channel: Any) -> Any:
        """The queue as the settings make it; declared otherwise, RabbitMQ would refuse."""
        kind = self.environment["REFUNDS_QUEUE_TYPE"]
        exchange = Exchange(EXCHANGE, type="topic" if kind == "quorum" else "direct")
        return Queue(QUEUE, exchange, routing_key=QUEUE, queue_arguments={"x-queue-type": kind})(channel)

    def _wait(self, wanted: str, is_so: Callable[[], bool]) -> None:
        pause, deadline = threading.Event(), time.monotonic() + LONG
        while not is_so():
            self._crew.check()
            assert time.monotonic() < deadline, f"not {wanted!r} after {LONG} s: {self._crew.log(WORKER)[-2000:]}"
            pause.wait(LOOK)

    def _said(self, words: str, since: int) -> bool:
        return re.search(words, self._crew.log(WORKER)[since:]) is not None

    def _query(self, sql: str) -> list[Any]:
        with closing(sqlite3.connect(self.folder / "refunds.sqlite3", timeout=LONG)) as connection:
            return connection.execute(sql).fetchall()

    def _succeeded(self) -> set[int]:
        return {pk for (pk,) in self._query("SELECT request_id FROM refunds_refund WHERE status = 'succeeded'")}

    def _attempts(self, ids: set[int]) -> set[int]:
        return {n for pk, n in self._query("SELECT request_id, attempts FROM refunds_refund") if pk in ids}

    def _rows(self) -> Rows:
        """Every row, without those of refunds that were to be paid."""
        found = {table: self._query(f"SELECT {refund}, * FROM {table}") for table, refund in TABLES.items()}
        return _without(found, self._paid)


def _without(rows: Rows, ids: set[int]) -> Rows:
    """The rows, each with the id of its refund first, without those of these refunds."""
    return {table: [row for row in of if row[0] not in ids] for table, of in rows.items()}
