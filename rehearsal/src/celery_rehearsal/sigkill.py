"""SIGKILL for a greenlet: it ends where it stands, and no `finally`, `except` or `__exit__` of it runs.

Dropping a greenlet, or raising in it, would run every handler on its stack. A dead process runs none. So the functions
on the stack lose their handlers for as long as the stack unwinds.
"""

from __future__ import annotations

import gc
import sys
import warnings
from types import CodeType, FrameType
from typing import Any

from . import suspended

if sys.version_info >= (3, 11):
    from .exception_tables import take_handlers
else:
    from .frame_blocks import take_handlers


class Unhandled:
    """Takes the handlers from all frames down to `base` (a code object) and from every suspended generator.

    A generator can be on the dying stack without a name: `@contextmanager` makes one. Those that live on have their
    handlers back before they run again.
    """

    def __init__(self, frame: FrameType | None, base: CodeType) -> None:
        frames: list[FrameType] = []
        while frame is not None and frame.f_code is not base:
            frames.append(frame)
            frame = frame.f_back
        self._frames = frames
        self._give_back = take_handlers(frames, suspended.find())

    def restore(self, error: BaseException) -> None:
        """Give the handlers back, after everything is gone that the stack held."""
        error.__traceback__ = error.__context__ = None
        # A frame keeps its locals for as long as a traceback refers to it: of an error that was caught, say in a log.
        for frame in self._frames:
            frame.clear()
        self._frames.clear()
        with warnings.catch_warnings():
            # A dead process closes nothing.
            warnings.simplefilter("ignore", ResourceWarning)
            # Objects that refer to each other, as an event loop and its tasks do, would run their handlers later.
            gc.collect()
        self._give_back()


def kills_without_handlers() -> bool:
    """Whether this Python finds handlers where the kit takes them away."""
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
