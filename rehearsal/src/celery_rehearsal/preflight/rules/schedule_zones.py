"""Rules about the zone in which beat reads its entries."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import TZPATH, ZoneInfo

from celery.schedules import crontab

from ..django import djangos_settings
from ..findings import Finding, Level
from ..registry import rule
from ..zones import Change, changes, name_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from ..loaded import LoadedApp

YEARS_AHEAD = 10


@rule("S007", "timezone-unset", Level.INFO)
def timezone_unset(loaded: LoadedApp) -> Iterator[Finding]:
    """A crontab names an hour, and `timezone` is not set.

    Celery then reads crontabs in UTC: 18:00 is 20:00 or 21:00 in Kyiv. Celery takes Django's `TIME_ZONE` only if
    its own settings are Django's. It is a warning where Django has another zone and Celery does not take it.
    """
    if loaded.conf.timezone:
        return
    schedules: dict[str, Any] = {entry.name: entry.schedule for entry in loaded.entries}
    named = [
        entry.name
        for entry in loaded.entries
        if isinstance(entry.schedule, crontab) and schedules[entry.name].hour != set(range(24))
        and entry.zone == loaded.app.timezone
    ]  # fmt: skip
    if not named:
        return
    django = _djangos_zone()
    other = django not in (None, "UTC", name_of(loaded.app.timezone))
    yield Finding(
        f"`timezone` is not set, so beat reads the hours of {', '.join(map(repr, named))} in UTC"
        + (f", and not in Django's TIME_ZONE {django!r}" if other else ""),
        "Set `timezone`, to 'UTC' if UTC is meant.",
        setting="timezone",
        level=Level.WARNING if other else Level.INFO,
    )


def _djangos_zone() -> str | None:
    settings = djangos_settings()
    return None if settings is None else settings.TIME_ZONE


@rule("S008", "obsolete-zone-name", Level.INFO)
def obsolete_zone_name(loaded: LoadedApp) -> Iterator[Finding]:
    """A zone has an old name, such as Europe/Kiev for Europe/Kyiv.

    The zone database keeps old names for compatibility only. Use one spelling everywhere: beat writes the zone's
    name into its schedule file, and starts over when the name changes. It then forgets when its entries ran last,
    so it loses a missed run. Change the spelling at a time when no run is due.
    """
    for zone, (entry, setting) in _zones(loaded).items():
        current = _links().get(zone)
        if current is not None:
            yield Finding(
                f"{zone!r} is an old name of {current!r}",
                f"Write {current!r}.",
                entry=entry,
                setting=setting,
                place=loaded.place_of_setting("timezone") if setting else loaded.place_of_entry(entry or ""),
            )


@rule("S009", "tzdata-differs", Level.WARNING)
def tzdata_differs(loaded: LoadedApp) -> Iterator[Finding]:
    """The system's zone database is older than the installed package `tzdata`, and a zone differs.

    Python reads the system's database first, and the package only where the system has none. Governments change the
    rules for clocks with little notice. So an old system sends entries at a wrong hour, while a newer host is
    right. Preflight compares the next ten years of each zone of the schedule in both.
    """
    start = loaded.start
    for zone in _zones(loaded):
        system, package = _systems(zone), _packaged(zone)
        if system is None or package is None or system == package:
            continue
        ours, theirs = _changes(system, start), _changes(package, start)
        if ours != theirs:
            first = min({each.at for each in ours} ^ {each.at for each in theirs}, default=start)
            yield Finding(
                f"the system's zone database and the package tzdata differ about {zone!r} from {first.date()}",
                "Update the system's package tzdata.",
                setting="timezone",
            )


def _zones(loaded: LoadedApp) -> dict[str, tuple[str | None, str | None]]:
    """Each zone by name, with the entry or the setting that names it."""
    found: dict[str, tuple[str | None, str | None]] = {}
    if loaded.conf.timezone:
        found[name_of(loaded.app.timezone)] = (None, "timezone")
    for entry in loaded.entries:
        found.setdefault(name_of(entry.zone), (entry.name, None))
    return found


@cache
def _links() -> dict[str, str]:
    """Old names that no list of zones for users has, with their current names: from the package tzdata."""
    try:
        folder = files("tzdata.zoneinfo")
        rows = [line.split() for line in folder.joinpath("tzdata.zi").read_text("utf-8").splitlines()]
        shown = {
            line.split("\t")[2]
            for line in folder.joinpath("zone.tab").read_text("utf-8").splitlines()
            if line[0] != "#"
        }
    except (ModuleNotFoundError, FileNotFoundError):
        return {}
    links = {row[2]: row[1] for row in rows if row[0] == "L"}
    return {old: new for old, new in links.items() if old not in shown and new in shown}


def _systems(zone: str) -> bytes | None:
    found = [Path(folder, zone) for folder in TZPATH if Path(folder, zone).is_file()]
    return found[0].read_bytes() if found else None


def _packaged(zone: str) -> bytes | None:
    try:
        found = files("tzdata.zoneinfo").joinpath(*zone.split("/"))
    except ModuleNotFoundError:
        return None
    return found.read_bytes() if found.is_file() else None


def _changes(content: bytes, start: datetime) -> tuple[Change, ...]:
    return changes(ZoneInfo.from_file(BytesIO(content)), start, start + timedelta(days=366 * YEARS_AHEAD))
