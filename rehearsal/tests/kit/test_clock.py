"""The clocks of the process are the cluster's, and are given back; those who measure the tests keep real time."""

from __future__ import annotations

import dataclasses
import pickle
import sys
import time
from datetime import date, datetime, timedelta, timezone
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, get_type_hints

import pytest
from celery_rehearsal import VirtualCelery
from time_machine import escape_hatch

from .conftest import NOON

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from celery import Celery

HOUR = timedelta(hours=1)


def test_seconds_and_datetimes_agree(app: Celery) -> None:
    """To the microsecond: at the start, when time has passed, and when the wall clock was set back."""
    with VirtualCelery(app, start=NOON + timedelta(microseconds=1)) as celery:
        instants = [_both()]
        celery.advance(timedelta(seconds=1))
        instants.append(_both())
        celery.step_clock(timedelta(hours=-1))
        instants.append(_both())
        assert celery.now == instants[-1]
    first = NOON + timedelta(microseconds=1)
    assert instants == [first, first + timedelta(seconds=1), first + timedelta(seconds=1, hours=-1)]


def test_a_module_that_is_loaded_under_the_frozen_clock_gets_the_real_one_back(
    app: Celery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a test imports inside a cluster has the real clock after it, however it imported the clock."""
    (tmp_path / "loaded_under_frozen_clock.py").write_text("from time import monotonic, time\n")
    monkeypatch.syspath_prepend(tmp_path)
    with VirtualCelery(app, start=NOON):
        loaded = import_module("loaded_under_frozen_clock")
        assert loaded.time() == NOON.timestamp()
    assert (loaded.time, loaded.monotonic) == (time.time, time.monotonic)
    del sys.modules["loaded_under_frozen_clock"]


def test_who_kept_the_frozen_clock_is_given_real_time(app: Celery) -> None:
    """A function that was taken from `time` inside a cluster tells the machine's time after it."""
    with VirtualCelery(app, start=NOON):
        kept = time.time
    assert kept() != NOON.timestamp()


def test_a_kept_counter_tells_real_seconds_after_the_cluster(app: Celery) -> None:
    """So does one that counts seconds; inside, all four count the same."""
    with VirtualCelery(app, start=NOON) as celery:
        kept: tuple[Callable[[], float], ...] = (
            time.monotonic,
            time.perf_counter,
            lambda: time.clock_gettime(time.CLOCK_MONOTONIC),
        )
        before = [read() for read in kept]
        celery.advance(HOUR)
        assert [read() - since for read, since in zip(kept, before, strict=True)] == [3600.0] * 3
        assert time.monotonic_ns() == time.perf_counter_ns() == round(time.monotonic() * 1e9)
        assert time.clock_gettime(time.CLOCK_REALTIME) == NOON.timestamp() + 3600
    assert kept[0]() == pytest.approx(time.monotonic(), abs=60)


def test_a_counter_kept_from_the_last_cluster_is_virtual_in_the_next(app: Celery) -> None:
    """A patch that began inside a cluster and ends after it leaves the kit's own counter in a module."""
    kept = []
    for _ in range(2):
        with VirtualCelery(app, start=NOON) as celery:
            kept.append(time.monotonic)
            before = [read() for read in kept]
            celery.advance(HOUR)
            assert [read() - since for read, since in zip(kept, before, strict=True)] == [3600.0] * len(kept)


def test_a_step_of_the_wall_clock_leaves_the_counters_alone(app: Celery) -> None:
    """NTP sets the wall clock; what counts seconds does not notice."""
    with VirtualCelery(app, start=NOON) as celery:
        before = (time.monotonic(), time.perf_counter_ns())
        celery.step_clock(-HOUR)
        assert (time.monotonic(), time.perf_counter_ns()) == before


def test_the_clock_does_not_drift(app: Celery) -> None:
    """A year in steps that no float of seconds can hold ends at its microsecond."""
    step = timedelta(days=1, microseconds=1)
    with VirtualCelery(app, start=NOON, beats=0, workers=0) as celery:
        for _ in range(365):
            celery.advance(step)
        assert datetime.now(timezone.utc) == celery.now == NOON + 365 * step
        assert time.time_ns() // 1000 == (NOON + 365 * step - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(
            microseconds=1
        )


