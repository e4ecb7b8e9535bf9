"""The report as a picture: a row for each entry, a stroke for each instant, a line at each change of the clocks."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from .remarks import utc
from .zones import instant_of, name_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .schedule_report import Line, Report

DAY = timedelta(days=1)

WIDTH, LEFT, RIGHT, TOP, ROW = 960, 230, 20, 64, 30

ROLE = 'role="img" aria-labelledby="title desc"'

# Letters of a name that fit left of the rows, at 13 pixels.
LETTERS = 30

# Dates below the rows.
DATES = 8

# Colours with a contrast of at least 4.5 to 1 on white and on near black.
STYLE = """
  .back { fill: #ffffff } .text { fill: #1c2024 } .soft { fill: #5a6270 } .line { stroke: #d5d9e0 }
  .run { stroke: #0b5cad } .change { stroke: #b3261e } .label { fill: #b3261e }
  @media (prefers-color-scheme: dark) {
    .back { fill: #14171c } .text { fill: #eceff4 } .soft { fill: #a5adba } .line { stroke: #3a414d }
    .run { stroke: #7cb8ff } .change { stroke: #ff8a80 } .label { fill: #ff8a80 }
  }
  text { font: 13px system-ui, sans-serif }
"""


def as_svg(report: Report) -> str:
    """Return a picture that has a title and a description for those who cannot see it."""
    bottom = TOP + ROW * max(len(report.lines), 1)
    height = bottom + 40
    title = f"Celery beat of {report.app}: {utc(report.start)} to {utc(report.end)}"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" {ROLE}>',
            f'<title id="title">{escape(title)}</title>',
            f'<desc id="desc">{escape(_description(report))}</desc>',
            f"<style>{STYLE}</style>",
            f'<rect class="back" width="{WIDTH}" height="{height}"/>',
            f'<text class="text" x="16" y="26">{escape(title)}</text>',
            f'<text class="soft" x="16" y="{bottom + 20}">midnight, {escape(name_of(report.viewer))}</text>',
            *_dates(report, bottom),
            *(part for number, line in enumerate(report.lines) for part in _row(report, line, TOP + ROW * number)),
            *_changes(report, bottom),
            "</svg>\n",
        ]
    )


def _description(report: Report) -> str:
    said = [
        f"{line.entry.name}: {line.pattern}, {name_of(line.entry.zone)}, sent {len(line.plan):,} times."
        for line in report.lines
    ]
    said += [str(remark) for line in report.lines for remark in line.remarks]
    return " ".join(said) or "Beat has no entries."


def _x(report: Report, at: datetime) -> float:
    return round(LEFT + (WIDTH - LEFT - RIGHT) * ((at - report.start) / (report.end - report.start)), 1)


def _row(report: Report, line: Line, top: int) -> Iterator[str]:
    name = line.entry.name
    short = name if len(name) <= LETTERS else f"{name[: LETTERS - 1]}…"
    yield f'<line class="line" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{top + ROW}" y2="{top + ROW}"/>'
    yield f'<text class="text" x="16" y="{top + 20}">{escape(short)}</text>'
    strokes = "".join(f"M{x:g} {top + 7}v{ROW - 14}" for x in _places(report, line.plan))
    if strokes:
        yield f'<path class="run" stroke-width="1.6" d="{strokes}"/>'


def _places(report: Report, instants: Iterable[datetime]) -> Iterator[float]:
    """Yield where strokes go, each place once: a minute of a year is less than a pixel."""
    last = None
    for at in instants:
        x = _x(report, at)
        if x != last:
            yield x
        last = x


def _dates(report: Report, bottom: int) -> Iterator[str]:
    days = max((report.end - report.start) // DAY, 1)
    step = -(-days // DATES)
    day = report.start.astimezone(report.viewer).replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)
    while (at := instant_of(day, report.viewer)) <= report.end:
        if at >= report.start:
            x = _x(report, at)
            yield f'<line class="line" x1="{x:g}" x2="{x:g}" y1="{TOP}" y2="{bottom + 6}"/>'
            if x < WIDTH - RIGHT - 36:
                yield f'<text class="soft" x="{x + 3:g}" y="{bottom + 20}">{day:%d %b}</text>'
        day += step * DAY


def _changes(report: Report, bottom: int) -> Iterator[str]:
    zones: dict[datetime, list[str]] = {}
    for name, found in report.changes().items():
        for change in found:
            zones.setdefault(change.at, []).append(f"{change.kind} {name}")
    for at, names in sorted(zones.items()):
        x = _x(report, at)
        end = x > WIDTH - 260
        place = f'x="{x - 4:g}" text-anchor="end"' if end else f'x="{x + 4:g}"'
        yield f'<line class="change" stroke-dasharray="4 3" x1="{x:g}" x2="{x:g}" y1="{TOP - 16}" y2="{bottom}"/>'
        yield f'<text class="label" {place} y="{TOP - 8}">{escape(", ".join(sorted(names)))}</text>'
