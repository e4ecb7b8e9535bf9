"""SIGKILL for a greenlet: it ends where it stands, and no `finally`, `except` or `__exit__` of it runs.

Dropping a greenlet, or raising in it, would run every handler on its stack. A dead process runs none. So the functions
on the stack lose their handlers for as long as the stack unwinds.
"""

from __future__ import annotations

import gc
import sys
import warnings
from types import CodeType, CoroutineType, FrameType, GeneratorType
from typing import Any

if sys.version_info >= (3, 11):
    from .exception_tables import is_suspended, take_handlers
else:
    from .frame_blocks import is_suspended, take_handlers


class Unhandled:
    """Takes the handlers from all frames down to `base` (a code object) and from every suspended generator.

    A generator can be on the dying stack without a name: `@contextmanager` makes one. Those that live on are
    suspended, and have their handlers back before they run again.
    """

    def __init__(self, frame: FrameType | None, base: CodeType) -> None:
        frames: list[FrameType] = []
        while frame is not None and frame.f_code is not base:
            frames.append(frame)
            frame = frame.f_back
        # type(), because isinstance() asks an object for its class, and a lazy one evaluates itself.
        made = [found for found in gc.get_objects() if type(found) in (GeneratorType, CoroutineType)]
        suspended = [found for found in made if is_suspended(found)]
        self._coroutines = any(type(found) is CoroutineType for found in suspended)
        self._give_back = take_handlers(frames, suspended)

    def restore(self, error: BaseException) -> None:
        """Give the handlers back, after everything is gone that the stack held."""
        error.__traceback__ = error.__context__ = None
        if self._coroutines:
            # An event loop and its tasks refer to each other; collected later, they would run their handlers then.
            with warnings.catch_warnings():
                # A dead process closes nothing.
                warnings.simplefilter("ignore", ResourceWarning)
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
