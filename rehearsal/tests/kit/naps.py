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


class Static:
    pause = staticmethod(sleep)


holder, in_dict, in_list = Holder(), {"pause": sleep}, [sleep]
minute = functools.partial(sleep, 60)


def closed_over(pause: Callable[[float], None]) -> Callable[[], None]:
    return lambda: pause(60)


waits_a_minute = closed_over(sleep)

HELD: dict[str, Callable[[], Any]] = {
    "instance": lambda: holder.pause(60),
    "static method": lambda: Static.pause(60),
    "closure": waits_a_minute,
    "dict": lambda: in_dict["pause"](60),
    "list": lambda: in_list[0](60),
    "partial": minute,
}
