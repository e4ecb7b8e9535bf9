"""The strands of a cluster: which one runs, and which wait.

A strand runs until it waits or ends. The test's own greenlet drives: it resumes each strand whose instant has come.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from celery import _state
from greenlet import getcurrent  # type: ignore[import-untyped]  # its stubs are no part of the project

from . import event_loops
from .databases import Held, roll_back
from .sleepers import REAL
from .strand import Strand

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context

    from .clock import VirtualClock
    from .watch import Watch
    from .workers import Worker


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
        self.refuse = refuse
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
        held = Held(strand.blocks, strand.member, self.refuse)
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
