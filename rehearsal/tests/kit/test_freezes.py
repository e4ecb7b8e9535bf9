"""Suites that use freezegun or time-machine themselves: around a cluster, before and after it, and inside it."""

from __future__ import annotations

import copyreg
import datetime as datetime_module
import sys
import time
import uuid
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

import freezegun.api
import pytest
import time_machine
from celery_rehearsal import BadUseError, VirtualCelery
from freezegun import freeze_time

from .conftest import NOON

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from celery import Celery

OUTER = datetime(2020, 2, 2, 3, 4, 5, 678901, tzinfo=timezone.utc)
FREEZES: dict[str, Callable[..., AbstractContextManager[Any]]] = {
    "freezegun": lambda **options: freeze_time(OUTER, **options),
    "time-machine": lambda **options: time_machine.travel(OUTER, **({"tick": False} | options)),
}


@pytest.fixture(params=FREEZES)
def freeze(request: pytest.FixtureRequest) -> Callable[..., AbstractContextManager[Any]]:
    """A frozen clock of each library, not started yet."""
    return FREEZES[request.param]


def clocks() -> dict[str, Any]:
    """What each clock tells, and who tells it."""
    return {
        "wall": (datetime.now(timezone.utc), time.localtime(), time.time(), time.time_ns(), time.gmtime()),
        "class": (datetime, date, datetime_module.datetime),
        "seconds": (time.monotonic, time.perf_counter, time.time),
        "lists": [list(getattr(freezegun.api, name)) for name in ("freeze_factories", "tz_offsets", "tick_flags")],
        "travellers": list(time_machine.traveller_stack),
        "pickles": dict(copyreg.dispatch_table),
    }


def work(app: Celery, celery: VirtualCelery) -> None:
    """What a cluster does under its own clock."""
    app.tasks["note"].apply_async(countdown=60)
    celery.run_until_idle()
    assert datetime.now(timezone.utc) == celery.now == NOON + timedelta(minutes=1)
    assert time.time() == celery.now.timestamp()
    celery.assert_ran("note", at=NOON + timedelta(minutes=1))


def test_a_cluster_inside_a_freeze(
    app: Celery, transport: str, freeze: Callable[..., AbstractContextManager[Any]]
) -> None:
    """Inside, the cluster has its own clock; on leaving it, the frozen instant is back to the microsecond."""
    with freeze():
        before = clocks()
        assert before["wall"][0] == OUTER
        with VirtualCelery(app, start=NOON, transport=transport) as celery:
            work(app, celery)
        assert clocks() == before
    assert datetime.now(timezone.utc) > OUTER + timedelta(days=365)


def test_a_freeze_goes_on_after_the_cluster(app: Celery) -> None:
    """It can be moved, by its own handle, as if nothing had been."""
    with freeze_time(OUTER) as frozen:
        with VirtualCelery(app, start=NOON) as celery:
            work(app, celery)
        frozen.tick(timedelta(hours=1))
        assert datetime.now(timezone.utc) == OUTER + timedelta(hours=1)
    with time_machine.travel(OUTER, tick=False) as traveller:
        with VirtualCelery(app, start=NOON + timedelta(0)) as celery:
            work(app, celery)
        traveller.shift(3600)
        assert datetime.now(timezone.utc) == OUTER + timedelta(hours=1)


def test_a_cluster_inside_a_ticking_freeze(app: Celery, freeze: Callable[..., AbstractContextManager[Any]]) -> None:
    """A clock that ticks goes on by the real time that the cluster took, not by the virtual."""
    with freeze(tick=True):
        # time-machine begins to tick when it is first asked.
        assert datetime.now(timezone.utc) >= OUTER
        with VirtualCelery(app, start=NOON) as celery:
            work(app, celery)
        assert OUTER < datetime.now(timezone.utc) < OUTER + timedelta(minutes=1)


def test_a_clock_that_steps_when_read_is_not_read(app: Celery) -> None:
    """freezegun's `auto_tick_seconds` counts what the test reads, and nothing that the cluster reads."""
    cluster = VirtualCelery(app, start=NOON)
    with freeze_time(OUTER, auto_tick_seconds=15):
        assert datetime.now(timezone.utc) == OUTER
        with cluster as celery:
            work(app, celery)
        assert datetime.now(timezone.utc) == OUTER + timedelta(seconds=15)


