"""The report as a calendar: RFC 5545."""

from __future__ import annotations

import hashlib
from datetime import timezone
from typing import TYPE_CHECKING

from .remarks import utc
from .schedule_report import refuse_too_many
from .zones import name_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from .schedule_report import Line, Report

# Octets of a line, without its end: longer ones are folded.
LONGEST = 75


def as_ics(report: Report) -> str:
    """Return an event for each instant, in UTC and without a rule: no calendar applies a zone's changes of its own.

    DTSTAMP is the start of the report rather than the time of writing, so that the same input gives the same bytes.
    """
    refuse_too_many(report)
    events = sorted((at, number) for number, line in enumerate(report.lines) for at in line.plan)
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//celery-rehearsal//celery schedule//EN",
        f"X-WR-CALNAME:{_text(f'Celery beat of {report.app}')}",
    ]
    for at, number in events:
        lines += _event(report, report.lines[number], at)
    return "".join(f"{folded}\r\n" for line in [*lines, "END:VCALENDAR"] for folded in _folded(line))


def _event(report: Report, line: Line, at: datetime) -> list[str]:
    entry = line.entry
    identity = hashlib.sha256(f"{report.app}\n{entry.name}\n{utc(at)}".encode()).hexdigest()[:32]
    local = f"{at.astimezone(entry.zone):%Y-%m-%d %H:%M:%S} {name_of(entry.zone)}"
    return [
        "BEGIN:VEVENT",
        f"UID:{identity}@celery-rehearsal",
        f"DTSTAMP:{_stamp(report.start)}",
        f"DTSTART:{_stamp(at)}",
        f"SUMMARY:{_text(entry.name)}",
        f"DESCRIPTION:{_text(f'{entry.task}, {line.pattern}. {local}')}",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
    ]


def _stamp(at: datetime) -> str:
    return f"{at.astimezone(timezone.utc):%Y%m%dT%H%M%SZ}"


def _text(value: str) -> str:
    for plain, escaped in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\r\n", "\\n"), ("\n", "\\n"), ("\r", "\\n")):
        value = value.replace(plain, escaped)
    return "".join(character for character in value if character >= " " or character == "\t")


def _folded(line: str) -> Iterator[str]:
    """Yield the line in parts of at most LONGEST octets, never in the middle of a character."""
    part, size = "", 0
    for character in line:
        octets = len(character.encode())
        if size + octets > LONGEST:
            yield part
            part, size = " ", 1
        part, size = part + character, size + octets
    yield part
