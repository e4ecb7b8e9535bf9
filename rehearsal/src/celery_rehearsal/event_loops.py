"""What asyncio keeps per thread while a loop runs: each strand has its own, as each real process has."""

from __future__ import annotations

import asyncio
import functools
import signal
import sys
from typing import Any

NO_LOOP: tuple[Any, Any, Any] = (None, None, None)


def current() -> tuple[Any, Any, Any]:
    """The loop that runs in this thread, and the hooks that it has set."""
    return asyncio._get_running_loop(), *sys.get_asyncgen_hooks()


def restore(state: tuple[Any, Any, Any]) -> None:
    """Set what `current` has told."""
    asyncio._set_running_loop(state[0])
    sys.set_asyncgen_hooks(*state[1:])


def drop() -> None:
    """Forget the loop that runs: its process is dead, so nobody takes its traces back."""
    loop: Any = asyncio._get_running_loop()
    restore(NO_LOOP)
    if loop is None:
        return
    for task in asyncio.all_tasks(loop):
        # Else asyncio logs that it was destroyed.
        vars_of: Any = task
        vars_of._log_destroy_pending = False
    # Else it would start a task for each asynchronous generator that is dropped, to close it.
    loop._closed = True
    asyncio.set_event_loop(None)
    handler = signal.getsignal(signal.SIGINT)
    runner: Any = getattr(handler.func, "__self__", None) if isinstance(handler, functools.partial) else None
    if type(runner) is getattr(asyncio, "Runner", None) and runner.get_loop() is loop:
        # asyncio.run() puts its own in the place of this one only; on Python 3.10 it puts none.
        signal.signal(signal.SIGINT, signal.default_int_handler)
