"""Waiting for a message: where kombu polls, the cluster goes on until one has come."""

from __future__ import annotations

from contextlib import suppress
from queue import Empty
from typing import TYPE_CHECKING, Any

from .clock import MICROSECONDS

if TYPE_CHECKING:
    from .broker import Tap

# In microseconds: a week. Who waits without a timeout for so long waits for what never comes.
LONGEST = 7 * 86_400 * MICROSECONDS


class Patient:
    """Mixed into a transport: who waits for a message leaves that to the cluster, where kombu polls."""

    tap: Tap
    cycle: Any
    _deliver: Any

    def drain_events(self, connection: Any, timeout: float | None = None) -> None:
        """Read one message. Raises TimeoutError when `timeout` seconds have passed, of any length for None."""
        try:
            self.cycle.get(self._deliver, timeout=0)
        except Empty:
            ticks = LONGEST if timeout is None else round(timeout * MICROSECONDS)
            if self.tap.wait is None or ticks <= 0 or not self.tap.wait(ticks, self.has_news):
                raise TimeoutError from None
            with suppress(Empty):
                self.cycle.get(self._deliver, timeout=0)

    def has_news(self) -> bool:
        """Whether a message has come over one of its connections."""
        raise NotImplementedError
