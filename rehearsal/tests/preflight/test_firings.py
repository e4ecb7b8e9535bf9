"""When beat sends each entry: the short way, the long way, and a whole cluster say the same."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import celery
import pytest
from celery.beat import Scheduler
from celery.schedules import crontab, schedule
from celery_rehearsal import VirtualCelery
from celery_rehearsal.preflight import firings as module
from celery_rehearsal.preflight.entries import reading
from celery_rehearsal.preflight.errors import CannotCheckError
from celery_rehearsal.preflight.firings import firings, plan, plans
from celery_rehearsal.preflight.plan import Follows
from hypothesis import example, given, settings
from hypothesis import strategies as st

from .schedule_apps import START, UTC, BreaksLater, Broken, Thirds, make_app

if TYPE_CHECKING:
    from celery import Celery

KYIV = ZoneInfo("Europe/Kyiv")
DAY = timedelta(days=1)
TEN_YEARS = timedelta(days=3653)
# As beat does since Celery 5.7: before, it asks its first entry earlier than the heap says.
ASKS_ON_TIME = celery.VERSION >= (5, 7)
EXAMPLES = 200 if "REHEARSAL_THOROUGH" in os.environ else 15

# Half an hour, an hour in the south, Ramadan, midnight, two hours, no change, and negative summer time.
ZONES = (
    "Europe/Kyiv",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "America/Santiago",
    "Antarctica/Troll",
    "Asia/Kolkata",
    "Europe/Dublin",
    "UTC",
)


def fields(low: int, high: int, step: int) -> st.SearchStrategy[str]:
    """A field of a crontab: a number, each, some, or every few."""
    number = st.integers(low, high).map(str)
    return st.one_of(number, st.just("*"), st.lists(number, min_size=1, max_size=3).map(",".join), st.just(f"*/{step}"))


crontabs: Any = st.builds(
    crontab,
    minute=st.one_of(st.integers(0, 59).map(str), st.sampled_from(["0,30", "*/20", "59"])),
    hour=fields(0, 23, 5),
    day_of_week=st.one_of(st.just("*"), st.sampled_from(["mon-fri", "0", "6", "*/2"])),
    day_of_month=st.one_of(st.just("*"), st.just("*"), st.sampled_from(["1", "28-31", "*/2", "29", "1-31"])),
    month_of_year=st.one_of(st.just("*"), st.just("*"), st.sampled_from(["2", "*/3", "10-12"])),
)
intervals: Any = st.builds(
    schedule,
    st.sampled_from([1800, 3600, 5400, 7 * 3600, 86400, 90000, 7 * 86400]).map(lambda each: timedelta(seconds=each)),
    relative=st.booleans(),
)

starts: Any = st.integers(0, 3 * 365 * 24 * 3600).map(lambda seconds: START + timedelta(seconds=seconds))


def local(found: list[datetime], zone: ZoneInfo = KYIV) -> list[str]:
    """The instants as the zone's clocks show them."""
    return [f"{at.astimezone(zone):%m-%d %H:%M}" for at in found]


def sent(app: Celery, start: datetime, end: datetime) -> list[tuple[str, datetime]]:
    """What a cluster's beat sends, with all entries in one scheduler, by entry."""
    with VirtualCelery(app, start, workers=0, transport="memory") as celery:
        celery.run_until(end)
        return sorted((record.entry, record.at) for record in celery.timeline if record.kind == "beat")


def test_a_daily_entry_keeps_its_local_time() -> None:
    """On both sides of a change."""
    with reading(make_app({"daily": crontab(hour=18, minute=0)}), START + 26 * DAY) as read:
        found = firings(read, START + 29 * DAY)
    assert [(firing.entry, f"{firing.at:%d %H}") for firing in found] == [
        ("daily", "27 16"),
        ("daily", "28 15"),
        ("daily", "29 15"),
    ]


def test_interval_alone_over_a_change_is_sent_as_by_a_real_beat() -> None:
    """Celery's scheduler under a moved clock said so: up to Celery 5.6 after 23 hours, since Celery 5.7 after 24."""
    app, start = make_app({"daily": timedelta(days=1)}), START + 24 * DAY + timedelta(hours=7)
    with reading(app, start) as read:
        alone = [each.at for each in firings(read, start + 4 * DAY)]
    assert f"{alone[2]:%d %H:%M}" == ("28 07:00" if ASKS_ON_TIME else "28 06:00")
    assert [at for _name, at in sent(app, start, start + 4 * DAY)] == alone


