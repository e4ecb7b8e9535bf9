"""Where code has bound the real `time.sleep` before a cluster started: a name, an attribute, a default, a closure."""

from __future__ import annotations

import functools
import gc
import sys
import time
import weakref
from contextlib import suppress
from itertools import repeat
from operator import is_
from types import CellType, FunctionType, MemberDescriptorType, ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

from .patching import swap_attribute

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack

# Not as names of this module, which the clock would replace as well.
REAL = SimpleNamespace(**vars(time))

# Modules that wait for the real world: the kit, the test runners, and programs that a task has started.
REAL_TIME = ("celery_rehearsal", "time", "_pytest", "hypothesis", "xdist", "execnet", "subprocess")

# What lives as long as its module. Other holders are as many and as short-lived as objects are.
LASTING = (ModuleType, type, FunctionType)

# The sleep of the running cluster; empty without one.
running: list[Callable[[float], None]] = []

# To look takes tens of milliseconds: once, and again when there are more or other holders.
_found: list[weakref.ref[Any]] = []
_looked_at: list[tuple[int, ...]] = []

# References that are always there at a look: REAL, the one in `readers`, what puts time.sleep back, and the argument
# of getrefcount().
KITS = 4


def sleep(seconds: float, /) -> None:
    """Stands for `time.sleep`. The same one in every cluster, and real without one: somebody may keep it."""
    (running[-1] if running else REAL.sleep)(seconds)


def bind_sleep(undo: ExitStack) -> None:
    """Replace the real sleep wherever it was bound, until the stack is closed."""
    lasting, others = [*filter(None, (reference() for reference in _found))], list[Any]()
    if _looked_at not in ([_seen(lasting)], [(*_seen(lasting), len(sys.modules))]):
        owners = _owners()
        lasting = [owner for owner in owners if isinstance(owner, LASTING)]
        others = [owner for owner in owners if not isinstance(owner, LASTING)]
        _found[:] = map(weakref.ref, lasting)
        seen = _seen(lasting)
        # Where a variable had a reference too, its place could be taken by a module that is imported later.
        state = seen if sum(seen[1:], KITS) == seen[0] else (*seen, len(sys.modules))
        # Nobody keeps the others alive, so the next start looks for them again.
        _looked_at[:] = [] if others else [state]
    for owner in (owner for owner in [*lasting, *others] if not _keeps_real_time(owner)):
        _bind(undo, owner)


def _seen(lasting: list[Any]) -> tuple[int, int]:
    """How many references to the real sleep there are, and how many of them the lasting holders have."""
    references = sys.getrefcount(REAL.sleep)  # first: the lists below are references too
    return references, sum(map(_held, lasting))


def _held(owner: Any) -> int:
    if isinstance(owner, type):
        return sum(map(_is_real, vars(owner).values()))
    values = _defaults(owner) if isinstance(owner, FunctionType) else vars(owner).values()
    # In C: a module has hundreds of names, and each start asks.
    return sum(map(is_, values, repeat(REAL.sleep)))


def _defaults(function: FunctionType) -> list[Any]:
    return [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]


def _bind(undo: ExitStack, owner: Any) -> None:
    if isinstance(owner, type):
        for name in [name for name, value in vars(owner).items() if _is_real(value)]:
            swap_attribute(undo, owner, name, staticmethod(sleep))
    elif isinstance(owner, FunctionType | CellType):
        name = "__defaults__" if isinstance(owner, FunctionType) else "cell_contents"
        before = getattr(owner, name)
        undo.callback(setattr, owner, name, before)
        setattr(owner, name, _virtual(before))
        _items(undo, getattr(owner, "__kwdefaults__", None) or {})
    elif type(owner) is tuple:
        place, instance = owner
        undo.callback(place.__set__, instance, REAL.sleep)
        place.__set__(instance, sleep)
    elif isinstance(owner, functools.partial):
        held: Any = owner  # the stubs leave out how a partial is changed
        state = held.func, held.args, held.keywords, vars(held)
        undo.callback(held.__setstate__, state)
        held.__setstate__((sleep, *state[1:]))
    else:
        _items(undo, vars(owner) if isinstance(owner, ModuleType) else owner)


def _is_real(value: Any) -> bool:
    return value is REAL.sleep or (type(value) is staticmethod and value.__func__ is REAL.sleep)


def _virtual(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_virtual, value))
    return sleep if value is REAL.sleep else value


def _items(undo: ExitStack, places: Any) -> None:
    pairs = list(places.items() if isinstance(places, dict) else enumerate(places))

    def put_back(key: Any) -> None:
        with suppress(LookupError):
            # Not where somebody has put another since.
            if places[key] is sleep:
                places[key] = REAL.sleep

    for key in [key for key, value in pairs if value is REAL.sleep]:
        undo.callback(put_back, key)
        places[key] = sleep


def _owners() -> list[Any]:
    """Modules, classes, functions, cells, partials, lists, dicts and pairs of a slot and its object."""
    holders: Any = gc.get_referrers(REAL.sleep)
    methods = [holder for holder in holders if type(holder) is staticmethod]
    dicts = [holder for holder in holders if type(holder) is dict]
    dicts += [found for found in (gc.get_referrers(*methods) if methods else ()) if type(found) is dict]
    owners = gc.get_referrers(*dicts, *(holder for holder in holders if type(holder) is tuple))
    found = [owner for owner in owners if isinstance(owner, type) or _has_default(owner)]
    found += [holder for holder in holders if type(holder) in {list, CellType, functools.partial}]
    # Objects whose dict Python has not made yet hold their values themselves.
    objects = [each for each in [*owners, *holders] if hasattr(each, "__dict__") and not isinstance(each, type)]
    by_dict = {id(vars(each)): each for each in objects}
    by_dict |= {id(inner): owner for owner in found if isinstance(owner, type) for inner in gc.get_referents(owner)}
    by_dict |= {id(owner.__kwdefaults__): owner for owner in found if isinstance(owner, FunctionType)}
    for values in [*dicts, *(vars(holder) for holder in holders if hasattr(holder, "__dict__"))]:
        owner = by_dict.get(id(values))
        if isinstance(owner, ModuleType) or not (isinstance(owner, type | FunctionType) or _keeps_real_time(owner)):
            found.append(owner if isinstance(owner, ModuleType) else values)
    found += [slot for holder in holders if not _keeps_real_time(holder) for slot in _slots(holder)]
    return [owner for owner in found if isinstance(owner, LASTING) or not _keeps_real_time(owner)]


def _slots(instance: Any) -> list[tuple[MemberDescriptorType, Any]]:
    """Where an object of a class with `__slots__` holds it. A class that is written in C has none."""
    slotted = [base for base in type(instance).__mro__ if "__slots__" in vars(base)]
    places = [each for base in slotted for each in vars(base).values() if type(each) is MemberDescriptorType]
    return [(each, instance) for each in places if getattr(instance, each.__name__, None) is REAL.sleep]


def _has_default(owner: Any) -> bool:
    return isinstance(owner, FunctionType) and any(value is REAL.sleep for value in _defaults(owner))


def _keeps_real_time(owner: Any) -> bool:
    if type(owner) is SimpleNamespace:
        # The kit's own, which stands for the module `time` where that keeps real time.
        return hasattr(owner, "perf_counter")
    name = owner.__name__ if isinstance(owner, ModuleType) else getattr(owner, "__module__", None)
    return str(name).partition(".")[0] in REAL_TIME or str(name).startswith("pytest_")
