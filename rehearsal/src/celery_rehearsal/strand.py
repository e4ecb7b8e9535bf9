"""What runs as a greenlet: a turn of a worker's or beat's own loop, and each task in a child of a worker.

A greenlet has its own frames, `sys.exc_info`, contextvars and Celery stacks (Celery keys them by greenlet). The rest of
the process is shared: modules, and the connections of Django and of other libraries.
"""

from __future__ import annotations

import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from greenlet import greenlet  # type: ignore[import-untyped]  # its stubs are no part of the project

from . import event_loops
from .databases import open_blocks
from .errors import WorkerKilled
from .sigkill import Unhandled

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from contextvars import Context
    from types import FrameType

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
        except BaseException as error:
            self.error = error
        if self._unhandled is not None and self.error is not None:
            # Not in the block above: on Python 3.10 the traceback is held there a second time.
            self._unhandled.restore(self.error)
