"""The calendar and the picture of a schedule."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

from celery.schedules import crontab
from celery_rehearsal.preflight.entries import reading
from celery_rehearsal.preflight.ics import as_ics
from celery_rehearsal.preflight.schedule_report import Report, report
from celery_rehearsal.preflight.svg import as_svg

from .schedule_apps import make_app

UTC = timezone.utc
START = datetime(2027, 3, 27, 12, tzinfo=UTC)
SVG = "{http://www.w3.org/2000/svg}"


def made(entries: dict[str, Any], days: int = 2) -> Report:
    """The report of an app with these entries."""
    with reading(make_app(entries), START) as read:
        return report(read, START + timedelta(days=days), ZoneInfo("America/New_York"))


def events(calendar: str) -> list[dict[str, str]]:
    """The events of a calendar, its folded lines put together."""
    found: list[dict[str, str]] = []
    for line in calendar.replace("\r\n ", "").split("\r\n"):
        name, _, value = line.partition(":")
        if line == "BEGIN:VEVENT":
            found.append({})
        elif found and name not in {"END", "BEGIN"}:
            found[-1][name] = value
    return found


def test_each_firing_is_an_event_in_utc() -> None:
    """Without a zone or a rule, so no calendar applies a change of its own."""
    calendar = as_ics(made({"night": crontab(hour=3, minute=30)}))
    assert [event["DTSTART"] for event in events(calendar)] == ["20270328T013000Z", "20270329T003000Z"]
    assert "TZID" not in calendar
    assert "RRULE" not in calendar
    assert events(calendar)[0]["SUMMARY"] == "night"
    assert events(calendar)[0]["DESCRIPTION"] == "note\\, crontab 30 3 * * *. 2027-03-28 04:30:00 Europe/Kyiv"


def test_the_lines_of_a_calendar_are_valid() -> None:
    """At most 75 octets, ended by CRLF, with text that cannot begin a property of its own."""
    name = "день; звіт, " * 9 + "\r\nBEGIN:VALARM"
    calendar = as_ics(made({name: crontab(hour=18, minute=0)}))
    lines = calendar.split("\r\n")
    assert lines[0] == "BEGIN:VCALENDAR"
    assert lines[-2:] == ["END:VCALENDAR", ""]
    assert max(len(line.encode()) for line in lines) <= 75
    assert "\n" not in calendar.replace("\r\n", "")
    assert "BEGIN:VALARM" not in lines
    assert events(calendar)[0]["SUMMARY"] == "день\\; звіт\\, " * 9 + "\\nBEGIN:VALARM"
    required = {"UID", "DTSTAMP", "DTSTART"}
    assert all(required <= set(event) for event in events(calendar))


def test_an_event_keeps_its_uid() -> None:
    """The same bytes each time; and the same event of a later report replaces the one in the calendar."""
    entries = {"night": crontab(hour=3, minute=30), "day": crontab(hour=12, minute=0)}
    calendar = as_ics(made(entries))
    assert as_ics(made(entries)) == calendar
    identities = [event["UID"] for event in events(calendar)]
    assert len(set(identities)) == 4
    assert [event["UID"] for event in events(as_ics(made(entries, days=3)))][:4] == identities


def test_the_picture_has_a_title_and_a_description() -> None:
    """For those who cannot see it, with the changes of the clocks in words."""
    root = ET.fromstring(as_svg(made({"a <b>": crontab(hour=3, minute=30)})))
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == "title desc"
    title, description = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None
    assert title.text == "Celery beat of shop: 2027-03-27T12:00:00Z to 2027-03-29T12:00:00Z"
    assert description is not None
    assert "a <b>: crontab 30 3 * * *, Europe/Kyiv, sent 2 times." in str(description.text)
    assert "03:30 does not exist: beat sends it at 04:30" in str(description.text)


def test_the_picture_has_a_stroke_for_each_firing() -> None:
    """At its place in time; and a line where the clocks change."""
    picture = as_svg(made({"night": crontab(hour=3, minute=30), "never": crontab(0, 0, day_of_month=1)}))
    (strokes,) = re.findall(r'<path class="run" .*? d="(.*?)"/>', picture)
    places = [float(x) for x in re.findall(r"M([\d.]+) ", strokes)]
    # 13.5 and 36.5 of 48 hours, on 710 pixels right of 230.
    assert places == [429.7, 769.9]
    assert re.findall(r'<line class="change" .*? x1="([\d.]+)"', picture) == ["422.3"]
    assert as_svg(made({"night": crontab(hour=3, minute=30), "never": crontab(0, 0, day_of_month=1)})) == picture


def test_the_picture_of_a_year_of_minutes_is_small() -> None:
    """Instants that fall on one place have one stroke."""
    assert len(as_svg(made({"minute": crontab()}, days=366))) < 150_000
    assert "prefers-color-scheme: dark" in as_svg(made({}))


def contrast(one: str, other: str) -> float:
    """The ratio of two colours' luminances, as WCAG 2 has it."""

    def luminance(colour: str) -> float:
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    lighter, darker = sorted([luminance(one), luminance(other)], reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_texts_and_strokes_are_readable_in_light_and_dark() -> None:
    """The contrast is that of WCAG's level AA, and the lines behind them do not count."""
    for style in as_svg(made({})).split("@media"):
        colours = dict(re.findall(r"\.(\w+) \{ (?:fill|stroke): (#\w{6}) \}", style))
        for name in ("text", "soft", "run", "change", "label"):
            assert contrast(colours[name], colours["back"]) >= 4.5, name