def test_both_libraries_around_a_cluster(app: Celery) -> None:
    """A freeze inside a travel, and a freeze inside that."""
    with (
        time_machine.travel(OUTER - timedelta(days=9), tick=False),
        freeze_time(OUTER),
        freeze_time(OUTER, tz_offset=2),
    ):
        before = clocks()
        with VirtualCelery(app, start=NOON) as celery:
            work(app, celery)
        assert clocks() == before


def test_a_decorated_test(app: Celery) -> None:
    """A freeze as a decorator holds around the cluster that the function starts."""
    seen = []

    def test() -> None:
        with VirtualCelery(app, start=NOON) as celery:
            work(app, celery)
        seen.append(datetime.now(timezone.utc))

    freeze_time(OUTER)(test)()
    time_machine.travel(OUTER, tick=False)(test)()
    assert seen == [OUTER, OUTER]


@pytest.mark.time_machine(OUTER, tick=False)
def test_a_travelling_fixture(app: Celery, time_machine: Any) -> None:
    """time-machine's own marker and fixture hold around a cluster."""
    with VirtualCelery(app, start=NOON) as celery:
        work(app, celery)
    assert datetime.now(timezone.utc) == OUTER
    time_machine.move_to(NOON)
    assert datetime.now(timezone.utc) == NOON


