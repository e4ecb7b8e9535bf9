"""What moves, as lines, as Markdown and as JSON."""

from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest
from celery_rehearsal.preflight.against import Comparison, Moved, Simulation
from celery_rehearsal.preflight.counted import Counted
from celery_rehearsal.preflight.move_reports import as_json, as_lines, as_markdown, duration
from celery_rehearsal.preflight.moves import EPOCH, MICRO, Stretch

START = datetime(2027, 1, 1, tzinfo=timezone.utc)
CELERY = "celery==5.6.3"
DAILY = "timedelta(days=1)"


def at(day: int, hour: int, minute: int = 0) -> int:
    """An instant of March 2027 in UTC."""
    return (datetime(2027, 3, day, hour, minute, tzinfo=timezone.utc) - EPOCH) // MICRO


def comparison(*stretches: Stretch, entry: str = "daily", there: str = DAILY) -> Comparison:
    """One entry in Kyiv that moves."""
    moved = Moved(entry, DAILY, "Europe/Kyiv", stretches, pattern_there=there)
    return Comparison(CELERY, START, (moved,), ())


LATER = Stretch(at(28, 10), at(28, 9), at(28, 10), 1)


def test_line_says_what_moves_from_when() -> None:
    """The times are local: the zone's clocks went forward on that day."""
    line = '+1 h from 2027-03-28: "daily" (timedelta(days=1)), 13:00 instead of 12:00\n'
    assert as_lines(comparison(LATER)) == line


def test_moves_of_one_length_are_one_line() -> None:
    """With their number and their last day."""
    again = Stretch(at(30, 10), at(30, 9), at(31, 10), 2)
    assert as_lines(comparison(LATER, again)).endswith("13:00 instead of 12:00 (3 times until 2027-03-31)\n")


@pytest.mark.parametrize(
    ("stretch", "line"),
    [
        (Stretch(at(28, 8, 30), at(28, 9), 0, 1), "-30 min from 2027-03-28: {}, 11:30 instead of 12:00"),
        (Stretch(at(28, 0), None, 0, 1), "also sent from 2027-03-28: {}, at 02:00"),
        (Stretch(None, at(28, 0), 0, 1), "not sent from 2027-03-28: {}, at 02:00"),
        (
            Stretch(at(28, 22), at(28, 20), 0, 1),
            "+2 h from 2027-03-29: {}, 2027-03-29 01:00 instead of 2027-03-28 23:00",
        ),
    ],
)
def test_line_names_each_kind_of_move(stretch: Stretch, line: str) -> None:
    """Earlier, only here, only there, and over midnight."""
    assert as_lines(comparison(stretch)) == line.format('"daily" (timedelta(days=1))') + "\n"


def test_changed_schedule_is_named() -> None:
    """Another revision can have another schedule for the entry."""
    assert '"daily" (timedelta(days=1) instead of crontab 0 12 * * *)' in as_lines(
        comparison(LATER, there="crontab 0 12 * * *")
    )


def test_entry_of_one_side_is_named() -> None:
    """By its name and its schedule."""
    moved = tuple(Moved(name, DAILY, None, only=only) for name, only in (("a", "here"), ("b", CELERY)))
    assert as_lines(Comparison(CELERY, START, moved, ())) == (
        'new: "a" (timedelta(days=1)), not in the schedule with celery==5.6.3\n'
        'gone: "b" (timedelta(days=1)), not in the schedule here\n'
    )


def test_many_ways_are_counted() -> None:
    """Four are listed."""
    found = as_lines(comparison(*(Stretch(at(28, 9, minute), at(28, 9), 0, 1) for minute in range(1, 7))))
    assert len(found.splitlines()) == 5
    assert found.splitlines()[-1] == 'more: "daily" (timedelta(days=1)), 2 other ways; --format json lists them'


def test_markdown_is_a_table() -> None:
    """A bar in a name does not end its cell."""
    assert as_markdown(comparison(LATER, entry="a|b")) == (
        "**The schedule moves against `celery==5.6.3`.** Times are in each entry's zone.\n"
        "\n"
        "| entry | schedule | moves | from | time |\n"
        "| - | - | - | - | - |\n"
        "| a\\|b | `timedelta(days=1)` | +1 h | 2027-03-28 | 13:00 instead of 12:00 |\n"
    )


def test_nothing_is_written_where_nothing_moves() -> None:
    """No line and no table."""
    nothing = Comparison(CELERY, START, (), ())
    assert as_lines(nothing) == as_markdown(nothing) == ""
    assert json.loads(as_json(nothing)) == {
        "version": 1,
        "against": CELERY,
        "from": "2027-01-01T00:00:00Z",
        "moved": [],
        "simulated": None,
        "failures": [],
    }


def test_json_has_each_stretch() -> None:
    """In UTC."""
    (moved,) = json.loads(as_json(comparison(LATER)))["moved"]
    assert (moved["entry"], moved["zone"], moved["complete"]) == ("daily", "Europe/Kyiv", True)
    assert moved["stretches"] == [
        {
            "here": "2027-03-28T10:00:00Z",
            "there": "2027-03-28T09:00:00Z",
            "seconds": 3600,
            "last": "2027-03-28T10:00:00Z",
            "count": 1,
        }
    ]


def test_duration_names_its_units() -> None:
    """The largest first."""
    assert [duration(seconds) for seconds in (3_600, 5_400, 30, 90_061)] == [
        "1 h",
        "1 h 30 min",
        "30 s",
        "1 d 1 h 1 min 1 s",
    ]


def simulated(*found: Counted) -> Comparison:
    """Nothing moves in the schedule, and the simulation of a week was asked for."""
    return Comparison(CELERY, START, (), (), Simulation(START, 7), found)


CLEAN = Counted("clean|up", {"runs": (0, 30), "missed": (30, 0)})


def test_simulation_that_differs_is_a_line_an_entry() -> None:
    """With each count that differs, here and there."""
    line = '"clean|up": 0 runs instead of 30, 30 missed instead of 0 (simulated for 7 d from 2027-01-01)\n'
    assert as_lines(simulated(CLEAN)) == line
    assert simulated(CLEAN).differs


def test_simulation_that_differs_is_a_table_of_its_own() -> None:
    """Behind that of the schedule."""
    moved = comparison(LATER)
    both = Comparison(CELERY, START, moved.moved, (), Simulation(START, 7), (CLEAN,))
    schedule, simulation = as_markdown(both).split("\n\n**")
    assert schedule.startswith("**The schedule moves")
    assert simulation.splitlines()[-1] == r"| clean\|up | 0 runs instead of 30, 30 missed instead of 0 |"


def test_simulation_in_json_has_the_counts_of_both_sides() -> None:
    """And null where none was asked for."""
    found = json.loads(as_json(simulated(CLEAN)))["simulated"]
    assert (found["from"], found["days"]) == ("2027-01-01T00:00:00Z", 7)
    assert found["differs"] == [
        {"entry": "clean|up", "counts": {"runs": {"here": 0, "there": 30}, "missed": {"here": 30, "there": 0}}}
    ]
    assert json.loads(as_json(comparison(LATER)))["simulated"] is None


def test_simulation_that_agrees_writes_nothing() -> None:
    """As a schedule that does not move."""
    assert (as_lines(simulated()), as_markdown(simulated()), simulated().differs) == ("", "", False)
