"""A child of a prefork pool: what it is, and billiard's own loop of it without pipes."""

from __future__ import annotations

import pickle
from contextvars import Context
from typing import TYPE_CHECKING, Any

from billiard.pool import READY, TASK
from billiard.pool import Worker as BilliardWorker
from celery.exceptions import WorkerShutdown, WorkerTerminate
from celery.worker import state

from .errors import Escape, WorkerKilled
from .leaving import is_verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from .strand import Strand


class Child:
    """A child process. `job` is what it runs.

    `exitcode` is None while it lives. `term` is the exit code that a SIGTERM wants, 0 without one.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.context = Context()
        self.strand: Strand | None = None
        self.job: Any = None
        self.completed = 0
        self.exitcode: int | None = None
        self.terminated = False
        self.term = 0


class Loop(BilliardWorker):
    """billiard's `workloop` for one job: what it tells the parent of each exception depends on its release.

    `result` is what it has told, as `(True, value)` or `(False, ExceptionInfo)`; None for nothing. `left` is an
    exception that billiard must not see.
    """

    maxtasks = 1
    max_memory_per_child = 0
    inqW_fd = synqW_fd = wait_for_syn = on_ready_counter = None  # noqa: N815 # billiard's names

    def __init__(self, child: Child, run: Callable[[], Any]) -> None:
        self._child = child
        self._job = run
        self.outq = self
        self.result: tuple[bool, Any] | None = None
        self.left: BaseException | None = None

    def wait_for_job(self) -> Any:
        """Return the one job there is."""
        return TASK, (0, 0, self._run, (), {})

    def put(self, sent: Any) -> None:
        """Take what the child tells its parent. Raises what pickle raises."""
        if self.left is not None:
            raise self.left
        kind, args = sent
        if kind == READY:
            # Celery has made what goes through the pipe, unless the task has left it by an exception.
            self.result = args[2] if args[2][0] else pickle.loads(pickle.dumps(args[2]))  # noqa: S301 # it is our own

    def _run(self) -> Any:
        try:
            return self._job()
        except BaseException as error:
            if self._child.term or _is_for_the_test(error):
                self.left = error
            raise


def has_left(callback: Any) -> None:
    """Tell Celery that a request runs no more whose task has left for the test. `callback` is the request's."""
    state.task_ready(callback.__self__)


def _is_for_the_test(error: BaseException) -> bool:
    if isinstance(error, Escape | WorkerKilled) or is_verdict(error):
        return True
    return isinstance(error, SystemExit) and not isinstance(error, WorkerShutdown | WorkerTerminate)
