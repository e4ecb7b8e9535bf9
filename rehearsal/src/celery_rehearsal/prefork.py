"""Celery's default pool, prefork, with greenlets for its children.

What a job is, in which order its callbacks come and what they do is billiard's `ApplyResult` and Celery's `Request`.
"""

from __future__ import annotations

import functools
import itertools
import signal
import sys
from collections import deque
from typing import TYPE_CHECKING, Any

from billiard.pool import EX_OK, EX_RECYCLE, ApplyResult, soft_timeout_sighandler
from billiard.pool import Pool as BilliardPool
from celery import signals
from kombu.asynchronous.semaphore import LaxBoundedSemaphore

from .children import Child, Loop, has_left
from .clock import MICROSECONDS
from .errors import BadUseError, NotSimulatedError
from .limits import reason
from .pool_size import Resizable
from .time_limits import TimeLimits

if TYPE_CHECKING:
    from collections.abc import Callable

    from .strands import Strands
    from .timer import Timer

# Pids of children, which no process has: Linux ends at 4,194,304.
FIRST_PID = 5_000_001

# Signals for which a child has a handler of billiard's, those that it or the system ignores, and those that stop it.
HANDLED = {signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1}
IGNORED = {signal.SIGINT, signal.SIGCHLD, signal.SIGCONT, signal.SIGURG, signal.SIGWINCH}
STOPPING = {signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU}