@settings(max_examples=EXAMPLES, deadline=None, database=None)
@given(
    st.one_of(crontabs, intervals),
    st.sampled_from(ZONES),
    starts,
    st.integers(1, 100 if EXAMPLES > 15 else 40),
)
@example(crontab(minute=30, hour=3), "Europe/Kyiv", START, 300)
@example(crontab(minute="0,30"), "Europe/Kyiv", START, 300)
@example(timedelta(days=1), "Europe/Kyiv", START + timedelta(minutes=90), 300)
@example(crontab(minute="*/20", hour="0-4"), "Europe/Kyiv", START, 800)
@example(crontab(minute=30), "Africa/Casablanca", START, 400)
@example(timedelta(hours=5), "Australia/Lord_Howe", START + timedelta(minutes=7), 800)
@example(crontab(minute="*/15", day_of_month="1-3"), "Europe/Kyiv", START, 100)
def test_the_short_way_is_the_long_way(every: Any, zone: str, start: datetime, days: int) -> None:
    """Celery's code, driven from each firing to the next, names the very instants that the rhythm gives."""
    with reading(make_app({"it": every}, timezone=zone), start) as read:
        (entry,) = read.entries
        short = plan(read, entry, start + days * DAY)
        assert list(short) == list(plan(read, entry, start + days * DAY, whole=True))


