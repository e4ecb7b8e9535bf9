"""Rules about when an entry fires. Celery's own scheduler is driven over ten years to see it."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import celery
from celery.schedules import schedule, solar

from ..errors import ReachedNetworkError
from ..findings import Evidence, Level
from ..registry import rule
from ..zones import name_of
from .about import about_entry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..findings import Finding
    from ..loaded import LoadedApp
    from ..times import Times

DAY = timedelta(days=1)


@rule("S010", "interval-of-days", Level.WARNING)
def interval_of_days(loaded: LoadedApp) -> Iterator[Finding]:
    """An entry has an interval of whole days.

    An interval counts from the last run, and the first one from beat's start. So the time of day is the time at
    which beat was first started. If beat's schedule file does not survive a deploy, each deploy starts the interval
    again: with a deploy every 12 hours, an interval of a day never ends. Use a crontab for a time of day.

    The finding also says what a change of the clock does, as the installed Celery does it: Celery 5.7 counts
    elapsed hours, so the local time moves by an hour, and earlier releases hold the local time.
    """
    for each in loaded.times.values():
        every = getattr(each.entry.schedule, "run_every", None)
        if type(each.entry.schedule) is not schedule or not every or every % DAY or each.plan is None:
            continue
        yield about_entry(
            loaded,
            each.entry,
            f"it runs {every.days * 24} h after its last run, and not at a time of day. {_over_a_change(each)}",
            "Use `crontab(hour=…, minute=…)`.",
        )


def _over_a_change(each: Times) -> str:
    zone = each.entry.zone
    if not each.changes:
        return f"The clocks of {name_of(zone)} do not change"
    change = each.changes[0]
    firings = list(each.plan or ())
    before = [at for at in firings if at < change.at][-1:]
    after = [at for at in firings if at > change.at + 2 * DAY][:1]
    moved = bool(before and after) and before[0].astimezone(zone).time() != after[0].astimezone(zone).time()
    what = "moves the local time" if moved else "holds the local time"
    return f"Celery {celery.__version__} {what} when the clocks of {name_of(zone)} change on {change.at.date()}"


@rule("S011", "never-fires", Level.ERROR)
def never_fires(loaded: LoadedApp) -> Iterator[Finding]:
    """An entry does not fire in ten years, or its schedule fails.

    31 February does not come. Celery 5.7 refuses such a crontab where it is made. In earlier releases, `is_due`
    raises, and beat does not send the entry. A schedule that asks a server, such as a database, is unknown.
    """
    for each in loaded.times.values():
        broken = each.failure is not None and each.failure.__cause__ is not None and not _asks_a_server(each.failure)
        if broken or (each.plan is not None and len(each.plan) == 0 and _short(each)):
            message = (
                str(each.failure) if broken else f"it does not fire between {each.start.date()} and {each.end.date()}"
            )
            yield about_entry(
                loaded,
                each.entry,
                message,
                "Correct the schedule.",
            )
        elif each.failure is not None:
            yield about_entry(
                loaded,
                each.entry,
                str(each.failure),
                "Read when it fires with `celery schedule`.",
                evidence=Evidence.UNKNOWN,
            )


def _asks_a_server(failure: BaseException | None) -> bool:
    """Tell whether this failure, or one that led to it, is that a schedule reached for the network."""
    while failure is not None and not isinstance(failure, ReachedNetworkError):
        failure = failure.__cause__ or failure.__context__
    return failure is not None


def _short(each: Times) -> bool:
    """Tell whether ten years are longer than an interval."""
    every = getattr(each.entry.schedule, "run_every", None)
    return not isinstance(every, timedelta) or every < each.end - each.start


@rule("S015", "sun-does-not-set", Level.WARNING)
def sun_does_not_set(loaded: LoadedApp) -> Iterator[Finding]:
    """A solar entry waits for an event that does not come every day at its latitude.

    Beyond the polar circles the sun does not set in summer and does not rise in winter. Dawn and dusk are missing
    at much lower latitudes: in Kyiv there is no astronomical dawn in June. The entry then does not run for days or
    weeks. Up to Celery 5.6, its schedule raises `TypeError` instead, which S011 reports. Preflight drives Celery's
    scheduler, which asks ephem.
    """
    for each in loaded.times.values():
        if not isinstance(each.entry.schedule, solar) or each.plan is None:
            continue
        firings = list(each.plan)
        pauses = [(after - before, before) for before, after in pairwise(firings)]
        longest, since = max(
            pauses, default=(timedelta(0), each.start), key=lambda pause: (pause[0], -pause[1].timestamp())
        )
        if longest > 2 * DAY:
            yield about_entry(
                loaded,
                each.entry,
                f"the event {each.entry.schedule.event!r} does not come for {longest.days} days from {since.date()}",
                "Use an event that comes every day, or a crontab.",
            )
