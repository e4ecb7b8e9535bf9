"""The one frozen clock of a cluster: wall time, monotonic time, sleep, ids and randomness.

time-machine stops the wall clock below Python, for all who read it. It leaves the clocks that count seconds and `sleep`
as they are, because a step of the wall clock must not move those; they are put right here.
"""

from __future__ import annotations

import random
import threading
import time
import uuid
from contextlib import ExitStack, contextmanager
from datetime import timedelta, timezone
from typing import TYPE_CHECKING, Any

import time_machine

from . import sleepers
from .patching import Undo, swap_attribute, swap_defaults
from .readers import nanoseconds, stand_ins, swap_readers
from .sleepers import REAL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

# Monotonic clocks count from boot. A base that is not zero keeps code that reads 0.0 as "never" honest, and
# one below 2**33 keeps a microsecond exact in a float.
MONOTONIC_BASE = 1_000_000_000_000
MICROSECONDS = 1_000_000

# Functions that bound the monotonic clock as a default argument, by module and qualified name.
CLOCK_DEFAULTS = (
    ("kombu.asynchronous.timer", "to_timestamp"),
    ("kombu.asynchronous.timer", "Timer.enter_at"),
    ("kombu.asynchronous.timer", "Timer.enter_after"),
    ("kombu.asynchronous.timer", "Timer.__iter__"),
    ("celery.app.trace", "build_tracer"),
    ("celery.concurrency.base", "apply_target"),
)

# Bound when this module is imported: only these move the cluster's own traveller while `freezes` refuses the rest.
SHIFT = time_machine.Traveller.shift


class VirtualClock:
    """A clock that moves only when told; it never moves backwards but by `step`.

    `now` is an aware datetime in UTC. `monotonic` is in seconds, with a base of its own.
    """

    def __init__(self, start: datetime, *, seed: int, sleep: Callable[[float], None]) -> None:
        self._now = start.astimezone(timezone.utc)
        # The latest instant that the wall clock has shown.
        self.latest = self._now
        # Whole microseconds, because sums of float seconds drift off 18:00:00 in a year.
        self._elapsed = MONOTONIC_BASE + self._now.microsecond
        self._seed = seed
        self._sleep = sleep
        self._thread = threading.get_ident()
        self._undo: ExitStack = Undo()
        self._traveller: Any = None

    @property
    def now(self) -> datetime:
        """The wall clock: an aware datetime in UTC."""
        return self._now

    @property
    def ticks(self) -> int:
        """The monotonic clock in whole microseconds."""
        return self._elapsed

    def monotonic(self) -> float:
        """The monotonic clock in seconds."""
        return self._elapsed / MICROSECONDS

    def forward(self, ticks: int) -> None:
        """Move both clocks on by `ticks` microseconds."""
        if ticks > 0:
            self._elapsed += ticks
            self.step(timedelta(microseconds=ticks))

    def step(self, delta: timedelta) -> None:
        """Set the wall clock forward or back, as an operator or NTP would; the monotonic clock stays."""
        self._now += delta
        self.latest = max(self.latest, self._now)
        SHIFT(self._traveller, delta)

    def start(self) -> None:
        """Freeze the clock of the process."""
        with Undo() as undo:
            fakes = stand_ins()
            nanoseconds.append(lambda: self._elapsed * 1000)
            undo.callback(nanoseconds.clear)
            swap_readers(undo, fakes)
            swap_defaults(undo, CLOCK_DEFAULTS, {time.monotonic: fakes["monotonic"]})
            for name, fake in fakes.items():
                swap_attribute(undo, time, name, fake)
            self._traveller = undo.enter_context(_travel(self._now))
            self._patch_sleep(undo)
            self._seed_randomness(undo)
            self._undo = undo.pop_all()

    def stop(self) -> None:
        """Give the process its own clock back."""
        self._undo.close()

    def virtual_sleep(self, seconds: float) -> None:
        """What `time.sleep` is: the cluster's thread lets the clock pass, any other sleeps."""
        if threading.get_ident() != self._thread:
            REAL.sleep(seconds)
            return
        if seconds < 0:
            raise ValueError("sleep length must be non-negative")
        self._sleep(seconds)

    def _patch_sleep(self, undo: ExitStack) -> None:
        # Code that bound the name itself is found by `bind_sleep`.
        sleepers.running.append(self.virtual_sleep)
        undo.callback(sleepers.running.clear)
        swap_attribute(undo, time, "sleep", sleepers.sleep)

    def _seed_randomness(self, undo: ExitStack) -> None:
        # Task ids and delivery tags come from kombu's uuid(), jitter from the global random: both from one
        # seed.
        ids = random.Random(self._seed)  # noqa: S311 - reproducible on purpose
        swap_defaults(
            undo,
            (("kombu.utils.uuid", "uuid"),),
            {uuid.uuid4: lambda: uuid.UUID(int=ids.getrandbits(128), version=4)},
        )
        undo.callback(random.setstate, random.getstate())
        random.seed(self._seed)


@contextmanager
def _travel(start: datetime) -> Iterator[Any]:
    # In whole seconds, then on by the rest: a float is off by a microsecond, and a datetime in UTC would set TZ.
    with time_machine.travel(int(start.replace(microsecond=0).timestamp()), tick=False) as traveller:
        SHIFT(traveller, timedelta(microseconds=start.microsecond))
        yield traveller
