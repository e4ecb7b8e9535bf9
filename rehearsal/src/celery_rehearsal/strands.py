"""What runs as a greenlet: a turn of a worker's or beat's own loop, and each task in a child of a worker.

A strand runs until it waits or ends. The test's own greenlet drives: it resumes each strand whose instant has come.
A greenlet has its own frames, `sys.exc_info`, contextvars and Celery stacks (Celery keys them by greenlet). The rest of
the process is shared: modules, and the connections of Django and of other libraries.
"""

from __future__ import annotations

import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from celery import _state
from celery.utils.threads import LocalStack
from greenlet import getcurrent, greenlet  # type: ignore[import-untyped]  # its stubs are no part of the project

from . import event_loops
from .databases import Held, open_blocks, roll_back
from .errors import WorkerKilled
from .sigkill import Unhandled
from .sleepers import REAL

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from contextvars import Context
    from types import FrameType

    from .clock import VirtualClock
    from .watch import Watch
    from .workers import Worker


class Strand:
    """One run of `function` in a process of the cluster; `context` is that process's contextvars.

    `loop` says that it is a turn of the process's own loop, `alone` that its death is not its worker's. `error` is what
    it ended with. `wake_at` (clock ticks) and `until` are what it waits for; `polls`: for whatever happens.
    """

    def __init__(self, member: str, worker: Worker | None, function: Callable[[], Any], context: Context) -> None:
        self.member = member
        self.worker = worker
        # What puts the state of its process in place while it runs.
        self.active: Callable[[], AbstractContextManager[None]] = worker.active if worker else nullcontext
        self.entry = ""
        self.number = 0
        self.loop = self.alone = False
        self.wake_at: int | None = 0
        self.until: Callable[[], Any] | None = None
        self.interrupt: Callable[[], Any] | None = None
        self.killed: str | None = None
        self.result: Any = None
        self.error: BaseException | None = None
        self._function = function
        self._unhandled: Unhandled | None = None
        self.blocks: dict[str, int] = {}
        self.polls = False
        self.event_loop = event_loops.NO_LOOP
        self.greenlet: Any = greenlet(self._main)
        self.greenlet.gr_context = context

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return bool(self.greenlet.dead)

    @property
    def frame(self) -> FrameType | None:
        """Where it waits."""
        found: FrameType | None = self.greenlet.gr_frame
        return found

    def is_due(self, ticks: int) -> bool:
        """Whether it can go on at that instant."""
        if self.interrupt is not None or (self.wake_at is not None and self.wake_at <= ticks):
            return True
        return self.until is not None and bool(self.until())

    def die(self, detail: str) -> None:
        """End here, as by SIGKILL. Called on the strand's own stack."""
        self._unhandled = Unhandled(sys._getframe(), Strand._main.__code__)
        raise WorkerKilled(detail)

    def _main(self) -> None:
        self.blocks = open_blocks()
        try:
            self.result = self._function()
        except WorkerKilled as error:
            self.error = error
            # What it waited for can be its event loop.
            self.until, self.event_loop = None, event_loops.NO_LOOP
            event_loops.drop()
            if self._unhandled is not None:
                self._unhandled.restore(error)
        except BaseException as error:
            self.error = error


