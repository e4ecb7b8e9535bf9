"""Modules that bound a clock by name, as `from time import monotonic` does."""

from __future__ import annotations

import functools
import sys
import time
from itertools import compress, repeat
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
    "unittest.",
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

# How the running cluster counts; empty without one.
nanoseconds: list[Callable[[], int]] = []

# Per module: which it was, how many names it had, and which of them held a clock. A start looks only at what is new.
_found: dict[str, tuple[int, int, list[str]]] = {}

# The same of all modules at once, and the names of those that held a clock: most starts find nothing new at all.
_state: list[int] = []
_holders: list[str] = []


@functools.cache
def stand_ins() -> dict[str, Callable[..., Any]]:
    """What stands for the functions of `time` that time-machine leaves real, by name; it is real without a cluster.

    The same ones in every cluster: somebody may keep one from the last.
    """

    def counter(real: Callable[..., Any], unit: Callable[[int], float]) -> Callable[..., Any]:
        def read(*clock: int) -> Any:
            return unit(nanoseconds[-1]()) if nanoseconds and COUNTING.issuperset(clock) else real(*clock)

        return read

    ctime, asctime = time.ctime, time.asctime
    fakes: dict[str, Callable[..., Any]] = {name: counter(getattr(time, name), unit) for name, unit in COUNTERS.items()}
    fakes["ctime"] = lambda seconds=None: ctime(time.time() if seconds is None else seconds)
    fakes["asctime"] = lambda *parts: asctime(*(parts or (time.localtime(),)))
    return fakes


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
    swapped: list[tuple[dict[str, Any], str, Any]] = []
    undo.callback(_swap_back, swapped)
    for module, names in _readers({*virtual, *shown}):
        _swap(swapped, module, names, shown if _is_real_time(module.__name__) else virtual)
    undo.callback(_put_back, before, {id(fake): real[name] for name, fake in fakes.items()})


def _readers(clocks: set[int]) -> Iterator[tuple[ModuleType, list[str]]]:
    everything: list[Any] = list(sys.modules.values())  # some put other objects there
    modules = list(compress(everything, map(isinstance, everything, repeat(ModuleType))))
    # Each start comes here, with a thousand modules: without a step of Python's for each.
    state = [*map(id, everything), *map(len, map(vars, modules))]
    if state != _state:
        _holders[:] = [name for name, module in list(sys.modules.items()) if _holds(name, module, clocks)]
        _state[:] = state
    for name in _holders:
        yield sys.modules[name], _found[name][2]


def _holds(name: str, module: Any, clocks: set[int]) -> bool:
    if not isinstance(module, ModuleType) or module is time:
        return False
    seen = _found.get(name)
    if seen is None or seen[:2] != (id(module), len(vars(module))):
        values = list(vars(module).items())
        _found[name] = seen = id(module), len(values), [key for key, value in values if id(value) in clocks]
    return bool(seen[2])


def _swap(swapped: list[Any], module: ModuleType, names: list[str], instead: Mapping[int, Any]) -> None:
    values = vars(module)
    for name in names:
        before = values.get(name)
        if id(before) in instead:
            values[name] = instead[id(before)]
            swapped.append((values, name, before))


def _swap_back(swapped: list[tuple[dict[str, Any], str, Any]]) -> None:
    for values, name, before in reversed(swapped):
        values[name] = before


def _put_back(before: set[str], real: Mapping[int, Any]) -> None:
    for name in set(sys.modules) - before:
        module = sys.modules[name]
        if isinstance(module, ModuleType):
            values = vars(module)
            values.update({key: real[id(value)] for key, value in list(values.items()) if id(value) in real})


@functools.cache
def _is_real_time(name: str) -> bool:
    return f"{name}.".startswith(REAL_TIME)
