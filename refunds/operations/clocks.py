"""The clocks: a process whose clock differs from the database's decides nothing by a cutoff.

Every process has a clock of its own, and the database has one for all (docs/adr/0020-clocks-are-compared.md).
"""

import socket
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.utils import timezone

from .. import queries
from ..domain import cutoff
from ..errors import ClocksDiffer
from ..models import WrongClock

# How long `health` reports a clock that was found wrong: long enough for a monitor and for a person. A clock that is
# still wrong is found again by the next task of its process.
REPORTED: Final = timedelta(hours=1)

# Seconds, for a project that does not set REFUNDS_CLOCK_TOLERANCE; the default project has the same and says why.
TOLERANCE: Final = 5.0

Clock = Callable[[], datetime]


def trusted(clock: Clock) -> datetime:
    """Return what `clock` says (aware), once it agrees with the database's; at most the tolerance past it.

    Raises ClocksDiffer where they are further apart than REFUNDS_CLOCK_TOLERANCE, and notes it for `health`. SQLite has
    no clock but the process's own.
    """
    now, trouble = _compared(clock)
    if trouble is None:
        return now
    WrongClock.objects.filter(seen_at__lte=trouble.database - REPORTED).delete()
    values = {"seen_at": trouble.database, "ahead": trouble.ahead}
    WrongClock.objects.update_or_create(host=trouble.host, defaults=values)
    raise trouble


def health(clock: Clock) -> list[str]:
    """A line for this process's clock if it is wrong, and for each other host whose clock was found wrong lately."""
    now, trouble = _compared(clock)
    lines = [] if trouble is None else [_line(trouble.host, trouble.ahead, trouble.database)]
    since = (now if trouble is None else trouble.database) - REPORTED
    # Of this host we know better: its clock may have been set right since.
    others = WrongClock.objects.filter(seen_at__gt=since).exclude(host=socket.gethostname())
    return lines + [_line(row.host, row.ahead, row.seen_at) for row in others.order_by("host")]


def _compared(clock: Clock) -> tuple[datetime, ClocksDiffer | None]:
    """What the clock says, and the error where it is not the database's time."""
    before = clock()
    database = queries.database_clock()
    now = clock()
    tolerance = timedelta(seconds=getattr(settings, "REFUNDS_CLOCK_TOLERANCE", TOLERANCE))
    if database is None:
        return now, None
    # The database was asked between the two: how long it took to answer says nothing about its clock.
    if before - tolerance <= database <= now + tolerance:
        # An answer that took longer than the tolerance can hide a clock that is ahead by as much.
        return min(now, database + tolerance), None
    ahead = (before if database < before else now) - database
    return now, ClocksDiffer(socket.gethostname(), now, database, ahead.total_seconds())


def _line(host: str, ahead: float, at: datetime) -> str:
    way = "ahead of" if ahead > 0 else "behind"
    return (
        f"clocks differ: {host} was {abs(ahead):.0f} s {way} the database's clock at "
        f"{timezone.localtime(at, cutoff.ZONE):%Y-%m-%d %H:%M:%S %Z} and decides nothing; set its clock by NTP "
        "(chronyc tracking)"
    )
