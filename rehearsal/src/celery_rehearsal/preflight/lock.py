"""The coming year of a schedule in short form, to be committed: a change that nobody meant shows as a difference."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from bisect import bisect_left
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from .errors import CannotCheckError
from .remarks import utc
from .zones import changes, name_of

if TYPE_CHECKING:
    from datetime import tzinfo
    from pathlib import Path

    from .schedule_report import Line, Report
    from .zones import Change

YEAR = timedelta(days=366)
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MILLISECOND = timedelta(milliseconds=1)

HEAD = """\
# The coming year of this app's beat. `celery schedule --lock` writes it, and `celery schedule --lock --check` compares.
version = 1
"""


def period(path: Path, wanted: datetime | None, now: datetime, *, check: bool) -> tuple[datetime, datetime]:
    """Return the year of a lock. A file that is there keeps its year until that has ended, or another is wanted.

    Raises CannotCheckError for a file that is no lock and, to check, without one.
    """
    if path.exists():
        found = re.search(r'^from = "(.+)Z"$', path.read_text("utf-8"), re.MULTILINE)
        if found is None:
            raise CannotCheckError(f"{path} is no lock of a schedule: it has no line `from`. Name another file")
        start = datetime.fromisoformat(found[1]).replace(tzinfo=timezone.utc)
        if check or (wanted is None and start + YEAR > now):
            return start, start + YEAR
    elif check:
        raise CannotCheckError(f"{path} is not there: write it with `celery schedule --lock`, and commit it")
    midnight = now.astimezone(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
    start = wanted or midnight
    return start, start + YEAR


def written(report: Report) -> str:
    """Return the lock as TOML: an array of entries, sorted by name."""
    head = [f'from = "{utc(report.start)}"', f'until = "{utc(report.end)}"', f"scheduler = {_toml(report.scheduler)}"]
    return HEAD + "\n".join([*head, "", *(part for line in report.lines for part in _entry(report, line))])


def difference(path: Path, now: str) -> str:
    """Return a unified diff from the committed lock to what is true now; nothing where they are the same."""
    before = path.read_text("utf-8").splitlines(keepends=True)
    lines = difflib.unified_diff(before, now.splitlines(keepends=True), f"{path} (committed)", "the schedule now")
    return "".join(lines)


def _entry(report: Report, line: Line) -> list[str]:
    entry = line.entry
    instants = list(line.plan)
    around = [_around(change, instants, entry.zone) for change in changes(entry.zone, report.start, report.end)]
    return [
        "[[entry]]",
        f"name = {_toml(entry.name)}",
        f"task = {_toml(entry.task)}",
        f"pattern = {_toml(line.pattern)}",
        f"zone = {_toml(name_of(entry.zone))}",
        "around = [",
        *(f"    {_toml(each)}," for each in around),
        "]",
        f"count = {len(instants)}",
        f'digest = "sha256:{_digest(instants)}"',
        "",
    ]


def _around(change: Change, instants: list[datetime], zone: tzinfo) -> str:
    """Return the last instant before a change and the first two after it."""
    place = bisect_left(instants, change.at)
    shown = ", ".join(at.astimezone(zone).isoformat() for at in instants[max(place - 1, 0) : place + 2])
    return f"{change.first:%Y-%m-%d} {change.kind} {change.first:%H:%M}-{change.last:%H:%M}: {shown}"


def _digest(instants: list[datetime]) -> str:
    """Return a digest of the milliseconds since 1970."""
    return hashlib.sha256("\n".join(str((at - EPOCH) // MILLISECOND) for at in instants).encode()).hexdigest()


def _toml(value: str) -> str:
    # A string of JSON is one of TOML.
    return json.dumps(value, ensure_ascii=False)
