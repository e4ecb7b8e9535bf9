"""How Python 3.11 and later find the handlers of a function: by a table of its code object."""

from __future__ import annotations

import ctypes
import sys
from types import CodeType
from typing import TYPE_CHECKING, Any

from .suspended import frame_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

WORD = ctypes.sizeof(ctypes.c_void_p)

# It must live as long as a code object points at it.
NO_HANDLERS = b""

if sys.version_info >= (3, 11):

    def table_offset() -> int:
        """Where a code object keeps the pointer to its table. Raises ValueError where there is no such place."""
        code = _sample.__code__
        words = (ctypes.c_void_p * (CodeType.__basicsize__ // WORD)).from_address(id(code))
        return WORD * list(words).index(id(code.co_exceptiontable))

    def take_handlers(frames: list[FrameType], suspended: list[Any]) -> Callable[[], None]:
        """Take the handlers of frames, generators and coroutines; return what gives them back."""
        codes = [frame.f_code for frame in (*frames, *map(frame_of, suspended)) if frame is not None]
        # By identity: two that are equal have a table each. Kept, because the slots are in them.
        kept = list({id(code): code for code in codes}.values())
        offset = table_offset()
        slots = [ctypes.c_void_p.from_address(id(code) + offset) for code in kept]
        before = [slot.value for slot in slots]
        for slot in slots:
            slot.value = id(NO_HANDLERS)

        def give_back() -> None:
            for slot, value, _code in zip(slots, before, kept, strict=True):
                slot.value = value

        return give_back


def _sample() -> None:
    try:
        _sample()
    finally:
        _sample()
