"""Where the time of a run goes: whose code is being executed, looked at a thousand times a second."""

import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from .report import Skipped

INTERVAL = 0.001
OTHER = "other"
# Modules by the beginning of their names, the closest first: a frame belongs to the first that fits.
PARTS = {
    "the kit": ("celery_rehearsal",),
    "time-machine": ("time_machine",),
    "Celery's worker": ("celery.worker", "celery.concurrency", "celery.app.trace"),
    "Celery's beat": ("celery.beat", "celery.schedules"),
    "Celery's results": ("celery.backends",),
    "Celery: publishing, settings, signals": ("celery",),
    "kombu": ("kombu", "vine"),
    "redis-py": ("redis",),
    "fakeredis": ("fakeredis",),
    "JSON": ("json",),
    "time zones": ("dateutil", "zoneinfo"),
}


def part(frame: FrameType | None) -> str:
    """Whose code a frame is; what Python's own library does is its caller's."""
    while frame is not None:
        module = str(frame.f_globals.get("__name__"))
        for name, beginnings in PARTS.items():
            if any(module == beginning or module.startswith(f"{beginning}.") for beginning in beginnings):
                return name
        frame = frame.f_back
    return OTHER


@contextmanager
def sampled() -> Iterator[Counter[str]]:
    """How often each part was seen while the block ran, by the real clock.

    Raises Skipped where the system has no interval timers, and outside of the main thread, which alone gets signals.
    """
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        raise Skipped("where time goes is seen by an interval timer's signals: not on Windows, not in a thread")
    seen: Counter[str] = Counter()
    before = signal.signal(signal.SIGALRM, lambda _signal, frame: seen.update([part(frame)]))
    signal.setitimer(signal.ITIMER_REAL, INTERVAL, INTERVAL)
    try:
        yield seen
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
