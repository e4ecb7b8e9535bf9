"""Assertions about each local day: an entry at its wall time, and an effect once a day."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from typing import TYPE_CHECKING, Any

from . import entries
from .arguments import instants, task_name
from .assertions import Assertions
from .driver import Driver
from .errors import BadUseError

if TYPE_CHECKING:
    from .record import Record

# How many days a failure lists.
LISTED = 10

DAY = timedelta(days=1)


class Daily(Driver, Assertions):
    """Mixed into `VirtualCelery`."""

    _start: datetime

    def assert_local(self, entry: str, at: str | time, *, days: int = 366) -> None:
        """Let days pass, and check that beat fires an entry once on each, at exactly this local wall time.

        `at` is "18:00" or "02:30:15". The days are those of the entry's own zone. The first is the one on which the
        time comes next, and the call returns just before the midnight that ends the last. On a day whose clocks skip
        the time, no entry can fire at it, so that day fails; where the time comes twice, once is right.

        Raises AssertionError, which names the days, and BadUseError for an unknown entry or without a beat.
        """
        wall = _wall_time(at)
        self.timeline.check(entry, "entry")
        zone = self._zone_of(entry)
        first = self.now.astimezone(zone).date()
        if datetime.combine(first, wall.replace(fold=1), zone) <= self.now:
            first += DAY
        seen = self.timeline.total
        self.run_until(_midnight(first + days * DAY, zone) - timedelta(microseconds=1))
        fired: dict[date, list[Record]] = {}
        for record in self.timeline.since(seen):
            if record.kind == "beat" and record.entry == entry:
                fired.setdefault(record.at.astimezone(zone).date(), []).append(record)
        wrong: list[str] = []
        for day in sorted({*fired, *(first + number * DAY for number in range(days))}):
            complaint = _judge(day, wall, zone, fired.get(day, []), expected=day >= first)
            wrong += [f"  {day}: {complaint}"] if complaint else []
        if wrong:
            near = _midnight(date.fromisoformat(wrong[0][2:12]), zone)
            asked = f"entry {entry} to fire at {wall:%H:%M:%S} {zone} on each of {days} days\n"
            self._fail(asked + _listed(wrong), [], near)

    def assert_once(self, effect: Any, *, per: str = "day") -> None:
        """Something happened once on each local day of the cluster's zone that has passed as a whole.

        On the first and the last day, which are parts of a day, it happened once or not at all. `effect` is a task or
        its name, of which each run counts, because a run that fails or is repeated can have had its effect; or a
        function of a record, which is true for those that count; or aware datetimes that the test has collected where
        the effect is.

        Raises AssertionError, which names the days, and BadUseError for an unknown task or another period.
        """
        if per != "day":
            raise BadUseError(f'assert_once(per={per!r}): only "day" is there')
        zone, name, came = self.timeline.zone, *self._instants_of(effect)
        days: dict[date, list[datetime]] = {}
        for instant in came:
            days.setdefault(instant.astimezone(zone).date(), []).append(instant)
        first, last = (instant.astimezone(zone).date() for instant in (self._start, self.now))
        whole = first if _midnight(first, zone) >= self._start else first + DAY
        expected = {whole + number * DAY for number in range((last - whole).days)}
        wrong = [
            f"  {day}: {_times(days.get(day, []), zone)}"
            for day in sorted({*days, *expected})
            if len(days.get(day, [])) > 1 or (day in expected and day not in days)
        ]
        if wrong:
            near = _midnight(date.fromisoformat(wrong[0][2:12]), zone)
            task = name if isinstance(effect, str) or hasattr(effect, "name") else ""
            self._fail(f"{name} once on each day of {zone}\n{_listed(wrong)}", [], near, task)

    def _instants_of(self, effect: Any) -> tuple[str, list[datetime]]:
        if isinstance(effect, str) or hasattr(effect, "name"):
            records = self.timeline.of("started", effect)
            self.timeline.since(0)
            return task_name(effect), [record.at for record in records]
        if isinstance(effect, Callable):  # type: ignore[arg-type] # an abstract class
            return getattr(effect, "__name__", repr(effect)), [r.at for r in self.timeline.since(0) if effect(r)]
        if isinstance(effect, Iterable):
            return "the effect", instants(effect)
        raise BadUseError(f"assert_once({effect!r}): give a task, a function of a record, or aware datetimes")

    def _zone_of(self, entry: str) -> tzinfo:
        if not self.beats:
            raise BadUseError("assert_local(): no beat runs; start_beat() first, or give the cluster beats=1")
        for beat in self.beats.values():
            with beat.active():
                found: tzinfo | None = getattr(entries.schedule(beat.scheduler, entry), "tz", None)
            if found is not None:
                return found
        return self.timeline.zone


def _wall_time(at: str | time) -> time:
    try:
        found = at if isinstance(at, time) else time.fromisoformat(at)
    except (TypeError, ValueError) as error:
        raise BadUseError(f'assert_local(at={at!r}): give a wall time, as "18:00"') from error
    if found.tzinfo is not None:
        raise BadUseError(f"assert_local(at={at!r}): the zone is the entry's own; give the time without one")
    return found


def _comes_at(day: date, wall: time, zone: tzinfo) -> list[datetime]:
    """The instants in UTC at which clocks show a time: none in a gap, two in a fold."""
    both = [datetime.combine(day, wall.replace(fold=fold), zone).astimezone(timezone.utc) for fold in (0, 1)]
    real = [at for at in both if at.astimezone(zone).replace(tzinfo=None) == datetime.combine(day, wall)]
    return sorted(set(real))


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(timezone.utc)


def _judge(day: date, wall: time, zone: tzinfo, fired: list[Record], *, expected: bool) -> str:
    """What is wrong with a day, in words; nothing where all is well."""
    due = _comes_at(day, wall, zone)
    came = [record.at.replace(microsecond=0) for record in fired]
    if expected and len(came) == 1 and came[0] in due:
        return ""
    if not came and not expected:
        return ""
    words = f"{wall:%H:%M:%S} "
    if not due:
        words += "does not exist, the clocks skip it; "
    elif len(due) > 1:
        words += "comes twice, the clocks go back; "
    else:
        words = ""
    beats = ", ".join(dict.fromkeys(record.worker for record in fired))
    return f"{words}beat fired {_times(came, zone)}" + (f" ({beats})" if len(came) > 1 else "")


def _times(came: list[datetime], zone: tzinfo) -> str:
    if not came:
        return "never"
    shown = ", ".join(f"{at.astimezone(zone):%H:%M:%S %Z}" for at in came)
    return f"at {shown}" if len(came) == 1 else f"{len(came)} times, at {shown}"


def _listed(wrong: list[str]) -> str:
    more = [f"  ... and {len(wrong) - LISTED} more days"] if len(wrong) > LISTED else []
    return "\n".join([*wrong[:LISTED], *more])
