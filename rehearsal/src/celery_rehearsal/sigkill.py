"""SIGKILL for a greenlet: it ends where it stands, and no `finally`, `except` or `__exit__` of it runs.

Dropping a greenlet, or raising in it, would run every handler on its stack. A dead process runs none. So the code
objects on the stack lose their exception tables for as long as the stack unwinds; without a table, nothing is caught.
"""

from __future__ import annotations

import ctypes
import gc
import sys
import warnings
from types import CodeType, CoroutineType, FrameType, GeneratorType
from typing import Any

WORD = ctypes.sizeof(ctypes.c_void_p)

# It must live as long as a code object points at it.
NO_HANDLERS = b""


def table_offset() -> int:
    """Where a code object keeps the pointer to its exception table. Raises ValueError where there is no such place."""
    code = _sample.__code__
    words = (ctypes.c_void_p * (CodeType.__basicsize__ // WORD)).from_address(id(code))
    return WORD * list(words).index(id(code.co_exceptiontable))


class Unhandled:
    """Takes the handlers from all frames down to `base` (a code object) and from every suspended generator.

    A generator can be on the dying stack without a name: `@contextmanager` makes one. Those that live on are
    suspended, and have their handlers back before they run again.
    """

    def __init__(self, frame: FrameType | None, base: CodeType) -> None:
        codes: list[CodeType] = []
        while frame is not None and frame.f_code is not base:
            codes.append(frame.f_code)
            frame = frame.f_back
        # type(), because isinstance() asks an object for its class, and a lazy one evaluates itself.
        suspended = [found for found in gc.get_objects() if type(found) in (GeneratorType, CoroutineType)]
        coroutines = [found.cr_code for found in suspended if type(found) is CoroutineType and found.cr_suspended]
        codes += [found.gi_code for found in suspended if type(found) is GeneratorType and found.gi_suspended]
        codes += coroutines
        self._coroutines = bool(coroutines)
        # By identity: two that are equal have a table each.
        self._codes = list({id(code): code for code in codes}.values())
        offset = table_offset()
        self._slots = [ctypes.c_void_p.from_address(id(code) + offset) for code in self._codes]
        self._before = [slot.value for slot in self._slots]
        for slot in self._slots:
            slot.value = id(NO_HANDLERS)

    def restore(self, error: BaseException) -> None:
        """Give the handlers back, after everything is gone that the stack held."""
        error.__traceback__ = error.__context__ = None
        if self._coroutines:
            # An event loop and its tasks refer to each other; collected later, they would run their handlers then.
            with warnings.catch_warnings():
                # A dead process closes nothing.
                warnings.simplefilter("ignore", ResourceWarning)
                gc.collect()
        for slot, before in zip(self._slots, self._before, strict=True):
            slot.value = before


def kills_without_handlers() -> bool:
    """Whether this Python has an exception table where `table_offset` finds it, and goes by it."""
    ran: list[Any] = []

    def dies() -> None:
        try:
            base_frame = Unhandled(sys._getframe(), base.__code__)
            kept.append(base_frame)
            raise KeyError
        finally:
            ran.append("handler")

    kept: list[Unhandled] = []

    def base() -> None:
        try:
            dies()
        except KeyError as error:
            kept[0].restore(error)

    base()
    return not ran


def _sample() -> None:
    try:
        _sample()
    finally:
        _sample()
