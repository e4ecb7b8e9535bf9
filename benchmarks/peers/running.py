"""One way at work: its workers and the web process as real processes, on an equal copy of the database."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import IO

import psycopg

from .. import servers
from ..measure import Real
from ..stage import Stage
from .ways import Way, environment

# Rows that are decided before those that are measured: connections are made then, and workers have started.
WARM = 40
# Seconds. What the second worker process of a pool may need after the first has done that.
SETTLE = 1.0
# A look at the rows comes after this part of the time so far, and after so many seconds at least: it costs little then,
# and is no later than that.
LOOK, LEAST = 0.02, 0.002
# Seconds after which a way is taken for stuck.
LIMIT = 300.0
# Bytes of its processes' output that an error shows.
TAIL = 2_000

ID = "SELECT id FROM refunds_returnrequest ORDER BY id OFFSET %s LIMIT 1"
UNDONE = """SELECT EXISTS (SELECT FROM refunds_returnrequest WHERE status = 'requested' AND id <= %s)
    OR EXISTS (SELECT FROM refunds_sweep WHERE closed_at IS NULL)"""
# A refund's request is its key: there is no second one.
COUNTS = """SELECT count(*) FILTER (WHERE request.status = 'approved' AND sweep_id IS NOT NULL),
    count(refund.request_id)
    FROM refunds_returnrequest request LEFT JOIN refunds_refund refund ON refund.request_id = request.id
    AND refund.status = 'pending' AND refund.amount_minor = request.amount_minor"""


@dataclass(frozen=True)
class Run:
    """`rows` decided in `total` seconds after the press; the request was held for `held` of them."""

    rows: int
    held: float
    total: float

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.rows / self.total


def run(way: Way, stage: Stage, source: str, rows: int) -> Run:
    """Decide the first `rows` after those that warm, on a copy of the database. Raises RuntimeError, Skipped."""
    with ExitStack() as stack:
        url = stack.enter_context(stage.copied(source, "peer"))
        told = os.environ | environment(way, url, stack.enter_context(servers.redis()))
        told["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
        log = stack.enter_context(tempfile.TemporaryFile())
        if way.before:
            subprocess.run(_python(way.before), check=True, env=told, stdout=log, stderr=log)
        session = stack.enter_context(psycopg.connect(url, autocommit=True, options="-c enable_seqscan=off"))
        processes = [stack.enter_context(_started(command, told, log)) for command in way.workers]
        web = stack.enter_context(_started(("benchmarks.peers.press", way.view), told, log))
        work = Work(way, session, [web, *processes], log)
        work.press(WARM)
        time.sleep(SETTLE)
        held, total = work.press(WARM + rows)
        work.check(WARM + rows)
    return Run(rows, held, total)


class Work:
    """Presses in the first of the processes, and waits for the others."""

    def __init__(
        self,
        way: Way,
        session: psycopg.Connection,
        processes: Sequence["subprocess.Popen[bytes]"],
        log: IO[bytes],
    ) -> None:
        self._way, self._session, self._processes, self._log = way, session, processes, log

    def press(self, rows: int) -> tuple[float, float]:
        """Decide the first `rows`; seconds that the request was held, and those until all were decided."""
        web = self._processes[0]
        assert web.stdin is not None  # noqa: S101  # both are pipes
        assert web.stdout is not None  # noqa: S101
        up_to_id = self._one(ID, rows - 1)[0]
        began = Real.clock()
        web.stdin.write(b"%d\n" % up_to_id)
        web.stdin.flush()
        while self._one(UNDONE, up_to_id)[0]:
            passed = Real.clock() - began
            if passed > LIMIT or any(process.poll() is not None for process in self._processes):
                raise RuntimeError(f"{self._way.name}: stuck or ended; its last lines are\n{self._tail()}")
            time.sleep(max(LEAST, passed * LOOK))
        total = Real.clock() - began
        return float(web.stdout.readline()), total

    def check(self, rows: int) -> None:
        """So many are decided, each with one refund. Raises RuntimeError."""
        if (counts := self._one(COUNTS)) != (rows, rows):
            raise RuntimeError(f"{self._way.name}: approved and owed are {counts}, not {rows:,} each\n{self._tail()}")

    def _one(self, statement: str, *values: int) -> tuple[int, ...]:
        row = self._session.execute(statement.encode(), values).fetchone()
        assert row is not None  # noqa: S101  # each of these statements has one row
        return row

    def _tail(self) -> str:
        self._log.seek(max(0, self._log.seek(0, os.SEEK_END) - TAIL))
        return self._log.read().decode(errors="replace")


@contextmanager
def _started(words: Sequence[str], told: dict[str, str], log: IO[bytes]) -> Iterator["subprocess.Popen[bytes]"]:
    """A process in a group of its own: killed with its children, because the ends of some take seconds."""
    pipe = subprocess.PIPE if words[0].startswith("benchmarks.") else log
    with subprocess.Popen(
        _python(words), env=told, start_new_session=True, stdin=subprocess.PIPE, stdout=pipe, stderr=log
    ) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def _python(words: Sequence[str]) -> list[str]:
    return [sys.executable, "-P", "-m", *words]
