"""Frozen clocks of others: set aside while a cluster runs, refused inside it, and back after it.

One process has one clock. What freezegun or time-machine froze before a cluster started goes on after it. What is
started, moved or stopped inside a cluster would change nothing or take the cluster's own clock away.
"""

from __future__ import annotations

import importlib
import importlib.util
import time
from contextlib import ExitStack
from datetime import datetime, timezone
from types import BuiltinFunctionType
from typing import TYPE_CHECKING, Any, NoReturn

import time_machine

from .errors import BadUseError
from .patching import swap_attribute

if TYPE_CHECKING:
    from collections.abc import Callable

# What freezegun's factories move a frozen clock by.
MOVES = ("tick", "move_to", "update_step_width")

# The clocks of `time`. Python code in place of one would hide the cluster's.
READERS = ("gmtime", "localtime", "monotonic", "perf_counter", "strftime", "time", "time_ns")

# The lists of `freezegun.api` that hold one item for each freeze under way.
STACKS = ("freeze_factories", "tz_offsets", "ignore_lists", "tick_flags")


class Freezes:
    """The frozen clocks that a test may have around a cluster."""

    def __init__(self) -> None:
        self._late = ExitStack()

    def set_aside(self, undo: ExitStack) -> None:
        """Give the process its real clock until the stack closes. A travel stays, and the cluster's goes on top.

        Raises BadUseError where something else has replaced a function of `time`.
        """
        undo.callback(self._late.close)
        api = _freezegun()
        if api is not None and api.freeze_factories:
            _suspend(undo, api)
        patched = [name for name in READERS if not isinstance(getattr(time, name), BuiltinFunctionType)]
        if patched:
            raise BadUseError(
                f"time.{patched[0]} is patched, and would hide a cluster's clock; end the patch before it"
            )

    def refuse(self, undo: ExitStack, refuse: Callable[[Exception], NoReturn]) -> None:
        """Raise BadUseError at once where a clock is frozen, moved or unfrozen before the stack closes."""
        api = _freezegun()
        theirs: list[tuple[Any, str, str]] = [(time_machine.travel, "travel", "time_machine")]
        if api is not None:
            theirs.append((api._freeze_time, "freeze_time", "freezegun"))
        for owner, name, library in theirs:
            _refuse(undo, owner, "start", f"{library}.{name}() was started", refuse=refuse)
            _refuse(undo, owner, "stop", f"{library}.{name}() was stopped", refuse=refuse, late=self._late)
        for name in ("shift", "move_to"):
            _refuse(undo, time_machine.Traveller, name, f"{name}() of time_machine was called", refuse=refuse)
        for factory in _factories(api):
            for name in (name for name in MOVES if name in vars(factory)):
                _refuse(undo, factory, name, f"{name}() of freezegun was called", refuse=refuse)


def _refuse(
    undo: ExitStack,
    owner: Any,
    name: str,
    what: str,
    *,
    refuse: Callable[[Exception], NoReturn],
    late: ExitStack | None = None,
) -> None:
    real = getattr(owner, name)

    def refused(theirs: Any, *_args: Any, **_kwargs: Any) -> NoReturn:
        if late is not None:
            # Nobody will ask again, and what stays frozen would freeze every later test.
            late.callback(real, theirs)
        refuse(
            BadUseError(
                f"{what} inside a cluster, which has a clock of its own: move the cluster instead "
                "(advance, run_until, step_clock), or leave its `with` block first"
            )
        )

    swap_attribute(undo, owner, name, refused)


def _suspend(undo: ExitStack, api: Any) -> None:
    stacks = {name: getattr(api, name) for name in STACKS}
    frozen = {name: list(stack) for name, stack in stacks.items()}
    for stack in stacks.values():
        stack.clear()
    freezer = _thaw(api, frozen["ignore_lists"][0])

    def freeze_again() -> None:
        # Its own stop() puts back all modules, those that this start() changes too.
        freezer.start()
        for name, stack in stacks.items():
            stack[:] = frozen[name]

    undo.callback(freeze_again)


def _thaw(api: Any, ignored: Any) -> Any:
    """Undo what the outermost freeze did to modules; return a freezer that can do it again."""
    freezer = api.freeze_time(datetime(2000, 1, 1, tzinfo=timezone.utc))
    freezer.ignore = ignored
    freezer.start()
    # As if every module had been loaded since: stop() looks at those alone.
    freezer.modules_at_start = set()
    freezer.stop()
    return freezer


def _freezegun() -> Any:
    if importlib.util.find_spec("freezegun") is None:
        return None
    # Loaded here where nobody has yet: loaded under the cluster's clock, it would take that for the real one.
    return importlib.import_module("freezegun.api")


def _factories(api: Any) -> list[Any]:
    names = ("FrozenDateTimeFactory", "TickingDateTimeFactory", "StepTickTimeFactory")
    return [] if api is None else [getattr(api, name) for name in names]
