"""The app of a real beat or worker (`celery -A oracle.app`), and of the kit. It writes down what happens, and when."""

from __future__ import annotations

import importlib.util
import os
import signal
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from celery import Celery, beat, signals
from celery.schedules import crontab, schedule, solar

CRONTABS: dict[str, Any] = {
    "hourly": crontab(minute="0"),
    "quarter": crontab(minute="*/15"),
    "evening": crontab(hour="18", minute="0"),
    "night": crontab(hour="2", minute="30"),
    "early": crontab(hour="0", minute="10"),
    "late": crontab(hour="23", minute="55"),
    "sundays": crontab(hour="1,3", minute="45", day_of_week="sun"),
    "month's end": crontab(hour="3", minute="15", day_of_month="25-31"),
}
INTERVALS: dict[str, Any] = {
    "2707 s": schedule(timedelta(seconds=2707)),
    "20 min": schedule(timedelta(minutes=20)),
    "1 h": timedelta(hours=1),
    "5 h": 5 * 3600.0,
    "1 d": timedelta(days=1),
}
RELATIVE: dict[str, Any] = {
    "relative 40 min": schedule(timedelta(minutes=40), relative=True),
    "relative 1 h": schedule(timedelta(hours=1), relative=True),
    "relative 1 d": schedule(timedelta(days=1), relative=True),
}
SOLAR: dict[str, Any] = {}
if importlib.util.find_spec("ephem"):
    SOLAR = {"sunrise": solar("sunrise", 50.45, 30.52), "dusk": solar("dusk_civil", -33.87, 151.21)}
ENTRIES = CRONTABS | INTERVALS | RELATIVE | SOLAR
# For a comparison with real seconds.
SECONDS: dict[str, Any] = {"1 s": 1.0}

# Entries that run in one beat, by the name of the group. What runs beside an entry can change when it runs.
GROUPS = {
    "all": tuple(ENTRIES),
    "five": ("hourly", "quarter", "evening", "night", "early"),
    "crontabs": tuple(CRONTABS),
    "intervals": (*INTERVALS, *RELATIVE),
    **{name: (name,) for name in ENTRIES | SECONDS},
}


def make_app(zone: str, group: str, *, utc: bool = True, current: bool = True) -> Celery:
    """An app whose beat runs the entries of a group. It becomes the current one, unless that is not wanted."""
    app = Celery("oracle", broker="memory://", set_as_current=current, fixups=[])
    app.conf.update(
        timezone=zone,
        enable_utc=utc,
        beat_schedule={name: {"task": name, "schedule": (ENTRIES | SECONDS)[name]} for name in GROUPS[group]},
    )
    return app


def write_publishes(path: str) -> None:
    """Write a line for each message that is published: the instant in UTC and the task."""
    file = Path(path).open("a", buffering=1)  # noqa: SIM115 - open as long as the program runs

    def write(sender: str = "", **_: Any) -> None:
        file.write(f"{datetime.now(timezone.utc).isoformat()} {sender}\n")

    signals.before_task_publish.connect(write, weak=False)
    if "ORACLE_REAL_SECONDS" in os.environ:
        signals.beat_init.connect(lambda **_: signal.alarm(int(os.environ["ORACLE_REAL_SECONDS"])), weak=False)
        signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGTERM))


def break_ties_by_name() -> None:
    """Of two entries due at one instant let the name decide, as in the kit.

    Celery compares their addresses in memory. Two runs of a real beat can therefore differ where entries meet.
    """
    entries: Any = beat.ScheduleEntry
    entries.__lt__ = lambda one, other: one.name < other.name


if "ORACLE_FILE" in os.environ:
    app = make_app(
        os.environ["ORACLE_ZONE"],
        os.environ["ORACLE_GROUP"],
        utc=os.environ["ORACLE_UTC"] == "yes",
        current=os.environ["ORACLE_CURRENT"] == "yes",
    )
    break_ties_by_name()
    # Whatever Celery imports when it publishes for the first time, it imports before the clock moves.
    app.send_task("warm up")
    write_publishes(os.environ["ORACLE_FILE"])