class Prefork(Resizable):
    """Celery's prefork pool. `limit` children take what the worker's semaphore hands on, one job each."""

    uses_semaphore = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.semaphore = LaxBoundedSemaphore(self.limit)
        self._pids = itertools.count(FIRST_PID)
        self._numbers = itertools.count()
        self._cache: dict[int, Any] = {}
        self._jobs: deque[tuple[Any, Callable[[], Any]]] = deque()
        self._events: deque[Callable[[], None]] = deque()
        self.children: list[Child] = []

    def attach(self, *, strands: Strands, timer: Timer, name: str, worker: Any, ticks: Callable[[], int]) -> None:
        """Learn whose pool this is. `ticks` tells the clock's."""
        self._strands, self._timer, self._name, self._worker, self._ticks = strands, timer, name, worker, ticks
        self._limits = TimeLimits(timer, self._child, self._signal)

    def on_start(self) -> None:
        """Fork the children."""
        self.children = [self._fork() for _ in range(self.limit)]

    def on_apply(self, target: Any, args: Any = (), kwargs: Any = None, **options: Any) -> Any:
        """Take a job; the next child that is free runs it."""
        if not self.active:
            return None
        options = {name: value for name, value in options.items() if name not in {"waitforslot", "callbacks_propagate"}}
        for name in ("soft_timeout", "timeout"):
            options[name] = options.get(name) or self.options.get(name)
        options |= {"on_timeout_set": self._limits.set, "on_timeout_cancel": self._limits.cancel}
        job: Any = ApplyResult(self._cache, **options)
        # billiard counts the jobs of a process; each worker here is one.
        del self._cache[job._job]
        job._job = next(self._numbers)
        self._cache[job._job] = job
        self._jobs.append((job, functools.partial(target, *args, **(kwargs or {}))))
        return job

    def start_jobs(self) -> bool:
        """Give waiting jobs to free children; tell whether there was one."""
        started = False
        for child in self.children:
            if self._jobs and child.strand is None and child.exitcode is None:
                child.job, run = self._jobs.popleft()
                work = functools.partial(self._work, child, child.job, run)
                child.strand = self._strands.spawn(self._name, self._worker, work, child.context)
                child.job._ack(None, self._now(), child.pid, None)
                started = True
        return started

    def has_events(self) -> bool:
        """Whether a child has sent something, or a job can start."""
        return bool(self._events or self._jobs)

    def handle_events(self) -> bool:
        """Take what children have sent since the last time; tell whether there was anything."""
        found = bool(self._events)
        while self._events:
            self._events.popleft()()
        return found

    def on_close(self) -> None:
        """Take no more jobs."""
        self.semaphore.clear()

    def on_stop(self) -> None:
        """Wait for the children to finish, as a warm shutdown does."""
        if self.active:
            self.close()
        for job in list(self._cache.values()):
            # billiard's own look at the limits starts only now, and knows nothing of signals sent before.
            if job._accepted and job._soft_timeout and self._now() >= job._time_accepted + job._soft_timeout:
                self._limits.interrupt(job)
        while self._cache:
            due = self._timer.next_at()
            self._strands.wait(None if due is None else due - self._ticks(), lambda: self._events)
            self._timer.run_due()
            self.handle_events()
            self.start_jobs()
        for child in self.children:
            self._exit(child, 0)

    def terminate_job(self, pid: int, signum: int | None = None) -> None:
        """Send a signal to a child."""
        child = self._child(pid)
        if child is not None:
            child.terminated = True
            self._signal(child, signum or signal.SIGTERM)

    def lose_child(self) -> None:
        """SIGKILL for the child that runs the calling task, or has worked longest. Raises BadUseError if none works."""
        working = [child for child in self.children if child.job is not None and child.exitcode is None]
        own = [child for child in working if child.strand is self._strands.current]
        if not working:
            raise BadUseError(f"kill_child(): no child of {self._name} runs a task now; advance until one does")
        self._kill((own or sorted(working, key=lambda child: child.job._job))[0])

    def _fork(self) -> Child:
        signals.worker_before_create_process.send(sender=self)
        child = Child(next(self._pids))
        child.context.run(signals.worker_process_init.send, sender=self._hostname)
        return child

    @property
    def _hostname(self) -> Any:
        return (self.options.get("initargs") or (None, None))[1]

    def _work(self, child: Child, job: Any, run: Callable[[], Any]) -> None:
        """A child's own loop, for one job."""
        loop = Loop(child, run)
        exitcode = None
        try:
            loop.workloop(pid=child.pid)
        except BaseException:
            if loop.left is not None and not child.term:
                has_left(job._callback)
                self._events.append(functools.partial(self._left, child, job))
                raise
            # What is not sys.exit() ends a child with this code, whatever it carries.
            exitcode = child.term or EX_OK
        if loop.result is not None and not child.term:
            self._events.append(functools.partial(self._ready, child, job, loop.result))
            child.completed += 1
            if exitcode is None and child.completed == self.options.get("maxtasksperchild"):
                exitcode = EX_RECYCLE
        if exitcode is not None:
            self._exit(child, exitcode)
            self._events.append(self._maintain)

    def _ready(self, child: Child, job: Any, result: Any) -> None:
        child.strand = child.job = None
        if not job.ready():
            self.semaphore.release()
        job._set(None, result)

    def _left(self, child: Child, job: Any) -> None:
        """The task has left for the test. The child goes on; nobody hears of the job again."""
        child.strand = child.job = None
        self._limits.cancel(job)
        self._cache.pop(job._job, None)
        self.semaphore.release()

    def _exit(self, child: Child, exitcode: int) -> None:
        # A child that exits sends this signal; one that is killed does not.
        child.exitcode = exitcode
        signals.worker_process_shutdown.send(sender=self._hostname, pid=child.pid, exitcode=exitcode)

    def _now(self) -> float:
        return self._ticks() / MICROSECONDS

    def _signal(self, child: Child, signum: int) -> None:
        if signum in IGNORED:
            return
        if signum in STOPPING:
            self._strands.refuse(NotSimulatedError(f"a signal that stops a child; {reason('signals')}"))
        if child.strand is None or signum not in HANDLED:
            self._kill(child, signum)
        elif signum == signal.SIGUSR1:
            child.strand.interrupt = functools.partial(soft_timeout_sighandler, signum, None)
        else:
            child.term = -(256 - signum)  # billiard's own
            child.strand.interrupt = functools.partial(sys.exit, child.term)

    def _kill(self, child: Child, signum: int = signal.SIGKILL) -> None:
        if child.exitcode is not None:
            return
        child.exitcode = -signum
        self._events.append(self._maintain)
        if child.strand is not None:
            child.strand.alone = True
            self._strands.kill(child.strand, "with its child process")

    def _maintain(self) -> None:
        """billiard's `_maintain_pool`: end the jobs of children that are gone, then replace these."""
        gone = [child for child in self.children if child.exitcode is not None]
        for child in gone:
            if child.job is not None and not child.job.ready():
                billiards: Any = BilliardPool
                if child.terminated:
                    child.job._set_terminated(child.exitcode)
                else:
                    billiards.mark_as_worker_lost(self, child.job, child.exitcode)
            self.children[self.children.index(child)] = self._fork()
            self.semaphore.release()

    def _child(self, pid: int) -> Child | None:
        return next((child for child in self.children if child.pid == pid), None)
