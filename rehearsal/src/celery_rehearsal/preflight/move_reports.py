"""What moves, as lines, as JSON and as Markdown for a comment. Nothing is written where nothing moves."""

from __future__ import annotations

import json
from datetime import datetime, timezone, tzinfo
from typing import TYPE_CHECKING, Any

from . import counted_reports
from .markdown import cell, code
from .moves import MOST, instant
from .remarks import utc
from .zones import zone_named

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .against import Comparison, Moved
    from .moves import Stretch

# How many ways in which one entry differs are listed.
LISTED = 4

VERSION = 1
UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def as_lines(found: Comparison) -> str:
    """Return a line for each way in which an entry moves, and for each entry whose simulation differs."""
    lines = [line for moved in found.moved for line in _lines(moved, found.against)]
    lines += counted_reports.lines(found)
    return "".join(f"{line}\n" for line in lines)


def as_markdown(found: Comparison) -> str:
    """Return tables for a comment on a pull request: of the schedule, and of the simulation."""
    return "\n".join(filter(None, [_schedule_table(found), counted_reports.table(found)]))


def _schedule_table(found: Comparison) -> str:
    if not found.moved:
        return ""
    rows = [
        f"| {cell(moved.entry)} | {code(patterns(moved))} | {how} | {when} | {cell(times)} |"
        for moved in found.moved
        for how, when, times in _rows(moved, found.against)
    ]
    head = [
        f"**The schedule moves against {code(found.against)}.** Times are in each entry's zone.",
        "",
        "| entry | schedule | moves | from | time |",
        "| - | - | - | - | - |",
    ]
    return "\n".join([*head, *rows]) + "\n"


def as_json(found: Comparison) -> str:
    """Return all that is known; docs/preflight/against.md names the keys."""
    document = {
        "version": VERSION,
        "against": found.against,
        "from": utc(found.start),
        "moved": [_fields(moved) for moved in found.moved],
        "simulated": counted_reports.fields(found),
        "failures": list(found.failures),
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


FORMATS: dict[str, Callable[[Comparison], str]] = {
    "full": as_lines,
    "concise": as_lines,
    "github": as_markdown,
    "json": as_json,
}


def patterns(moved: Moved) -> str:
    """Return the schedule here, and the other where that is another."""
    if moved.pattern_there in (None, moved.pattern):
        return moved.pattern
    return f"{moved.pattern} instead of {moved.pattern_there}"


def _lines(moved: Moved, against: str) -> Iterator[str]:
    for how, when, times in _rows(moved, against):
        since = f" from {when}" if when else ""
        yield f'{how}{since}: "{moved.entry}" ({patterns(moved)})' + (f", {times}" if times else "")


def _rows(moved: Moved, against: str) -> Iterator[tuple[str, str, str]]:
    """Yield for each way in which an entry moves: how, from which day, and the times."""
    if moved.only is not None:
        yield ("new" if moved.only == "here" else "gone"), "", f"not in the schedule {_other(moved.only, against)}"
        return
    ways: list[list[Stretch]] = []
    for stretch in moved.stretches:
        way = next((way for way in ways if way[0].like(stretch)), None)
        if way is None:
            ways.append(way := [])
        way.append(stretch)
    for way in ways[:LISTED]:
        yield _row(way, _zone(moved))
    if len(ways) > LISTED:
        yield "more", "", f"{len(ways) - LISTED} other ways; --format json lists them"


def _row(way: list[Stretch], zone: tzinfo) -> tuple[str, str, str]:
    first = way[0]
    day = f"{_local(first.first, zone):%Y-%m-%d}"
    times = _times(first, zone)
    last = _local(way[-1].last, zone)
    count = sum(stretch.count for stretch in way)
    if count > 1:
        times += f" ({count:,} times until {last:%Y-%m-%d})"
    return _how(first), day, times


def _how(stretch: Stretch) -> str:
    if stretch.delta is None:
        return "also sent" if stretch.there is None else "not sent"
    return ("+" if stretch.delta > 0 else "-") + duration(abs(stretch.delta))


def duration(seconds: int) -> str:
    """Return a length such as "1 h" or "1 h 30 min"."""
    parts = []
    for name, size in UNITS:
        whole, seconds = divmod(seconds, size)
        parts += [f"{whole} {name}"] if whole else []
    return " ".join(parts)


def _times(stretch: Stretch, zone: tzinfo) -> str:
    shown = [None if at is None else _local(at, zone) for at in (stretch.here, stretch.there)]
    here, there = shown
    if here is None or there is None:
        return f"at {_clock(here or there)}"
    if here.date() != there.date():
        return f"{here:%Y-%m-%d} {_clock(here)} instead of {there:%Y-%m-%d} {_clock(there)}"
    return f"{_clock(here)} instead of {_clock(there)}"


def _clock(at: datetime | None) -> str:
    if at is None:
        return ""
    return f"{at:%H:%M:%S}" if at.second else f"{at:%H:%M}"


def _other(side: str, against: str) -> str:
    return f"with {against}" if side == "here" else "here"


def _zone(moved: Moved) -> tzinfo:
    return zone_named(moved.zone) if moved.zone else timezone.utc


def _local(micros: int, zone: tzinfo) -> datetime:
    return instant(round(micros, -6)).astimezone(zone)


def _fields(moved: Moved) -> dict[str, Any]:
    return {
        "entry": moved.entry,
        "pattern": moved.pattern,
        "pattern_there": moved.pattern_there,
        "zone": moved.zone,
        "only": moved.only,
        "complete": len(moved.stretches) < MOST,
        "stretches": [
            {
                "here": _utc(stretch.here),
                "there": _utc(stretch.there),
                "seconds": stretch.delta,
                "last": _utc(stretch.last),
                "count": stretch.count,
            }
            for stretch in moved.stretches
        ],
    }


def _utc(micros: int | None) -> str | None:
    return None if micros is None else utc(instant(micros))