@pytest.fixture(params=[False, True])
def frozen(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A freeze of freezegun for the length of a test, still or ticking."""
    with freeze_time(OUTER, tick=request.param) as clock:
        yield clock


def test_a_freezing_fixture(app: Celery, frozen: Any) -> None:
    """A fixture that freezes the test holds around its clusters, one after another."""
    for _ in range(2):
        with VirtualCelery(app, start=NOON) as celery:
            work(app, celery)
        assert OUTER <= datetime.now(timezone.utc) < OUTER + timedelta(minutes=1)
    frozen.move_to(NOON)
    assert NOON <= datetime.now(timezone.utc) < NOON + timedelta(minutes=1)


def test_a_suite_without_freezegun(app: Celery, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kit does not need it."""
    monkeypatch.setitem(sys.modules, "freezegun", None)
    with VirtualCelery(app, start=NOON) as celery:
        work(app, celery)


@pytest.mark.parametrize("name", ["time", "monotonic", "localtime"])
def test_a_patched_clock_is_refused(app: Celery, name: str) -> None:
    """A mock of `time.time` around a cluster would tell another time than the cluster does."""
    with patch.object(time, name, lambda: 0.0), pytest.raises(BadUseError, match=rf"time\.{name} is patched"):
        VirtualCelery(app, start=NOON).__enter__()
    with VirtualCelery(app, start=NOON) as celery:
        work(app, celery)


def test_modules_have_their_frozen_names_back(app: Celery) -> None:
    """Modules that bound datetime or a clock by name see the freeze again after the cluster."""
    mine = sys.modules[__name__]
    with freeze_time(OUTER):
        fakes = (mine.datetime, uuid._generate_time_safe)  # type: ignore[attr-defined]
        with VirtualCelery(app, start=NOON):
            assert datetime.__module__ == "datetime"
        assert (mine.datetime, uuid._generate_time_safe) == fakes  # type: ignore[attr-defined]
        assert datetime.__module__ == "freezegun.api"
    assert datetime.__module__ == "datetime"


def test_a_freeze_before_or_after_a_cluster(app: Celery, freeze: Callable[..., AbstractContextManager[Any]]) -> None:
    """Tests with a freeze of their own can come in any order with tests that have a cluster."""
    for _ in range(2):
        with freeze():
            assert datetime.now(timezone.utc) == OUTER
        with VirtualCelery(app, start=NOON) as celery:
            work(app, celery)


REFUSED: dict[str, Callable[[], Any]] = {
    "freeze_time": lambda: freeze_time(OUTER).start(),
    "travel": lambda: time_machine.travel(OUTER).start(),
    "with freeze_time": lambda: freeze_time(OUTER).__enter__(),
    "with travel": lambda: time_machine.travel(OUTER).__enter__(),
    "@freeze_time": freeze_time(OUTER)(clocks),
    "@travel": time_machine.travel(OUTER)(clocks),
}


@pytest.mark.parametrize("start", REFUSED)
def test_a_freeze_inside_a_cluster_is_refused(app: Celery, start: str) -> None:
    """It is refused where it starts, and by its name; the cluster goes on."""
    with VirtualCelery(app, start=NOON) as celery:
        with pytest.raises(BadUseError, match=r"(freeze_time|travel)\(\) was started inside a cluster"):
            REFUSED[start]()
        work(app, celery)
    assert not freezegun.api.freeze_factories
    assert not time_machine.traveller_stack


@pytest.mark.parametrize("start", REFUSED)
def test_a_freeze_inside_a_task_fails_the_test(app: Celery, start: str) -> None:
    """Neither the task nor its autoretry takes the refusal for its own error."""

    @app.task(name="freezes", shared=False, autoretry_for=(Exception,))
    def freezes() -> None:
        REFUSED[start]()

    with VirtualCelery(app, start=NOON) as celery:
        freezes.delay()
        with pytest.raises(BadUseError, match="was started inside a cluster"):
            celery.advance(minutes=1)
        assert not celery.timeline.of("failed")
        assert not celery.timeline.of("retried")


def test_moving_an_outer_clock_inside_a_cluster_is_refused(app: Celery) -> None:
    """It would move nothing that the cluster or the test can see."""
    with (
        time_machine.travel(OUTER, tick=False) as traveller,
        freeze_time(OUTER) as frozen,
        freeze_time(OUTER, tick=True) as ticking,
        freeze_time(OUTER, auto_tick_seconds=1) as stepping,
    ):
        moves: list[tuple[Any, str]] = [(traveller, "shift"), (traveller, "move_to")]
        moves += [(clock, move) for clock in (frozen, ticking, stepping) for move in ("tick", "move_to")]
        with VirtualCelery(app, start=NOON) as celery:
            for clock, move in moves:
                with pytest.raises(BadUseError, match=rf"{move}\(\) of \w+ was called inside a cluster"):
                    getattr(clock, move)(1)
            work(app, celery)
        assert frozen() == OUTER.replace(tzinfo=None)


@pytest.mark.parametrize("make", [freeze_time, time_machine.travel])
def test_an_outer_freeze_that_is_stopped_inside_a_cluster_ends_with_it(app: Celery, make: Callable[..., Any]) -> None:
    """The stop is refused by name, and made up for at the end of the cluster, so that no later test is frozen."""
    freezer = make(OUTER)
    freezer.start()
    with VirtualCelery(app, start=NOON) as celery:
        with pytest.raises(BadUseError, match="was stopped inside a cluster"):
            freezer.stop()
        work(app, celery)
    assert datetime.now(timezone.utc) > OUTER + timedelta(days=365)
    assert not freezegun.api.freeze_factories
    assert not time_machine.traveller_stack


def test_a_cluster_that_fails_to_start_gives_the_freeze_back(
    app: Celery, freeze: Callable[..., AbstractContextManager[Any]]
) -> None:
    """The frozen clock is as before also where a cluster could not start."""
    with freeze():
        before = clocks()
        with pytest.raises((ImportError, AttributeError)):
            VirtualCelery(app, start=NOON, scheduler="no.such:Scheduler").__enter__()
        assert clocks() == before


def test_a_travel_to_a_zone_makes_a_host_in_it(app: Celery) -> None:
    """time-machine sets TZ with a zone; a cluster inside is on that host, and outside nothing has changed."""
    zone = (time.tzname, time.timezone)
    with time_machine.travel(OUTER.astimezone(ZoneInfo("America/New_York")), tick=False):
        with VirtualCelery(app, start=NOON):
            assert datetime.now() == NOON.astimezone(ZoneInfo("America/New_York")).replace(tzinfo=None)  # noqa: DTZ005
        assert time.tzname == ("EST", "EDT")
    assert (time.tzname, time.timezone) == zone
