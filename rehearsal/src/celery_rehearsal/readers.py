"""Modules that bound a clock by name, as `from time import monotonic` does."""

from __future__ import annotations

import sys
import time
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

from time_machine import escape_hatch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import ExitStack

# These measure the test run or wait for the real world: for threads, processes and other test processes.
REAL_TIME = (
    "_pytest.",
    "concurrent.futures.",
    "coverage.",
    "execnet.",
    "hypothesis.",
    "multiprocessing.",
    "pytest_",
    "queue.",
    "subprocess.",
    "threading.",
    "xdist.",
)

# What counts seconds, and what each makes of nanoseconds. `clock_gettime` counts them for some clocks only.
COUNTERS: dict[str, Callable[[int], float]] = {
    name + suffix: unit
    for name in ("monotonic", "perf_counter", "clock_gettime")
    for suffix, unit in (("", lambda counted: counted / 1e9), ("_ns", lambda counted: counted))
    if hasattr(time, name + suffix)
}
COUNTING = {getattr(time, name, None) for name in ("CLOCK_MONOTONIC", "CLOCK_MONOTONIC_RAW", "CLOCK_BOOTTIME")}

# Per module: which it was, how many names it had, and which of them held a clock. A start looks only at what is new.
_found: dict[str, tuple[int, int, list[str]]] = {}


def counters(nanoseconds: Callable[[], int | None]) -> dict[str, Callable[..., Any]]:
    """What stands for each function of `time` that counts seconds; for None it tells real time."""

    def counter(real: Callable[..., Any], unit: Callable[[int], float]) -> Callable[..., Any]:
        def read(*clock: int) -> Any:
            now = nanoseconds()
            return real(*clock) if now is None or not COUNTING.issuperset(clock) else unit(now)

        return read

    return {name: counter(getattr(time, name), unit) for name, unit in COUNTERS.items()}


def writers() -> dict[str, Callable[..., str]]:
    """What stands for the functions of `time` that write the time and that time-machine leaves real."""
    ctime, asctime = time.ctime, time.asctime

    def write_seconds(seconds: float | None = None) -> str:
        return ctime(time.time() if seconds is None else seconds)

    def write_parts(*parts: Any) -> str:
        return asctime(*(parts or (time.localtime(),)))

    return {"ctime": write_seconds, "asctime": write_parts}


def swap_readers(undo: ExitStack, fakes: Mapping[str, Callable[..., Any]]) -> None:
    """Put the fakes, by their names in `time`, where modules bound the real ones; keep the modules of REAL_TIME real.

    Undoing also reaches what has been imported since.
    """
    real = {name: getattr(time, name) for name in fakes}
    wall = {name: getattr(escape_hatch.time, name) for name in ("time", "time_ns", "gmtime", "localtime", "strftime")}
    kept = SimpleNamespace(**(vars(time) | real | wall))
    virtual = {id(real[name]): fake for name, fake in fakes.items()}
    shown = {id(getattr(time, name)): value for name, value in wall.items()} | {id(time): kept}
    before = set(sys.modules)
    for module, names in _readers({*virtual, *shown}):
        instead = shown if _is_real_time(module.__name__) else virtual
        _swap(undo, module, names, instead)
    undo.callback(_put_back, before, {id(fake): real[name] for name, fake in fakes.items()})


def _readers(clocks: set[int]) -> Iterator[tuple[ModuleType, list[str]]]:
    modules: list[tuple[str, Any]] = list(sys.modules.items())  # some put other objects there
    for name, module in modules:
        if not isinstance(module, ModuleType) or module is time:
            continue
        values = vars(module)
        looked = (id(module), len(values))
        seen = _found.get(name)
        if seen is None or seen[:2] != looked:
            seen = _found[name] = (*looked, [key for key, value in list(values.items()) if id(value) in clocks])
        if seen[2]:
            yield module, seen[2]


def _swap(undo: ExitStack, module: ModuleType, names: list[str], instead: Mapping[int, Any]) -> None:
    values = vars(module)
    for name in names:
        before = values.get(name)
        if id(before) in instead:
            values[name] = instead[id(before)]
            undo.callback(values.__setitem__, name, before)


def _put_back(before: set[str], real: Mapping[int, Any]) -> None:
    for name in set(sys.modules) - before:
        module = sys.modules[name]
        if isinstance(module, ModuleType):
            values = vars(module)
            values.update({key: real[id(value)] for key, value in list(values.items()) if id(value) in real})


def _is_real_time(name: str) -> bool:
    return f"{name}.".startswith(REAL_TIME)