class Strands:
    """All strands of a cluster that have not ended. `current` is the one that runs, None in the test's own code."""

    def __init__(
        self,
        clock: VirtualClock,
        watch: Watch,
        drive: Callable[[int | None, Any], bool],
        refuse: Callable[[Exception], Any],
    ) -> None:
        self._clock = clock
        self._watch = watch
        self._drive = drive
        self._refuse = refuse
        self._waits = 0
        # Grows with whatever happens, but not with a look that finds nothing.
        self.progress = 0
        self.waiting: list[Strand] = []
        self.current: Strand | None = None
        # Real seconds, for the watchdog.
        self.resumed_at: float | None = None

    def spawn(self, member: str, worker: Worker | None, function: Callable[[], Any], context: Context) -> Strand:
        """A new strand. It starts when it is resumed."""
        strand = Strand(member, worker, function, context)
        self._line_up(strand)
        self.waiting.append(strand)
        return strand

    def due(self) -> list[Strand]:
        """The strands that can go on now, in the order in which they began to wait."""
        ticks = self._clock.ticks
        ready = [strand for strand in self.waiting if strand.is_due(ticks)]
        return sorted(ready, key=lambda strand: (strand.wake_at or ticks, strand.number)) if len(ready) > 1 else ready

    def next_at(self) -> int | None:
        """When the next strand but the running one wakes by the clock, in clock ticks."""
        waiting = (strand for strand in self.waiting if strand is not self.current)
        return min((strand.wake_at for strand in waiting if strand.wake_at is not None), default=None)

    def of(self, member: str) -> list[Strand]:
        """A process's strands, its children's included."""
        return [strand for strand in self.waiting if strand.member == member]

    def wait(self, ticks: int | None, until: Callable[[], Any] | None = None) -> bool:
        """Let the running code wait for so many ticks, or without an end, or until something is true.

        Tell whether it became true. Called by the test's own code, it moves the cluster.
        """
        strand = self.current
        if strand is None:
            return self._drive(ticks, until)
        strand.wake_at = None if ticks is None else self._clock.ticks + max(0, ticks)
        strand.until = until
        self._line_up(strand)
        held = Held(strand.blocks, strand.member, self._refuse)
        held.hold()
        strand.greenlet.parent.switch()
        held.release()
        if strand.killed is not None:
            strand.die(strand.killed)
        interrupt, strand.interrupt = strand.interrupt, None
        if interrupt is not None:
            interrupt()
        return until is None or bool(until())

    def poll(self, ticks: int) -> None:
        """Let the running code wait until anything has happened that it could look for, at most so many ticks."""
        strand: Any = self.current
        strand.polls, seen = True, self.progress
        self.wait(ticks, lambda: self.progress != seen)
        strand.polls = False

    def resume(self, strand: Strand) -> None:
        """Let a strand go on until it waits or ends."""
        watch, before = self._watch, (self._watch.actor, self._watch.entry, self.current)
        watch.actor, watch.entry, self.current = strand.member, strand.entry, strand
        strand.greenlet.parent = getcurrent()
        self.resumed_at = REAL.monotonic()
        try:
            with strand.active():
                _switch(strand)
        finally:
            self.resumed_at = None
            self.progress += not strand.polls
            strand.entry = watch.entry
            watch.actor, watch.entry, self.current = before
            if strand.done and strand in self.waiting:
                self.waiting.remove(strand)

    def kill(self, strand: Strand, detail: str) -> None:
        """End a strand where it waits, or the calling one where it is; nothing more of it runs."""
        if strand is self.current:
            strand.die(detail)
        if strand.greenlet:
            strand.killed = detail
            strand.greenlet.parent = getcurrent()
            before, self.current = self.current, strand
            _switch(strand)
            self.current = before
        if strand in self.waiting:
            self.waiting.remove(strand)
        self.forget(strand)

    def forget(self, strand: Strand) -> None:
        """Drop what Celery and the database keep of a greenlet that could not clean up after itself."""
        roll_back(strand.blocks)
        stacks: list[Any] = [
            vars(_state)["_task_stack"],
            *(task.request_stack for app in self._watch.apps for task in app.tasks.values()),
        ]
        for stack in stacks:
            stack._local.__storage__.pop(strand.greenlet, None)

    def _line_up(self, strand: Strand) -> None:
        self._waits += 1
        strand.number = self._waits


def _switch(strand: Strand) -> None:
    outer = event_loops.current()
    event_loops.restore(strand.event_loop)
    strand.greenlet.switch()
    strand.event_loop = event_loops.current()
    event_loops.restore(outer)


def stacks_are_per_greenlet() -> bool:
    """Whether Celery keeps a stack per greenlet. It does not where USE_FAST_LOCALS is set."""
    stack: Any = LocalStack()
    stack.push(1)
    other = greenlet(lambda: stack.top)
    return other.switch() is None and getcurrent() in stack._local.__storage__
