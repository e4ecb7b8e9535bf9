"""Where code has bound the real `time.sleep` before a cluster started: in modules, default arguments and classes."""

from __future__ import annotations

import gc
import sys
import time
import weakref
from types import FunctionType, ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

from .patching import swap_attribute

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack

# Not as names of this module, which the clock would replace as well.
REAL = SimpleNamespace(**vars(time))

# Modules that wait for the real world: the kit, the test runners, and programs that a task has started.
REAL_TIME = ("celery_rehearsal", "time", "_pytest", "hypothesis", "xdist", "execnet", "subprocess")

# To look takes milliseconds: once, and again when there are more modules.
_found: list[weakref.ref[Any]] = []
_looked_at: list[int] = []


def bind_sleep(undo: ExitStack, virtual: Callable[[float], None]) -> None:
    """Replace the real sleep wherever it was bound, until the stack is closed."""
    if _looked_at != [len(sys.modules)]:
        _found[:] = [weakref.ref(owner) for owner in _owners()]
        _looked_at[:] = [len(sys.modules)]
    for reference in _found:
        owner: Any = reference()
        if isinstance(owner, ModuleType | type):
            wrapped = virtual if isinstance(owner, ModuleType) else staticmethod(virtual)
            for name in [name for name, value in vars(owner).items() if value is REAL.sleep]:
                swap_attribute(undo, owner, name, wrapped)
        elif owner is not None:
            _bind_defaults(undo, owner, virtual)


def _bind_defaults(undo: ExitStack, function: Any, virtual: Any) -> None:
    def changed(value: Any) -> Any:
        return virtual if value is REAL.sleep else value

    for name in ("__defaults__", "__kwdefaults__"):
        before = getattr(function, name)
        if before is not None:
            after = (
                {k: changed(v) for k, v in before.items()} if isinstance(before, dict) else tuple(map(changed, before))
            )
            undo.callback(setattr, function, name, before)
            setattr(function, name, after)


def _owners() -> list[Any]:
    # A module, class or function does not hold it itself, but its dict or tuple.
    holders = [holder for holder in gc.get_referrers(REAL.sleep) if type(holder) in (dict, tuple)]
    owners = [owner for owner in gc.get_referrers(*holders) if isinstance(owner, ModuleType | type | FunctionType)]
    return [owner for owner in owners if not _keeps_real_time(owner) and _holds(owner)]


def _keeps_real_time(owner: Any) -> bool:
    name = owner.__name__ if isinstance(owner, ModuleType) else owner.__module__
    return str(name).partition(".")[0] in REAL_TIME or str(name).startswith("pytest_")


def _holds(owner: Any) -> bool:
    if isinstance(owner, FunctionType):
        held = [*(owner.__defaults__ or ()), *(owner.__kwdefaults__ or {}).values()]
    else:
        held = list(vars(owner).values())
    return any(value is REAL.sleep for value in held)
