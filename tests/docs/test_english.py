"""The check of prose finds each habit."""

import pytest

from . import english

EXAMPLES = {
    "Read anew.": "anew",
    "It stands beside the rows.": "beside the",
    "def test_beat_ends_by_itself() -> None:": "by itself",
    "What is none of ours.": "is none",
    "It asks in vain.": "in vain",
    "what the filters let through": "let through",
    "Meanwhile, rows come.": "Meanwhile",
    "The reconciler mended it.": "mended",
    "Half a call is passed over.": "passed over",
    "So there is for beat.": "So there is for",
    "It wants a person.": "wants a",
    "whoever presses": "whoever",
    "The behavior of beats.": "behavior",
    "A catalog.": "catalog",
    "its defense": "defense",
    "Your favorite.": "favorite",
    "They fulfill it.": "fulfill",
    "It honors this.": "honors",
    "a labeled row": "labeled",
    "Its neighbors.": "neighbors",
}


@pytest.mark.parametrize(("line", "habit"), EXAMPLES.items())
def test_habit_is_found(line: str, habit: str) -> None:
    """A line with one habit has one finding, in any case and with underscores as spaces."""
    assert [found for found, _instead in english.habits(line)] == [habit]


def test_each_pattern_has_an_example() -> None:
    """No pattern is untested."""
    assert len(EXAMPLES) == len(english.PATTERNS)


@pytest.mark.parametrize(
    "line",
    ["Recommend it.", "if row is None:", "The amendment.", "He wants apples.", "Colours of behaviour.", "beside"],
)
def test_plain_line_has_no_finding(line: str) -> None:
    """Words that only look like a habit do not count."""
    assert list(english.habits(line)) == []


def test_project_has_no_finding() -> None:
    """`tox run -e lint` runs the same check."""
    assert list(english.findings()) == []
