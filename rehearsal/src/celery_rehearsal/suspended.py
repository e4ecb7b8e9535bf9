"""What can wait in the middle of its code without a stack: a generator, a coroutine, an asynchronous generator."""

from __future__ import annotations

import gc
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import FrameType

# Where each type keeps its frame, for as long as its code has not ended.
FRAMES: dict[Any, str] = {GeneratorType: "gi_frame", CoroutineType: "cr_frame", AsyncGeneratorType: "ag_frame"}


def find() -> list[Any]:
    """Return all of the process whose code has not ended."""
    # get_objects() leaves out what gc.freeze() has put aside.
    gc.unfreeze()
    # type(), because isinstance() asks an object for its class, and a lazy one evaluates itself.
    return [found for found in gc.get_objects() if type(found) in FRAMES and frame_of(found) is not None]


def frame_of(found: Any) -> FrameType | None:
    """Return the frame; None when the code has ended."""
    name = FRAMES.get(type(found))
    frame: FrameType | None = getattr(found, name) if name else None
    return frame
