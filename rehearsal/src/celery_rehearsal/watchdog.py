"""Ends a step that takes real time without end: a loop that waits for a clock which stands still, or a real lock.

A thread looks at the step, and a signal interrupts it. A signal also ends a lock's wait, which an exception set for
the thread would not. SIGURG, because the system ignores it where nobody handles it, and no test runner uses it.
"""

from __future__ import annotations

import _thread
import bdb
import signal
import sys
import sysconfig
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, cast

from celery import current_task

from .errors import BadUseError, NotSimulatedError
from .limits import reason
from .sleepers import REAL

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack
    from types import FrameType

    from .strands import Strands

# Real seconds that a step may take: far more than a task in a test needs, on a slow machine too.
PATIENCE = 60.0

ADVICE = (
    "A loop that reads the clock does not end: let it sleep. For code that needs longer: VirtualCelery(..., "
    "watchdog=seconds)"
)

# Where a line is nobody's own.
LIBRARIES = (*(sysconfig.get_paths()[name] for name in ("stdlib", "purelib", "platlib")), str(Path(__file__).parent))


def install(undo: ExitStack, strands: Strands, refuse: Callable[[Exception], NoReturn], patience: float | None) -> None:
    """Interrupt each step that takes longer than `patience` real seconds, until the stack is closed.

    None switches it off; so does a thread that is not the process's main thread, which no signal reaches. Raises
    BadUseError for anything else than a number above 0.
    """
    given: Any = patience
    if given is not None and (isinstance(given, bool) or not isinstance(given, int | float) or given <= 0):
        raise BadUseError(f"watchdog={patience!r}: give a number of real seconds above 0, or None for no watchdog")
    if patience is None or threading.current_thread() is not threading.main_thread():
        return
    limit, main = patience, threading.get_ident()

    def interrupt(_signum: int, frame: FrameType | None) -> None:
        if strands.current is not None and _overdue(strands, limit) and not _is_debugged():
            refuse(NotSimulatedError(f"{_describe(strands, frame, limit)}; {reason('measured_time')}. {ADVICE}"))

    undo.callback(signal.signal, signal.SIGURG, signal.signal(signal.SIGURG, interrupt))
    stopped = _thread.allocate_lock()
    stopped.acquire()
    undo.callback(stopped.release)

    def look() -> None:
        while not stopped.acquire(timeout=min(limit / 2, 1)):
            if _overdue(strands, limit):
                signal.pthread_kill(main, signal.SIGURG)

    # Below `threading`, so that nobody counts it as a thread of the test's.
    _thread.start_new_thread(look, ())


def _overdue(strands: Strands, patience: float) -> bool:
    began = strands.resumed_at
    return began is not None and REAL.monotonic() - began > patience


def _is_debugged() -> bool:
    tracer = getattr(sys.gettrace(), "__self__", None)
    return isinstance(tracer, bdb.Bdb) or "pydevd" in sys.modules


def _describe(strands: Strands, frame: FrameType | None, patience: float) -> str:
    inner = frame
    while frame is not None and frame.f_code.co_filename.startswith(LIBRARIES):
        frame = frame.f_back
    frame = frame or inner
    where = f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame else "an unknown line"
    task = cast("Any", current_task)
    loop = f"the loop of {strands.current.member}" if strands.current else ""
    what = f"{task.name}[{task.request.id}]" if task else loop
    return f"{what} has run for {patience:g} real seconds without waiting, at {where}"
