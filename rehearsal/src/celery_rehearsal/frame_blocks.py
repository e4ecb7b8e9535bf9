"""How Python 3.10 finds the handlers of a function: on a stack in its frame, whose height the frame holds."""

from __future__ import annotations

import ctypes
import functools
import weakref
from contextlib import nullcontext
from types import FrameType
from typing import TYPE_CHECKING, Any

from .suspended import frame_of

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


def take_handlers(frames: list[FrameType], suspended: list[Any]) -> Callable[[], None]:
    """Take the handlers of frames, coroutines and generators; return what gives them back to those that live on.

    It keeps none of them: whatever hangs on the dead must go before the handlers come back.
    """
    waiting = [(found, frame) for found in suspended if (frame := frame_of(found)) is not None]
    before = [(weakref.ref(found), _height(frame).value) for found, frame in waiting]
    for frame in (*frames, *(frame for _found, frame in waiting)):
        _height(frame).value = 0

    def give_back() -> None:
        for refers, height in before:
            frame = frame_of(refers())
            if frame is not None:
                _height(frame).value = height

    return give_back


def _height(frame: FrameType) -> ctypes.c_int:
    return ctypes.c_int.from_address(id(frame) + height_offset())


def _sample() -> Generator[None, None, None]:
    with nullcontext(), nullcontext(), nullcontext():
        yield
