"""Compare the process's clock with the database's, which all processes share.

SQLite uses the process's own clock, so there is nothing to compare.
"""

import socket
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext, pgettext

from .. import queries
from ..errors import ClocksDiffer
from ..operations import local
from .models import WrongClock
from .settings import REFUNDS_CLOCK_TOLERANCE

# How long `health` reports a wrong clock: long enough for a monitor and an operator. If the clock is still wrong, the
# next task of its process reports it again.
REPORTED: Final = timedelta(hours=1)


@dataclass(frozen=True)
class _Difference:
    """The two clocks differ. `ahead` is in seconds, and below zero if the host's clock is behind."""

    host: str
    ours: datetime
    database: datetime
    ahead: float

    def __str__(self) -> str:
        text = (
            gettext(
                "nothing was decided: the clock of %(host)s says %(ours)s and the database's %(database)s; %(host)s is "
                "%(seconds)s s ahead of the database, more than REFUNDS_CLOCK_TOLERANCE. Set both clocks by NTP "
                "(chronyc tracking), then try again"
            )
            if self.ahead > 0
            else gettext(
                "nothing was decided: the clock of %(host)s says %(ours)s and the database's %(database)s; %(host)s is "
                "%(seconds)s s behind the database, more than REFUNDS_CLOCK_TOLERANCE. Set both clocks by NTP "
                "(chronyc tracking), then try again"
            )
        )
        form = pgettext("instant", "Y-m-d H:i:s T")
        ours, database = date_format(self.ours, form), date_format(self.database, form)
        return text % {"host": self.host, "ours": ours, "database": database, "seconds": _seconds(self.ahead)}


def trusted(now: datetime, **_: object) -> datetime:
    """Return the process's time if it agrees with the database's; never more than the tolerance past the latter.

    `now` is the process's time before the query. If the clocks differ by more than REFUNDS_CLOCK_TOLERANCE, add a row
    for `health` and raise ClocksDiffer.
    """
    at, difference = _compared(now)
    if difference is None:
        return at
    WrongClock.objects.filter(seen_at__lte=difference.database - REPORTED).delete()
    values = {"seen_at": difference.database, "ahead": difference.ahead}
    WrongClock.objects.update_or_create(host=difference.host, defaults=values)
    raise ClocksDiffer(str(difference))


def health(**_: object) -> list[str]:
    """Return a line for this process's clock if it is wrong, and for each other host reported within the last hour."""
    at, difference = _compared(timezone.now())
    lines = [] if difference is None else [_line(difference.host, difference.ahead, difference.database)]
    since = (at if difference is None else difference.database) - REPORTED
    # Exclude this host: its clock was compared just now, and can have been corrected since its row was added.
    others = WrongClock.objects.filter(seen_at__gt=since).exclude(host=socket.gethostname())
    return lines + [_line(row.host, row.ahead, row.seen_at) for row in others.order_by("host")]


def _compared(before: datetime) -> tuple[datetime, _Difference | None]:
    """Return the process's time, and the difference if the clocks differ by more than the tolerance."""
    database = queries.database_clock()
    now = timezone.now()
    if database is None:
        return now, None
    tolerance = timedelta(seconds=getattr(settings, "REFUNDS_CLOCK_TOLERANCE", REFUNDS_CLOCK_TOLERANCE))
    # The database answered between `before` and `now`. A slow answer is not a difference.
    if before - tolerance <= database <= now + tolerance:
        # A slow answer can hide that this clock is ahead, so limit the time by the database's.
        return min(now, database + tolerance), None
    ahead = (before if database < before else now) - database
    return now, _Difference(socket.gethostname(), now, database, ahead.total_seconds())


def _line(host: str, ahead: float, at: datetime) -> str:
    text = (
        gettext(
            "clocks differ: %(host)s was %(seconds)s s ahead of the database's clock at %(at)s and decides nothing; "
            "set its clock by NTP (chronyc tracking)"
        )
        if ahead > 0
        else gettext(
            "clocks differ: %(host)s was %(seconds)s s behind the database's clock at %(at)s and decides nothing; "
            "set its clock by NTP (chronyc tracking)"
        )
    )
    return text % {"host": host, "seconds": _seconds(ahead), "at": local(at)}


def _seconds(ahead: float) -> str:
    return f"{abs(ahead):.0f}"
