"""The one frozen clock of a cluster: wall time, monotonic time, sleep, ids and randomness.

freezegun fakes what reads the clock through a module; what it cannot reach is put right here:
default arguments bound when Celery and kombu were imported, a monotonic clock that a step of the
wall clock must not move, and `sleep`.
"""

from __future__ import annotations

import random
import threading
import time
import uuid
from contextlib import ExitStack
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

import freezegun.api as frozen
from freezegun import freeze_time

from .errors import BadUseError
from .patching import swap_attribute, swap_defaults

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

# Monotonic clocks count from boot. A base that is not zero keeps code that reads 0.0 as "never" honest, and
# one below 2**33 keeps a microsecond exact in a float.
MONOTONIC_BASE = 1_000_000_000_000
MICROSECONDS = 1_000_000

# pytest and hypothesis time themselves, not the code under test. Modules with these prefixes keep the real
# clock.
REAL_TIME_MODULES = ["_pytest.", "pytest_", "hypothesis.", "coverage.", "xdist."]

# Functions that bound a real clock as a default argument, by module and qualified name.
CLOCK_DEFAULTS = (
    ("kombu.asynchronous.timer", "to_timestamp"),
    ("kombu.asynchronous.timer", "Timer.enter_at"),
    ("kombu.asynchronous.timer", "Timer.enter_after"),
    ("kombu.asynchronous.timer", "Timer.__iter__"),
    ("celery.app.trace", "build_tracer"),
    ("celery.concurrency.base", "apply_target"),
    ("celery.events.event", "Event"),
)


class VirtualClock:
    """A clock that moves only when told; it never moves backwards but by `step`.

    `now` is an aware datetime in UTC. `monotonic` is in seconds, with a base of its own.
    """

    def __init__(self, start: datetime, *, seed: int, sleep: Callable[[float], None]) -> None:
        self._start = start.astimezone(UTC).replace(tzinfo=None)
        # Whole microseconds, because sums of float seconds drift off 18:00:00 in a year.
        self._elapsed = MONOTONIC_BASE + self._start.microsecond
        self._seed = seed
        self._sleep = sleep
        self._thread = threading.get_ident()
        self._undo = ExitStack()
        self._factory: Any = None
        self._now = self._start.replace(tzinfo=UTC)
        self._time = self._now.timestamp()
        self._real_sleep: Callable[[float], None] = time.sleep

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
        """Move both clocks on by `ticks` microseconds. Raises BadUseError under a freeze_time of another's."""
        if frozen.freeze_factories[-1] is not self._factory:
            raise BadUseError("freeze_time() inside a cluster hides its clock; move the cluster instead")
        if ticks > 0:
            self._elapsed += ticks
            self.step(timedelta(microseconds=ticks))

    def step(self, delta: timedelta) -> None:
        """Set the wall clock forward or back, as an operator or NTP would; the monotonic clock stays."""
        self._now += delta
        self._time = self._now.timestamp()
        self._factory.time_to_freeze = self._now.replace(tzinfo=None)

    def start(self) -> None:
        """Freeze. freezegun scans all modules here, so this is done once per cluster."""
        undo = self._undo
        swap_attribute(undo, frozen, "_get_module_attributes_hash", _names_of)
        swap_attribute(undo, frozen, "fake_time", self._fake_time(frozen.fake_time))
        freezer = freeze_time(frozen.real_datetime.combine(self._start.date(), self._start.time()))
        freezer.ignore = (*freezer.ignore, *REAL_TIME_MODULES)
        self._factory = freezer.start()
        undo.callback(freezer.stop)
        # Modules on the list kept the real functions when the scan passed them by. A second look, five frames
        # up the stack at each call, would only give real time to the module that a queue or a thread pool happens to
        # call.
        frozen.ignore_lists[-1] = ()
        swap_attribute(undo, frozen, "_get_fake_monotonic", self.monotonic)
        swap_attribute(undo, frozen, "_get_fake_monotonic_ns", lambda: self._elapsed * 1000)
        fakes = {frozen.real_monotonic: frozen.fake_monotonic, frozen.real_time: frozen.fake_time}
        swap_defaults(undo, CLOCK_DEFAULTS, fakes)
        self._patch_sleep(undo)
        self._seed_randomness(undo)

    def _fake_time(self, theirs: Callable[[], float]) -> Callable[[], float]:
        # freezegun computes the seconds again at each call, and a fake Redis asks at each command. Its name is
        # freezegun's: by it, stop() knows what it must not put back.
        def fake_time() -> float:
            return self._time if frozen.freeze_factories[-1:] == [self._factory] else theirs()

        return fake_time

    def stop(self) -> None:
        """Give the process its own clock back."""
        self._undo.close()

    def virtual_sleep(self, seconds: float) -> None:
        """What `time.sleep` is: the cluster's thread lets the clock pass, any other sleeps."""
        if threading.get_ident() != self._thread:
            self._real_sleep(seconds)
            return
        if seconds < 0:
            raise ValueError("sleep length must be non-negative")
        self._sleep(seconds)

    def _patch_sleep(self, undo: ExitStack) -> None:
        self._real_sleep = time.sleep
        # Code that bound the name itself is found by `sleepers`.
        swap_attribute(undo, time, "sleep", self.virtual_sleep)

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


def _names_of(module: Any) -> str:
    # By this freezegun sees whether a module has changed since its last scan. Its own asks dir(), which sorts the
    # names of every module there is: three quarters of the time in which a cluster starts.
    return f"{id(module)}-{hash(frozenset(getattr(module, '__dict__', ())))}"
