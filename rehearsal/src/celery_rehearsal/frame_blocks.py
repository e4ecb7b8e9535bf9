"""How Python 3.10 finds the handlers of a function: on a stack in its frame, whose height the frame holds."""

from __future__ import annotations

import ctypes
import functools
import weakref
from contextlib import nullcontext
from types import CoroutineType, FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

WORD = ctypes.sizeof(ctypes.c_void_p)
INT = ctypes.sizeof(ctypes.c_int)

# How high the stack is where `_sample` waits.
HEIGHT = 3


@functools.cache
def height_offset() -> int:
    """Where a frame keeps the height of its stack of handlers. Raises ValueError where there is no such place."""
    waits: Any = _sample()
    next(waits)
    frame = id(waits.gi_frame)
    words = (ctypes.c_void_p * (FrameType.__basicsize__ // WORD)).from_address(frame)
    # After the frame's generator come the last instruction, the line and the height.
    found = WORD * (list(words).index(id(waits)) + 1) + 2 * INT
    if ctypes.c_int.from_address(frame + found).value != HEIGHT:
        raise ValueError("a frame of this Python is laid out otherwise")
    return found


def is_suspended(found: Any) -> bool:
    """Whether a generator or a coroutine waits in the middle of its code."""
    return not (found.cr_running if type(found) is CoroutineType else found.gi_running) and _frame(found) is not None


def take_handlers(frames: list[FrameType], suspended: list[Any]) -> Callable[[], None]:
    """Take the handlers of frames, generators and coroutines; return what gives them back to those that live on.

    It keeps none of them: whatever hangs on the dead must go before the handlers come back.
    """
    before = [(weakref.ref(found), _height(_frame(found)).value) for found in suspended]
    for frame in (*frames, *map(_frame, suspended)):
        _height(frame).value = 0

    def give_back() -> None:
        for refers, height in before:
            frame = _frame(refers())
            if frame is not None:
                _height(frame).value = height

    return give_back


def _frame(found: Any) -> Any:
    return getattr(found, "cr_frame" if type(found) is CoroutineType else "gi_frame", None)


def _height(frame: FrameType) -> ctypes.c_int:
    return ctypes.c_int.from_address(id(frame) + height_offset())


def _sample() -> Generator[None, None, None]:
    with nullcontext(), nullcontext(), nullcontext():
        yield
