"""What S014 asks the oracles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from celery_rehearsal.preflight.oracles import asked, oracles
from celery_rehearsal.preflight.registry import RULES

if TYPE_CHECKING:
    from collections.abc import Callable

    from celery_rehearsal.preflight.loaded import LoadedApp

SOURCE = """
from celery import Celery
from celery.schedules import crontab
app = Celery("shop", broker="redis://broker.invalid/0")
app.conf.update(timezone="Europe/Kyiv", result_expires=None)
app.conf.beat_schedule = {"often": {"task": "note", "schedule": crontab(**FIELDS)}}
"""


def questions(opened: Callable[..., LoadedApp], fields: dict[str, str]) -> int:
    """How often each oracle is asked about a crontab that fires more than daily."""
    asked.cache_clear()
    list(RULES["S014"].findings(opened(f"FIELDS = {fields!r}\n{SOURCE}")))
    return asked.cache_info().misses // len(oracles())


def test_oracles_are_asked_once_for_each_kind_of_change(opened: Callable[..., LoadedApp]) -> None:
    """A crontab without days does the same at each gap, and at each fold, of ten years."""
    assert questions(opened, {"minute": "*/10"}) == 2


def test_oracles_are_asked_at_each_change_about_a_crontab_with_days(opened: Callable[..., LoadedApp]) -> None:
    """Its dates decide whether it fires there."""
    assert questions(opened, {"minute": "*/10", "day_of_week": "sun,mon"}) == 20
