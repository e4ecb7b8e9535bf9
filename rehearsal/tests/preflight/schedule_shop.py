"""An application as a project has it: `celery -A preflight.schedule_shop schedule` reads it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from celery import Celery
from celery.schedules import crontab

app = Celery("shop", broker="redis://broker.invalid/0", set_as_current=False, fixups=[])
# As an app of default options for beat, without becoming the current app of the tests.
vars(app)["set_as_current"] = True
# Without it, beat adds an entry of its own, celery.backend_cleanup.
app.conf.update(timezone="Europe/Kyiv", result_expires=None, task_time_limit=90)

entries: dict[str, Any] = {
    "daily": {"task": "shop.report", "schedule": crontab(hour=18, minute=0)},
    "each day": {"task": "shop.clean", "schedule": timedelta(days=1)},
    "night": {"task": "shop.count", "schedule": crontab(hour=3, minute=30)},
    "poll": {"task": "shop.poll", "schedule": 30.0},
}
app.conf.beat_schedule = entries


@app.task(shared=False, name="shop.report", time_limit=600)
def send_report() -> None:
    """Do nothing."""
