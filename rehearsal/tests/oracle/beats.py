"""One beat, two times: the real program under a clock of its own, and the kit's."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from celery import _state
from celery_rehearsal import VirtualCelery

from .app import make_app
from .clock import Step, preloaded, run

# What is sent, and when: the entry's name and an aware datetime in UTC.
Sent = tuple[datetime, str]


@dataclass(frozen=True)
class Window:
    """A beat's life: a zone, the entries, and the instants (seconds since 1970) at which it starts and ends.

    With a `step` of the wall clock, the end is so many seconds after the start, whatever the clock says then. Without
    `current` the app is not the current one of its process.
    """

    zone: str
    start: int
    end: int
    group: str = "all"
    utc: bool = True
    step: Step | None = None
    current: bool = True

    def __str__(self) -> str:
        start = datetime.fromtimestamp(self.start, timezone.utc)
        days = (self.end - self.start) / 86_400
        rest = f"{'' if self.utc else ', no utc'}{f', {self.step}' if self.step else ''}"
        rest += "" if self.current else ", not current"
        return f"{self.zone} {start:%Y-%m-%d %H:%M} + {days:g} d, {self.group}{rest}"

    @property
    def last(self) -> datetime:
        """What the wall clock says at the end."""
        return datetime.fromtimestamp(self.end + (self.step.by if self.step else 0), timezone.utc)


def around(zone: str, change: int, group: str, *, utc: bool = True) -> Window:
    """The window around a change: 26 hours before and after it. No entry is due at its start."""
    return Window(zone, change - 26 * 3600 - 2233, change + 26 * 3600, group, utc)


def real(window: Window, variables: dict[str, str] | None = None, *, keep_all: bool = False) -> list[Sent]:
    """What the program `celery beat` sends, in the order of instants.

    `variables` stand for the clock's. What is sent at the end of the window or later is left out, unless `keep_all`.
    """
    with tempfile.TemporaryDirectory(prefix="oracle-") as folder:
        file = Path(folder, "sent")
        words = ["-m", "celery", "-A", "oracle.app", "beat", "-s", f"{folder}/schedule", "--pidfile="]
        mine = {
            "ORACLE_FILE": str(file),
            "ORACLE_ZONE": window.zone,
            "ORACLE_GROUP": window.group,
            "ORACLE_UTC": "yes" if window.utc else "no",
            "ORACLE_CURRENT": "yes" if window.current else "no",
        }
        run(words, mine | (preloaded(window.start, window.end, window.step) if variables is None else variables))
        lines = [line.split(" ", 1) for line in file.read_text().splitlines()]
    sent = [(datetime.fromisoformat(at), name) for at, name in lines]
    return sorted((at, name) for at, name in sent if keep_all or at < window.last)


def virtual(window: Window) -> list[Sent]:
    """What the kit's beat sends, in the order of instants."""
    before = _state.get_current_app()
    try:
        app = make_app(window.zone, window.group, utc=window.utc, current=window.current)
    finally:
        before.set_current()
    with VirtualCelery(app, start=datetime.fromtimestamp(window.start, timezone.utc), workers=0) as celery:
        if window.step:
            celery.advance(seconds=window.step.after)
            celery.step_clock(timedelta(seconds=window.step.by))
        celery.run_until(window.last)
        sent = [(record.at.astimezone(timezone.utc), record.task) for record in celery.timeline.of("beat")]
        return sorted((at, name) for at, name in sent if at < window.last)


def compare(window: Window) -> tuple[int, list[str]]:
    """How many entries the real beat sent, and a line for each that it alone (-) or the kit alone (+) sent."""
    theirs, ours = Counter(real(window)), Counter(virtual(window))
    lines = [f"- {at} {name}" for at, name in sorted((theirs - ours).elements())]
    lines += [f"+ {at} {name}" for at, name in sorted((ours - theirs).elements())]
    return theirs.total(), lines
