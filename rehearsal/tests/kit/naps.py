"""Names bound to the real sleep when this module was imported."""

from __future__ import annotations

import functools
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


class Holder:
    """Keeps what it is given, as a client does that takes its sleep as an argument."""

    def __init__(self, pause: Callable[[float], None] = sleep) -> None:
        self.pause = pause


class Slotted:
    __slots__ = ("pause",)

    def __init__(self) -> None:
        self.pause = sleep


class Static:
    pause = staticmethod(sleep)


def closed_over(pause: Callable[[float], None]) -> Callable[[], None]:
    return lambda: pause(60)


class Held:
    """Objects that hold the real sleep. While one lives, each start of a cluster looks for it: make them in a test."""

    def __init__(self) -> None:
        self.holder, self.slotted, self.in_dict, self.in_list = Holder(), Slotted(), {"pause": sleep}, [sleep]
        self.minute = functools.partial(sleep, 60)
        self.ways: dict[str, Callable[[], Any]] = {
            "instance": lambda: self.holder.pause(60),
            "slot": lambda: self.slotted.pause(60),
            "static method": lambda: Static.pause(60),
            "closure": closed_over(sleep),
            "dict": lambda: self.in_dict["pause"](60),
            "list": lambda: self.in_list[0](60),
            "partial": self.minute,
        }


WAYS = ("instance", "slot", "static method", "closure", "dict", "list", "partial")
