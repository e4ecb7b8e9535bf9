"""Moving a cluster through time on command."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING

from . import pending
from .arguments import aware, duration
from .clock import MICROSECONDS
from .crew import Crew
from .errors import BadUseError, NeverIdleError
from .settings import check_eager
from .steps import MILLISECOND, Steps

if TYPE_CHECKING:
    from datetime import datetime

    from .pending import Pending


class Driver(Steps, Crew):
    """Mixed into `VirtualCelery`."""

    @property
    def now(self) -> datetime:
        """The instant it is: an aware datetime in UTC."""
        return self.clock.now

    def advance(self, delta: timedelta | None = None, **units: float) -> None:
        """Let `delta` pass, a timedelta or its keywords (`minutes=5`), and everything happen that is due in it.

        Raises BadUseError for a bare number or a negative delta, and whatever AssertionError a task raised.
        """
        delta = _delta(delta, units)
        if delta < timedelta(0):
            raise BadUseError(f"advance({delta}): time does not run backwards; step_clock() is the fault for that")
        self._run(self.clock.ticks + delta // timedelta(microseconds=1))

    def run_until(self, instant: datetime) -> None:
        """As `advance`, up to an aware datetime; what is due at that very instant runs."""
        self.advance(aware(instant, "run_until") - self.now)

    def run_until_idle(self, limit: timedelta = timedelta(days=1)) -> None:
        """Advance until no message is queued, scheduled or unacked; entries of beat yet to come do not count.

        Raises NeverIdleError, naming what is left, after `limit`, or at once when only messages are left that no
        worker consumes.
        """
        self._check_caller()
        last = self.clock.ticks + duration(limit, "run_until_idle(limit=...)") // timedelta(microseconds=1)
        while True:
            self._settle()
            left = self.pending()
            if not left:
                return
            following = self._next_ticks()
            if following is None or following > last or pending.is_stuck(left):
                raise NeverIdleError(pending.explain(left, limit, self))
            self.clock.forward(max(following - self.clock.ticks, MILLISECOND))

    def pending(self) -> Pending:
        """What is queued, scheduled and unacked right now."""
        return pending.look(self)

    def next_at(self) -> datetime | None:
        """When the cluster does something next: an aware datetime in UTC, None for never."""
        waiting = [(broker, message.queue) for broker in self.brokers for message in broker.queued()]
        if any(self.is_consumed_now(*place) for place in waiting):
            return self.now
        following = self._next_ticks()
        if following is None:
            return None
        return self.now + timedelta(microseconds=max(0, following - self.clock.ticks))

    def _run(self, last: int) -> None:
        self._check_caller()
        for beat in self.beats.values():
            beat.look(self.clock.ticks)
        self._go(last)

    def _sleep(self, seconds: float) -> None:
        # In the test, to sleep is to let time pass.
        self.strands.wait(round(seconds * MICROSECONDS))

    def _check_caller(self) -> None:
        if not self._is_running():
            raise BadUseError("the cluster is not running: use it inside its `with` block")
        if threading.get_ident() != self._thread:
            raise BadUseError("the cluster belongs to the thread that entered its `with` block; call it there")
        if self.watch.actor != "test":
            self._refuse(BadUseError("a task cannot move the clock; it may only sleep"))
        self._raise_what_left()
        for app in self.apps:
            check_eager(app)

    def _not_in_task(self, what: str) -> None:
        if self._current is not None:
            self._refuse(BadUseError(f"{what}() inside a task: only the test can call it"))

    def _is_running(self) -> bool:
        raise NotImplementedError


def _delta(delta: timedelta | None, units: dict[str, float]) -> timedelta:
    if (delta is None) == (not units):
        raise BadUseError("advance(): give either a timedelta or its keywords, as advance(minutes=5)")
    if delta is not None:
        return duration(delta, "advance()")
    try:
        return timedelta(**units)
    except (TypeError, ValueError, OverflowError) as error:
        raise BadUseError(f"advance(): {error}; the keywords are those of timedelta, as minutes=5") from error