def test_datetime_stays_the_real_class(app: Celery) -> None:
    """What checks types where a class is defined, as pydantic does, finds datetime and date inside a cluster."""
    with VirtualCelery(app, start=NOON):
        made = _validated()
        instance = made(at=datetime.now(timezone.utc), day=date.today())  # noqa: DTZ011  # the host's day is the subject
    assert get_type_hints(made) == {"at": datetime, "day": date}
    assert (type(instance.at), type(instance.day)) == (datetime, date)
    assert pickle.loads(pickle.dumps(instance.at)) == NOON
    with pytest.raises(TypeError):
        made(at="12:00", day=instance.day)


# Those that are installed; coverage need not be.
MEASURING = [
    name
    for name in (
        "_pytest.timing",
        "coverage.control",
        "hypothesis.core",
        "queue",
        "threading",
        "unittest.runner",
        "xdist.remote",
    )
    if find_spec(name.partition(".")[0])
]


@pytest.mark.parametrize("name", MEASURING)
def test_who_measures_the_tests_keeps_real_time(app: Celery, name: str) -> None:
    """pytest, hypothesis, xdist, coverage and threads do not see a virtual day."""
    module: Any = import_module(name)
    names = dict(vars(module))
    with VirtualCelery(app, start=NOON) as celery:
        before = [read() for read in _clocks_of(module)]
        celery.advance(timedelta(days=1))
        passed = [read() - since for read, since in zip(_clocks_of(module), before, strict=True)]
    assert passed
    assert all(0 <= seconds < 3600 for seconds in passed)
    assert [key for key, value in vars(module).items() if value is not names[key]] == []


def test_a_report_of_pytest_has_the_real_instant_and_duration(app: Celery) -> None:
    """Its instants come from the machine's clock inside a cluster, and so do its durations."""
    timing: Any = import_module("_pytest.timing")
    with VirtualCelery(app, start=NOON) as celery:
        began = timing.Instant()
        celery.advance(timedelta(days=1))
        assert began.elapsed().seconds < 3600
        assert began.time == pytest.approx(escape_hatch.time.time(), abs=3600)


def test_a_deadline_of_hypothesis_is_in_real_seconds(app: Celery) -> None:
    """A virtual day in each example does not exceed it."""
    hypothesis = pytest.importorskip("hypothesis")
    with VirtualCelery(app, start=NOON) as celery:

        def days(count: int) -> None:
            celery.advance(timedelta(days=count))

        limits = hypothesis.settings(deadline=timedelta(minutes=1), max_examples=3, database=None)
        limits(hypothesis.given(hypothesis.strategies.integers(1, 3))(days))()
        assert celery.now > NOON + timedelta(days=2)


def _validated() -> Any:
    @dataclasses.dataclass
    class Validated:
        at: datetime
        day: date

        def __post_init__(self) -> None:
            hints = get_type_hints(type(self))
            for name, wanted in hints.items():
                if wanted not in {datetime, date} or not isinstance(getattr(self, name), wanted):
                    raise TypeError(f"{name}: {wanted}")

    return Validated


def _clocks_of(module: Any) -> list[Any]:
    names = {"monotonic", "perf_counter", "time"}
    owner = module if callable(getattr(module, "time", None)) or not hasattr(module, "time") else module.time
    found = [value for key, value in vars(owner).items() if key.lstrip("_") in names and callable(value)]
    return found or [owner.monotonic]


def _both() -> datetime:
    now = datetime.now(timezone.utc)
    assert datetime.fromtimestamp(time.time(), timezone.utc) == now
    return now
