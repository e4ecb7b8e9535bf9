"""The check of the hold."""

import pytest
from pytest_django import Settings

from refunds.brakes.checks import hold_is_short


@pytest.mark.parametrize("hold", [0, 60, 900])
def test_hold_of_up_to_fifteen_minutes_passes(settings: Settings, hold: int) -> None:
    """In whole seconds."""
    settings.REFUNDS_HOLD = hold
    assert hold_is_short() == []


@pytest.mark.parametrize("hold", [-1, 901, 60.0, "60", True, None])
def test_other_holds_are_reported(settings: Settings, hold: object) -> None:
    """A longer one, and what is not a whole number of seconds."""
    settings.REFUNDS_HOLD = hold
    (found,) = hold_is_short()
    assert (found.id, found.msg) == ("refunds.E014", f"REFUNDS_HOLD is {hold!r}: give seconds, from 0 to 900.")
