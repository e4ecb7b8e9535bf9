"""Reversible changes: each is undone when its stack closes, in the reverse order."""

from __future__ import annotations

import inspect
import sys
from contextlib import ExitStack
from types import FunctionType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping

_MISSING = object()


class Undo(ExitStack):
    """An exit stack with callbacks that cost a tuple each. A cluster has hundreds, and ExitStack makes functions."""

    def __init__(self) -> None:
        super().__init__()
        self._calls: list[Any] | None = None

    def callback(self, callback: Any, /, *args: Any, **kwds: Any) -> Any:
        if not self._calls:
            # None, or emptied: a callback can add one while the stack is closed.
            self._calls = []
            super().callback(_call_all, self._calls)
        self._calls.append((callback, args, kwds))
        return callback

    def push(self, exit: Any) -> Any:  # noqa: A002 # as ExitStack has it
        self._calls = None
        return super().push(exit)

    def enter_context(self, cm: Any) -> Any:
        # What is undone by callbacks from here on is undone before this.
        self._calls = None
        return super().enter_context(cm)

    def pop_all(self) -> Any:
        self._calls = None
        return super().pop_all()


def _call_all(calls: list[Any]) -> None:
    """Call the last first, and every one, as ExitStack does: an error is raised in the end."""
    while calls:
        callback, args, kwds = calls.pop()
        try:
            callback(*args, **kwds)
        except BaseException:
            _call_all(calls)
            raise


def swap_attribute(undo: ExitStack, owner: Any, name: str, value: Any) -> None:
    """Set `owner.name`; undoing puts back the old value, or removes it where the owner had no such name."""
    before = vars(owner).get(name, _MISSING)
    setattr(owner, name, value)
    undo.callback(_put_back, owner, name, before)


def swap_unless_patched(undo: ExitStack, owner: Any, name: str, value: Any) -> None:
    """As `swap_attribute`; undoing leaves alone what somebody else has set or removed since, but for wrappers of it."""
    before = vars(owner).get(name, _MISSING)
    setattr(owner, name, value)

    def undone() -> None:
        if any(layer is value for layer in _layers(vars(owner).get(name))):
            _put_back(owner, name, before)

    undo.callback(undone)


def keep_attribute(undo: ExitStack, owner: Any, name: str) -> None:
    """Let `owner.name` be changed at will: undoing puts back what it is now, or removes it."""
    undo.callback(_put_back, owner, name, vars(owner).get(name, _MISSING))


def _layers(found: Any) -> Iterator[Any]:
    while found is not None:
        yield found
        found = getattr(found, "__wrapped__", None) if isinstance(found, FunctionType) else None


def _put_back(owner: Any, name: str, before: Any) -> None:
    if before is not _MISSING:
        setattr(owner, name, before)
    elif name in vars(owner):
        delattr(owner, name)


def swap_item(undo: ExitStack, mapping: MutableMapping[str, Any], key: str, value: Any) -> None:
    """Set one item; undoing puts back the old value, or removes an item that did not exist."""
    before = mapping.get(key, _MISSING)
    mapping[key] = value
    undo.callback(lambda: mapping.pop(key, None) if before is _MISSING else mapping.update({key: before}))


def swap_contents(undo: ExitStack, mapping: dict[Any, Any]) -> None:
    """Let the mapping be changed at will: undoing gives it back what it holds now."""
    before = dict(mapping)

    def restore() -> None:
        mapping.clear()
        mapping.update(before)

    undo.callback(restore)


def swap_defaults(
    undo: ExitStack,
    functions: Iterable[tuple[str, str]],
    fakes: Mapping[Any, Callable[..., Any]],
) -> None:
    """Replace default arguments that were bound when the function was defined.

    `functions` are pairs of module and qualified name; each must hold at least one of the real objects.
    """
    for module, path in functions:
        function = resolve(module, path)
        before = function.__defaults__
        after = tuple(_substitute(value, fakes) for value in before or ())
        function.__defaults__ = after
        undo.callback(setattr, function, "__defaults__", before)


def resolve(module: str, path: str) -> Any:
    """The object at `path` of a module that is loaded; of a function that a library has wrapped, the function."""
    found: Any = sys.modules[module]
    for name in path.split("."):
        found = getattr(found, name)
    return _unwrapped(found, path.rpartition(".")[2])


def _unwrapped(found: Any, name: str) -> Any:
    # Sentry's integration puts a function of another name in the place of build_tracer, and keeps that in its closure.
    found = inspect.unwrap(found) if callable(found) else found
    if not isinstance(found, FunctionType) or found.__name__ == name:
        return found
    kept = [cell.cell_contents for cell in found.__closure__ or ()]
    return next((each for each in kept if getattr(each, "__name__", "") == name), found)


def _substitute(value: Any, fakes: Mapping[Any, Callable[..., Any]]) -> Any:
    # A default may be unhashable, so it is looked up by identity.
    return next((fake for real, fake in fakes.items() if real is value), value)
