"""The rule that compares Celery's reading of a crontab with other readings."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import celery
from celery.schedules import crontab

from ..findings import Level
from ..oracles import asked, expression, oracles, restricts_both_days
from ..registry import rule
from .about import about_entry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..findings import Finding
    from ..loaded import LoadedApp
    from ..times import Times

# Firings in ten years. Up to one a week, all are compared. Up to one a day, those of more than a year are,
# and of every entry those in the hours around each change of the clock.
WEEKLY, DAILY = 600, 3_700
YEAR = timedelta(days=400)
AROUND = timedelta(hours=3)
MINUTE = timedelta(minutes=1)


@rule("S014", "differs-from-cron", Level.INFO)
def differs_from_cron(loaded: LoadedApp) -> Iterator[Finding]:
    """A crontab fires at other instants than cron would.

    Preflight compares Celery's own scheduler with the zone database alone and, where they are installed, with
    croniter and cronsim: all firings of ten years up to one a week, those of 400 days up to one a day, and of every
    entry those around each change of the clock; one of each kind of change where the crontab has no days. They
    differ in two cases:

    - The crontab restricts `day_of_month` and `day_of_week`. Celery fires on days that are in both, and cron on
      days that are in either.
    - A local time is in a gap or a fold. The programs treat it differently, and the finding says where they
      disagree with each other.
    """
    for each in loaded.times.values():
        found = each.entry.schedule
        if isinstance(found, crontab) and each.plan is not None and len(each.plan):
            message = _both_days(found) if restricts_both_days(found) else _difference(each, found)
            if message:
                yield about_entry(
                    loaded,
                    each.entry,
                    message,
                    "Read what Celery does with `celery schedule`, and choose another time if it is not meant.",
                )


def _both_days(found: crontab) -> str:
    return (
        f"cron reads {expression(found)!r} as days that are in either field of days, and Celery as days that are in "
        "both: it fires less often"
    )


def _difference(each: Times, found: crontab) -> str:
    firsts: dict[str, datetime] = {}
    for start, end in _windows(each):
        long = end - start > 2 * AROUND
        ours = {at for at in (each.plan or ()) if start < at <= end} if long else _driven(each, start, end)
        for name in oracles():
            differs = ours ^ asked(name, expression(found), each.entry.zone, start, end)
            if differs and name not in firsts:
                firsts[name] = min(differs)
    if not firsts:
        return ""
    agree = sorted(set(oracles()) - set(firsts))
    zone = each.entry.zone
    said = [f"{name} from {firsts[name].astimezone(zone):%Y-%m-%d %H:%M}" for name in sorted(firsts)]
    rest = f"; {' and '.join(agree)} {'agrees' if len(agree) == 1 else 'agree'} with Celery" if agree else ""
    return f"Celery {celery.__version__} fires at other instants than {', '.join(said)}{rest}"


def _windows(each: Times) -> list[tuple[datetime, datetime]]:
    count = len(each.plan or ())
    first = [(each.start, each.end if count <= WEEKLY else each.start + YEAR)] if count <= DAILY else []
    later = first[0][1] if first else each.start
    near = [change for change in each.changes if change.at > later]
    if expression(each.entry.schedule).endswith(" * * *"):
        # Without days, only the times of day decide, and equal changes are at equal times.
        near = list({(change.first.time(), change.before, change.after): change for change in reversed(near)}.values())
    return [*first, *((change.at - AROUND, change.at + AROUND) for change in sorted(near, key=lambda each: each.at))]


def _driven(each: Times, start: datetime, end: datetime) -> set[datetime]:
    middle = start + (end - start) / 2
    near = next(change for change in each.changes if change.at == middle)
    return {at for at in each.around(near, AROUND + MINUTE) if start < at <= end}
