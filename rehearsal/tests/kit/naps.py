"""Names bound to the real sleep when this module was imported."""

from __future__ import annotations

from time import sleep
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def by_name(seconds: float) -> None:
    sleep(seconds)


def by_default(seconds: float, pause: Callable[[float], None] = sleep) -> None:
    pause(seconds)


def by_keyword(seconds: float, *, pause: Callable[[float], None] = sleep) -> None:
    pause(seconds)


class Napper:
    pause: Any = sleep

    def by_attribute(self, seconds: float) -> None:
        self.pause(seconds)
