"""The host's local time: what TZ says, and what Celery remembers of it."""

from __future__ import annotations

import os
import sys
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from celery.utils.time import timezone

from .errors import BadUseError
from .patching import swap_item

if TYPE_CHECKING:
    from collections.abc import MutableMapping
    from contextlib import ExitStack

# The instants of a year at which the system's zone is compared with Python's: one in each month.
MONTHS = 12


def check_zone(name: str | None) -> None:
    """Raise BadUseError for a zone that Python does not know, or on a system that cannot change its own."""
    if name is None:
        return
    try:
        ZoneInfo(name)
    except (OSError, TypeError, ValueError, LookupError) as error:
        raise BadUseError(f'host_zone={name!r} is no IANA time zone; one is "America/New_York"') from error
    if not hasattr(time, "tzset"):
        raise BadUseError(f"host_zone={name!r}: this system has no time.tzset(); leave host_zone out, or use Unix")


def set_zone(undo: ExitStack, name: str | None, now: datetime) -> None:
    """Let the process be a host in the zone until the stack closes. Without a name, it stays where it is.

    Raises BadUseError where the system's zone of that name is not Python's.
    """
    if name is None:
        return
    undo.callback(time.tzset)
    swap_item(undo, os.environ, "TZ", name)
    time.tzset()
    zone = ZoneInfo(name)
    for month in range(MONTHS):
        at = now + timedelta(days=30 * month)
        if timedelta(seconds=time.localtime(at.timestamp()).tm_gmtoff) != at.astimezone(zone).utcoffset():
            raise BadUseError(f"host_zone={name!r}: the system knows another zone by that name; install its tzdata")


def forget_zone(undo: ExitStack, app: Any) -> None:
    """Let Celery ask for the host's zone again, as in a new process; undoing puts back what it remembered."""
    _forget(undo, vars(timezone), "local")
    _forget(undo, vars(app), "timezone")
    for entry in app.conf.beat_schedule.values():
        schedule = entry.get("schedule")
        if hasattr(schedule, "__dict__"):
            _forget(undo, vars(schedule), "tz")
    # Celery 5.6 and later ask tzlocal, which asks the system once.
    tzlocal = sys.modules.get("tzlocal")
    if tzlocal is not None:
        for name in ("_cache_tz", "_cache_tz_name"):
            swap_item(undo, tzlocal.get_localzone.__globals__, name, None)


def _forget(undo: ExitStack, remembered: MutableMapping[str, Any], name: str) -> None:
    swap_item(undo, remembered, name, None)
    del remembered[name]
