"""What the application says of now, while a frozen clock stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from ..clock import VirtualClock


def once_an_instant(ask: Callable[[], datetime], clock: VirtualClock) -> Callable[[], datetime]:
    """Return the application's `now`, worked out once while the clock stands. Celery asks for it ten times a firing."""
    asked, answer = clock.now, ask()

    def now() -> datetime:
        nonlocal asked, answer
        if clock.now is not asked:
            asked, answer = clock.now, ask()
        return answer

    return now
