"""The report of `celery schedule` as a table, as JSON, as CSV and as OpenMetrics text."""

from __future__ import annotations

import csv
import io
import json
from datetime import timezone
from itertools import islice
from typing import TYPE_CHECKING, Any

from .ics import as_ics
from .remarks import pass_of, utc
from .schedule_report import refuse_too_many
from .svg import as_svg
from .zones import name_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, tzinfo

    from .schedule_report import Line, Report
    from .zones import Change

# How many instants of an entry the table lists, unless one entry is asked for.
SHOWN = 10

WIDTH = 24
COLUMNS = ("entry", "task", "utc", "local", "local_zone", "viewer", "viewer_zone", "mark")


def as_table(report: Report) -> str:
    """Return the instants by entry, in the entry's zone, the viewer's and UTC."""
    parts = [f"{report.app}: {utc(report.start)} to {utc(report.end)}, by {report.scheduler}"]
    parts += ["\n".join(_changes(report))] if any(report.changes().values()) else []
    parts += ["\n".join(_block(report, line)) for line in report.lines] or ["beat has no entries"]
    return "\n\n".join(parts) + "\n"


def _changes(report: Report) -> list[str]:
    return [f"{name}: {_change_words(change)}" for name, found in report.changes().items() for change in found]


def _change_words(change: Change) -> str:
    what = "gap: clocks skip" if change.kind == "gap" else "fold: clocks repeat"
    return f"{what} {change.first:%H:%M} to {change.last:%H:%M} on {change.first:%Y-%m-%d} ({utc(change.at)})"


def _block(report: Report, line: Line) -> list[str]:
    zones = _zones(report, line)
    lines = [f"{line.entry.name}: {line.entry.task}, {line.pattern}, {name_of(line.entry.zone)}"]
    lines += [f"  note: {note}" for note in line.notes]
    lines += [f"  ! {remark}" for remark in line.remarks]
    count = len(line.plan)
    if not count:
        return [*lines, "  never sent in this time"]
    lines.append("  " + "".join(f"{name:<{WIDTH}}" for name in zones).rstrip())
    shown = count if report.one else SHOWN
    for at in islice(line.plan, shown):
        mark = pass_of(at, line.entry.zone, report.start, report.end)
        cells = [f"{at.astimezone(zone):%a %Y-%m-%d %H:%M:%S}" for zone in zones.values()]
        lines.append("  " + "".join(f"{cell:<{WIDTH}}" for cell in [*cells, mark]).rstrip())
    if count > shown:
        lines.append(f"  and {count - shown:,} more; --entry {line.entry.name} lists them")
    return lines


def _zones(report: Report, line: Line) -> dict[str, tzinfo]:
    zones = {name_of(line.entry.zone): line.entry.zone}
    for zone in (report.viewer, timezone.utc):
        zones.setdefault(name_of(zone), zone)
    return zones


def _row(report: Report, line: Line, at: datetime) -> list[str]:
    entry = line.entry
    local, viewer = at.astimezone(entry.zone), at.astimezone(report.viewer)
    mark = pass_of(at, entry.zone, report.start, report.end)
    return [
        entry.name,
        entry.task,
        utc(at),
        local.isoformat(),
        name_of(entry.zone),
        viewer.isoformat(),
        name_of(report.viewer),
        mark,
    ]


def as_csv(report: Report) -> str:
    """Return a row for each instant, in order."""
    refuse_too_many(report)
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(COLUMNS)
    firings = sorted((at, number) for number, line in enumerate(report.lines) for at in line.plan)
    writer.writerows(_row(report, report.lines[number], at) for at, number in firings)
    return written.getvalue()


def as_json(report: Report) -> str:
    """Return all that there is; docs/preflight/schedule.md names the keys."""
    refuse_too_many(report)
    found = {
        "version": 1,
        "app": report.app,
        "scheduler": report.scheduler,
        "from": utc(report.start),
        "until": utc(report.end),
        "viewer_zone": name_of(report.viewer),
        "changes": [
            {"zone": name, **_change(change)} for name, changes in report.changes().items() for change in changes
        ],
        "entries": [_entry(report, line) for line in report.lines],
    }
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def _change(change: Change) -> dict[str, str]:
    return {
        "kind": change.kind,
        "at": utc(change.at),
        "first": change.first.isoformat(),
        "last": change.last.isoformat(),
    }


def _entry(report: Report, line: Line) -> dict[str, Any]:
    entry = line.entry
    rows = (_row(report, line, at) for at in line.plan)
    return {
        "name": entry.name,
        "task": entry.task,
        "pattern": line.pattern,
        "zone": name_of(entry.zone),
        "last_run_at": utc(entry.last_run_at),
        "notes": list(line.notes),
        "remarks": [
            {
                **_change(remark.change),
                "named": [at.isoformat() for at in remark.times],
                "sent": [utc(at) for at in remark.sent],
                "words": str(remark),
            }
            for remark in line.remarks
        ],
        "driven": line.plan.driven,
        "firings": [
            {"utc": row[2], "local": row[3], "viewer": row[5], **({"mark": row[7]} if row[7] else {})} for row in rows
        ],
    }


def as_openmetrics(report: Report) -> str:
    """Return a gauge of each entry's next instant. An entry that is not sent in this time has none."""
    name = "celery_beat_next_run_timestamp_seconds"
    lines = [
        f"# TYPE {name} gauge",
        f"# UNIT {name} seconds",
        f"# HELP {name} When beat, started at {utc(report.start)}, sends the entry first.",
    ]
    for line in report.lines:
        labels = {"entry": line.entry.name, "task": line.entry.task, "zone": name_of(line.entry.zone)}
        shown = ",".join(f'{key}="{_escaped(value)}"' for key, value in labels.items())
        lines += [f"{name}{{{shown}}} {at.timestamp():.3f}" for at in islice(line.plan, 1)]
    return "\n".join([*lines, "# EOF"]) + "\n"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


FORMATS: dict[str, Callable[[Report], str]] = {
    "table": as_table,
    "json": as_json,
    "csv": as_csv,
    "ics": as_ics,
    "svg": as_svg,
    "openmetrics": as_openmetrics,
}