@settings(max_examples=EXAMPLES // 3, deadline=None, database=None)
@given(
    st.lists(st.one_of(crontabs, intervals), min_size=1, max_size=5),
    st.sampled_from(ZONES),
    starts,
)
@example([crontab(minute=0, hour=18), crontab(minute=0), timedelta(days=1)], "Europe/Kyiv", START + 24 * DAY)
def test_entries_driven_alone_are_a_clusters_entries(every: list[Any], zone: str, start: datetime) -> None:
    """No entry of a beat moves another: a cluster's beat, with all of them in one scheduler, sends at these times.

    Beat looks 10 ms early. Up to Celery 5.6, an interval that is overdue is sent then, a little earlier each time. In a
    cluster, whose clock stands still while its beat looks, another entry that is due can hold it up for these 10 ms.

    Up to Celery 5.6 beat also asks its first entry every five minutes, and no other: there one entry is compared.
    """
    if not ASKS_ON_TIME:
        every = every[-1:]
    app = make_app({f"e{number}": each for number, each in enumerate(every)}, timezone=zone)
    with reading(app, start) as read:
        alone = firings(read, start + 10 * DAY)
    together = sent(app, start, start + 10 * DAY)
    mine = sorted((each.entry, each.at) for each in alone)
    assert [name for name, _at in mine] == [name for name, _at in together]
    late = [there - here for (_, here), (_, there) in zip(mine, together, strict=True)]
    assert all(timedelta() <= each < timedelta(seconds=1) for each in late)


def test_ten_years_of_an_hourly_entry_are_driven_around_each_change() -> None:
    """The rest follows, in pieces that say how: a period after an instant, so many times."""
    with reading(make_app({"hourly": crontab(minute=15)}), START) as read:
        found = plan(read, read.entries[0], START + TEN_YEARS)
    assert found.driven < len(found) / 200
    first = next(piece for piece in found.pieces if isinstance(piece, Follows))
    assert first.gaps == (timedelta(hours=1),) * 24
    instants = list(found)
    assert len(instants) == len(found)
    assert instants == sorted(set(instants))
    assert instants[0] > START
    assert instants[-1] <= START + TEN_YEARS


def test_a_hundred_entries_over_ten_years_ask_the_scheduler_a_few_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """Daily, hourly, each few minutes, on weekdays, on days of the month, and intervals: 15 million firings."""
    asked = 0
    real = Scheduler.tick

    def tick(self: Any) -> Any:
        nonlocal asked
        asked += 1
        return real(self)

    kinds: list[Any] = [
        *(crontab(hour=number % 24, minute=number) for number in range(50)),
        *(crontab(minute=number) for number in range(20)),
        *(crontab(hour=9, minute=number, day_of_week="mon-fri") for number in range(10)),
        *(crontab(hour="*/6", minute=number, day_of_month="1-3") for number in range(5)),
        *(crontab(minute="*/5") for _ in range(4)),
        crontab(),
        *(timedelta(minutes=10 + number) for number in range(10)),
    ]
    app = make_app({f"e{number:02}": each for number, each in enumerate(kinds)})
    monkeypatch.setattr(Scheduler, "tick", tick)
    with reading(app, START) as read:
        found = plans(read, read.entries, START + TEN_YEARS)
    assert len(found) == 100
    assert asked < 60_000


def test_the_application_says_what_time_it_is_once_an_instant(monkeypatch: pytest.MonkeyPatch) -> None:
    """Celery asks for it ten times a firing. Beat stands at three instants: before, ten milliseconds early, then."""
    asked = []
    real = celery.Celery.now

    def now(self: Celery) -> datetime:
        asked.append(self)
        return real(self)

    monkeypatch.setattr(celery.Celery, "now", now)
    with reading(make_app({"hourly": crontab(minute=15)}), START) as read:
        asked.clear()
        assert len(plan(read, read.entries[0], START + DAY, whole=True)) == 24
    assert len(asked) <= 24 * 3


def test_equal_changes_of_the_clock_are_driven_once() -> None:
    """Ten years have ten springs, and the second is like the first. What is near each is still named one by one."""
    with reading(make_app({"hourly": crontab(minute=15)}), START) as read:
        two, ten = (plan(read, read.entries[0], START.replace(year=2027 + years)) for years in (2, 10))
    assert ten.driven == two.driven
    spring = datetime(2034, 3, 26, 1, tzinfo=UTC)
    near = [at for at in ten if abs(at - spring) < timedelta(hours=3)]
    assert len(near) == 6
    assert near == [at for at in ten.named if abs(at - spring) < timedelta(hours=3)]


def test_a_schedule_of_the_users_own_is_driven() -> None:
    """Each of its firings, because nobody knows what it reads."""
    with reading(make_app({"own": Thirds()}), START) as read:
        found = plan(read, read.entries[0], START + 2 * DAY)
    assert local(list(found)) == [
        "03-01 10:00",
        "03-01 18:00",
        "03-02 02:00",
        "03-02 10:00",
        "03-02 18:00",
        "03-03 02:00",
    ]
    assert found.driven == 6


def test_too_many_firings_to_drive_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the entry and its class, instead of an answer in an hour."""
    monkeypatch.setattr(module, "LIMIT", 5)
    with (
        reading(make_app({"own": Thirds()}), START) as read,
        pytest.raises(
            CannotCheckError, match=r"own fires too often until 2027-03-03: more than 5 .*schedule_apps\.Thirds"
        ),
    ):
        firings(read, START + 2 * DAY)


def test_too_many_firings_around_changes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interval of a second has a rhythm, and thousands of firings near a change of the clocks."""
    monkeypatch.setattr(module, "LIMIT", 100)
    with reading(make_app({"often": 1}), START) as read:
        assert len(firings(read, START + DAY)) == 86_400
        with pytest.raises(CannotCheckError, match="entry often fires too often until 2027-03-30"):
            firings(read, START + 29 * DAY)


@pytest.mark.parametrize("every", [0, -60])
def test_an_entry_without_a_pause_is_refused(every: int) -> None:
    """Beat would send it as fast as it can."""
    with (
        reading(make_app({"busy": every}), START) as read,
        pytest.raises(CannotCheckError, match="entry busy fires again and again at one instant"),
    ):
        firings(read, START + DAY)


@pytest.mark.parametrize(("every", "at"), [(Broken(), "2027-03-01 00:00:00"), (BreaksLater(), "2027-03-02 07:59:59")])
def test_a_schedule_that_fails_is_refused(every: Any, at: str) -> None:
    """By the entry, the instant and the error. Celery 5.7 would log it and send the other entries alone."""
    with (
        reading(make_app({"bad": every}), START) as read,
        pytest.raises(CannotCheckError, match=f"entry bad: .* failed at {at} UTC with ZeroDivisionError"),
    ):
        firings(read, START + 3 * DAY)


def test_an_entry_that_leaves_its_rhythm_is_driven_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Celery's code does from one state what it did not do before, the short way is not taken."""
    real = crontab.is_due

    def is_due(self: crontab, last_run_at: datetime) -> Any:
        due, rest = real(self, last_run_at)
        late = last_run_at.day == 7
        return due, rest + 60 if late and not due and rest > 120 else rest

    with reading(make_app({"hourly": crontab(minute=15)}), START) as read:
        expected = list(plan(read, read.entries[0], START + 2 * DAY, whole=True))
        assert len(expected) == 48
        monkeypatch.setattr(crontab, "is_due", is_due)
        odd = plan(read, read.entries[0], START + 20 * DAY)
        assert list(odd) == list(plan(read, read.entries[0], START + 20 * DAY, whole=True))
