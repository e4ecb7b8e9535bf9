"""The benchmark of virtual time runs, at sizes that measure nothing, and tells whose code takes the time."""

import signal
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import FrameType
from typing import Any

import pytest
from celery import signals

from benchmarks import virtual_runs as runs
from benchmarks import virtual_time
from benchmarks.report import Skipped, Table
from benchmarks.run import Options
from benchmarks.shares import OTHER, PARTS, part, sampled

pytestmark = pytest.mark.processes

# A function of a module of any name, which calls the next or, last, gives its own frame.
CALL = "def call(inner, frame):\n    return inner() if inner else frame()\n"


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a process of its own, as the benchmark has, nobody listens to its workers."""
    monkeypatch.setattr(signals.worker_ready, "receivers", [])


def test_each_table_has_its_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Years and executions beside their references, starts and limits; memory; the parts of each run."""
    monkeypatch.setattr(runs, "DAYS", 3)
    monkeypatch.setattr(runs, "YEARS", 2)
    monkeypatch.setattr(runs, "STARTS", 1)
    tables = list(virtual_time.measure(Options(rows=5, rounds=1)))
    if not runs.STATM.exists():
        tables.insert(4, Table("Memory after years", ()))
    measured = [
        f"{what} on {name}" for name in ("memory", "fakeredis") for what in ("a year", "5 executions", "a start")
    ]
    assert [table.title for table in tables] == [
        "Virtual time beside what goes without it",
        "Virtual time in proportion",
        "What virtual time takes",
        "The price of the frozen clock",
        "Memory after years",
        *(
            f"Where the time of {what} on {name} goes"
            for name in ("memory", "fakeredis")
            for what in ("a year", "1 executions")
        ),
    ]
    beside, proportion, limits, price, memory, *shares = tables
    compared = [name for name in measured if not name.startswith("a start")]
    assert [figure.name for figure in beside.figures] == compared
    assert [(figure.name, figure.goal) for figure in proportion.figures] == [
        ("a year on fakeredis, by one on memory", None),
        ("5 executions on fakeredis, by as many on memory", 1.4),
        ("18:00 and hourly on memory, by 18:00 alone", 1.1),
        ("18:00 and hourly on fakeredis, by 18:00 alone", 1.1),
    ]
    started = [figure for figure in limits.figures if figure.reference]
    assert [figure.name for figure in started] == [
        f"a start on {on}, by Celery's own" for on in ("memory", "fakeredis")
    ]
    assert [(figure.name, figure.goal) for figure in limits.figures if figure not in started] == list(
        zip(measured, (0.5, 5.0, 2.0, 2.0, 5.0, 2.0), strict=True)
    )
    assert all(
        len(figure.ratios) == 1 for table in (beside, proportion, price, memory, *shares) for figure in table.figures
    )
    assert {figure.name for table in shares for figure in table.figures} <= {*PARTS, OTHER}


@pytest.mark.parametrize("name", ["memory", "fakeredis"])
def test_the_hourly_entry_leaves_the_app_as_it_was(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The year with an hourly entry runs both entries, over a change of the clocks, and takes the second one back."""
    monkeypatch.setattr(runs, "DAYS", 40)
    app = runs.make_app()
    schedule = app.conf.beat_schedule
    assert runs.year_with_an_hourly_entry(app, name) > 0
    assert app.conf.beat_schedule is schedule
    assert list(schedule) == ["daily"]


def test_the_loop_goes_through_the_same_year(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reference for a year applies the task as often as beat sends it."""
    monkeypatch.setattr(runs, "DAYS", 40)  # over a change of the clocks
    app, applied = runs.make_app(), []
    monkeypatch.setattr(app.tasks["note"], "apply", lambda: applied.append(True))
    assert runs.loop(app) > 0
    assert len(applied) == 40


@pytest.mark.parametrize(
    ("modules", "name"),
    [
        (("celery.app.base", "kombu.messaging"), "kombu"),
        (("celery.worker.request",), "Celery's worker"),
        (("celery.app.trace", "copy", "functools"), "Celery's worker"),
        (("celery.app.task",), "Celery: publishing, settings, signals"),
        (("kombu.utils.json", "json.encoder"), "JSON"),
        (("redistribution",), OTHER),
    ],
)
def test_a_frame_belongs_to_the_part_that_called(modules: tuple[str, ...], name: str) -> None:
    """The innermost module that is a part's counts; Python's own library is its caller's."""
    assert part(_frame(modules)) == name


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no interval timers here")
def test_what_runs_is_seen_until_the_block_ends() -> None:
    """Samples come while the block runs; after it, an error included, signals are as before."""
    before = signal.getsignal(signal.SIGALRM)
    with sampled() as seen:
        while not seen:
            pass
    assert sum(seen.values()) > 0
    with pytest.raises(KeyboardInterrupt), sampled():
        raise KeyboardInterrupt
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_a_thread_cannot_look() -> None:
    """Outside of the main thread the shares are skipped, with a reason."""
    with ThreadPoolExecutor() as pool, pytest.raises(Skipped, match="interval timer"):
        pool.submit(sampled().__enter__).result()


def _frame(modules: tuple[str, ...]) -> FrameType:
    inner: Callable[[], FrameType] | None = None
    for module in reversed(modules):
        names: dict[str, Any] = {"__name__": module}
        exec(CALL, names)  # only so does a function get a module's name
        inner = _bound(names["call"], inner)
    assert inner is not None
    return inner()


def _bound(call: Callable[..., FrameType], inner: Callable[[], FrameType] | None) -> Callable[[], FrameType]:
    return lambda: call(inner, lambda: sys._getframe(1))
