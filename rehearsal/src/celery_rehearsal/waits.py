"""Every way to wait that one thread can make virtual: a wait of a task is left to the cluster, which moves the clock.

`time.sleep` is the clock's. Here are conditions (events, queues, semaphores and futures wait on one), event loops and
`select`. Real threads and real processes keep real time: what a task waits for in them takes no virtual time.
"""

from __future__ import annotations

import queue
import select
import selectors
import signal
import subprocess
import threading
from asyncio import BaseEventLoop, selector_events
from multiprocessing import process
from typing import TYPE_CHECKING, Any, NoReturn
from weakref import WeakKeyDictionary, WeakSet

from .errors import NotSimulatedError
from .limits import reason
from .patching import swap_attribute
from .sleepers import REAL, bind_sleep

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack

    from .clock import VirtualClock
    from .strands import Strands

MICROSECONDS = 1_000_000

# They would interrupt, or wait for, this process in real time.
REFUSED = ("alarm", "setitimer", "sigwait", "sigwaitinfo", "sigtimedwait", "pause")


def install(
    undo: ExitStack,
    clock: VirtualClock,
    strands: Strands,
    refuse: Callable[[Exception], NoReturn],
    *,
    threads: bool,
) -> None:
    """Make waits virtual until the stack is closed. With `threads`, conditions stay real: a thread may notify them."""
    ours = threading.get_ident()

    def is_task() -> bool:
        return strands.current is not None and threading.get_ident() == ours

    def monotonic() -> float:
        return clock.monotonic() if is_task() else REAL.monotonic()

    bind_sleep(undo)
    if not threads:
        _conditions(undo, strands, is_task)
        swap_attribute(undo, queue, "time", monotonic)
        swap_attribute(undo, threading, "_time", monotonic)
    _selectors(
        undo, strands, lambda: threading.get_ident() == ours, _executors(undo) if threads else lambda _loop: False
    )
    _select(undo, strands, is_task)
    _signals(undo, refuse, is_task)
    _processes(undo, strands)
    swap_attribute(undo, subprocess, "time", REAL)
    swap_attribute(undo, subprocess, "_time", REAL.monotonic)


class Waiter:
    """The lock that a condition makes for each of its waits. Who waits leaves that to the cluster."""

    def __init__(self, strands: Strands) -> None:
        self._strands = strands
        self._locked = False

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """As a lock's."""
        if self._locked and blocking:
            ticks = None if timeout < 0 else round(timeout * MICROSECONDS)
            self._strands.wait(ticks, lambda: not self._locked)
        taken = not self._locked
        self._locked = True
        return taken

    def release(self) -> None:
        """As a lock's."""
        self._locked = False

    def __enter__(self) -> None:
        # A fork in a task makes locks of its own in the child, and enters them.
        self.acquire()

    def __exit__(self, *_exc: object) -> None:
        self.release()


def _conditions(undo: ExitStack, strands: Strands, is_task: Callable[[], bool]) -> None:
    real: Any = threading._allocate_lock  # type: ignore[attr-defined] # private
    swap_attribute(undo, threading, "_allocate_lock", lambda: Waiter(strands) if is_task() else real())


def _executors(undo: ExitStack) -> Callable[[Any], bool]:
    """Tell whether an event loop waits for a thread, as `asyncio.to_thread` and the end of `asyncio.run` let it."""
    calls: WeakKeyDictionary[Any, WeakSet[Any]] = WeakKeyDictionary()
    real: Any = BaseEventLoop.run_in_executor

    def run_in_executor(loop: Any, *args: Any) -> Any:
        future = real(loop, *args)
        calls.setdefault(loop, WeakSet()).add(future)
        return future

    swap_attribute(undo, BaseEventLoop, "run_in_executor", run_in_executor)
    return lambda loop: loop._executor_shutdown_called or any(not call.done() for call in calls.get(loop, ()))


def _selectors(
    undo: ExitStack, strands: Strands, is_ours: Callable[[], bool], waits_for_thread: Callable[[Any], bool]
) -> None:
    found = {getattr(selectors, name, None) for name in ("SelectSelector", "PollSelector", "EpollSelector")}
    found |= {getattr(selectors, name, None) for name in ("DevpollSelector", "KqueueSelector")}
    for selector in sorted(filter(None, found), key=lambda each: str(each.__name__)):
        real = selector.select

        def wait(self: Any, timeout: float | None = None, real: Any = real) -> Any:
            loop = _idle_loop(self) if is_ours() else None
            if loop is None or waits_for_thread(loop):
                return real(self, timeout)
            return _virtual(strands, timeout, lambda: real(self, 0))

        swap_attribute(undo, selector, "select", wait)


def _idle_loop(selector: Any) -> Any:
    """The event loop that waits for nothing but its own wake-up, or None: anything else is of the real world."""
    handles = [key.data[0] for key in selector.get_map().values() if isinstance(key.data, tuple)]
    callbacks = [getattr(handle, "_callback", None) for handle in handles]
    own = selector_events.BaseSelectorEventLoop._read_from_self  # type: ignore[attr-defined] # private
    if len(selector.get_map()) != 1 or [getattr(found, "__func__", None) for found in callbacks] != [own]:
        return None
    return callbacks[0].__self__  # type: ignore[union-attr] # a bound method, as compared above


def _select(undo: ExitStack, strands: Strands, is_task: Callable[[], bool]) -> None:
    real = select.select

    def wait(rlist: Any, wlist: Any, xlist: Any, timeout: float | None = None) -> Any:
        if not is_task() or rlist or wlist or xlist:
            return real(rlist, wlist, xlist, timeout)
        return _virtual(strands, timeout, list) or ([], [], [])

    swap_attribute(undo, select, "select", wait)


def _signals(undo: ExitStack, refuse: Callable[[Exception], NoReturn], is_task: Callable[[], bool]) -> None:
    for name in REFUSED:
        real = getattr(signal, name, None)
        if real is None:
            continue

        def wait(*args: Any, name: str = name, real: Any = real) -> Any:
            # Zero takes an alarm back.
            if is_task() and args[-1:] != (0,):
                refuse(
                    NotSimulatedError(f"signal.{name}() in a task; {reason('signals')}; or patch the call in the test")
                )
            return real(*args)

        swap_attribute(undo, signal, name, wait)


def _processes(undo: ExitStack, strands: Strands) -> None:
    real = process.BaseProcess.start

    def start(child: Any) -> None:
        strand = strands.current
        children = getattr(strand.worker.pool, "children", ()) if strand and strand.worker else ()
        # billiard tells Python's multiprocessing that a child of the prefork pool is a daemon.
        if any(one.strand is strand for one in children):
            raise AssertionError("daemonic processes are not allowed to have children")
        real(child)

    swap_attribute(undo, process.BaseProcess, "start", start)


def _virtual(strands: Strands, timeout: float | None, look: Callable[[], Any]) -> Any:
    found = look()
    if found or (timeout is not None and timeout <= 0):
        return found

    def come() -> Any:
        nonlocal found
        found = found or look()
        return found

    strands.wait(None if timeout is None else -round(-timeout * MICROSECONDS // 1), come)
    return found
