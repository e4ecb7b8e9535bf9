"""A scenario for a process of its own: rows that were made before the cluster, and rows before their hour.

Prints what a test says of them, as JSON.
"""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from celery_rehearsal import BadUseError, VirtualCelery
from django.core.management import call_command

from .conftest import NOON
from .database_scheduler import SCHEDULER, models
from .shop import make_app

if TYPE_CHECKING:
    from collections.abc import Callable

HOUR = timedelta(hours=1)


def make(name: str, **schedule: Any) -> Any:
    """Make a row at this instant: real time before a cluster, its own time inside."""
    return models.PeriodicTask.objects.create(name=name, task="note", **schedule)


def at(hour: str) -> Any:
    return models.CrontabSchedule.objects.create(hour=hour, minute="0", timezone="Europe/Kyiv")


def told(ask: Callable[[VirtualCelery], Any]) -> Any:
    """What a cluster of the rows answers, or refuses."""
    app = make_app(beat_scheduler=SCHEDULER, result_expires=None)
    with VirtualCelery(app, start=NOON) as celery:
        try:
            return ask(celery)
        except BadUseError as refused:
            return str(refused)


def runs(celery: VirtualCelery) -> int:
    """How often beat sends in a day."""
    celery.advance(days=1)
    return len(celery.timeline.of("beat"))


def main() -> None:
    """Ask about rows of real time, about those that do not mind it, and about a row that has not fired."""
    call_command("migrate", verbosity=0)
    row = make("row of today", crontab=at("18"))
    answers: dict[str, Any] = {"row of today": told(runs)}
    models.PeriodicTask.objects.update(last_run_at=NOON - HOUR)
    answers["repaired"] = told(runs)
    models.PeriodicTask.objects.update(last_run_at=NOON + HOUR)
    answers["18:00 comes all the same"] = told(runs)
    models.PeriodicTask.objects.update(last_run_at=NOON - HOUR)
    answers["before it has fired"] = told(lambda celery: celery.assert_local("row of today", "18:00", days=1))
    answers["misspelled"] = told(lambda celery: celery.assert_local("row of toady", "18:00"))
    row.delete()
    clock = models.ClockedSchedule.objects.create(clocked_time=NOON + HOUR)
    make("clocked", clocked=clock, one_off=True)
    answers["clocked"] = told(runs)
    sys.stdout.write(json.dumps(answers))


if __name__ == "__main__":
    main()
