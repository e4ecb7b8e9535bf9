"""Applications whose schedules the tests of `celery schedule` read, and schedules that no library has."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from celery import Celery
from celery.beat import Scheduler
from celery.schedules import BaseSchedule, schedstate

UTC = timezone.utc

# A month in which Europe's clocks change.
START = datetime(2027, 3, 1, tzinfo=UTC)


def make_app(schedule: dict[str, Any] | None = None, **settings: Any) -> Celery:
    """An app with entries by name, each of them a schedule alone or a whole entry. Its broker does not exist."""
    app = Celery("shop", broker="redis://broker.invalid/0", set_as_current=False, fixups=[])
    # Beat takes it for an app of default options. The tests' process keeps the current app that it has.
    vars(app)["set_as_current"] = True
    declared = {
        name: entry if isinstance(entry, dict) else {"task": "note", "schedule": entry}
        for name, entry in (schedule or {}).items()
    }
    # Without this, beat adds an entry of its own, celery.backend_cleanup.
    app.conf.update({"timezone": "Europe/Kyiv", "beat_schedule": declared, "result_expires": None, **settings})

    @app.task(shared=False, name="note")
    def note() -> None:
        """Do nothing."""

    return app


class Thirds(BaseSchedule):
    """Fires eight hours after it last fired, and counts how often it was asked."""

    asked = 0

    def is_due(self, last_run_at: datetime) -> Any:
        self.asked += 1
        left = (last_run_at + timedelta(hours=8) - self.now()).total_seconds()
        return schedstate(left <= 0, 8 * 3600 if left <= 0 else left)


class Broken(BaseSchedule):
    """Fails each time that it is asked."""

    def is_due(self, last_run_at: datetime) -> Any:
        raise ZeroDivisionError("division by zero")


class BreaksLater(Thirds):
    """Fails from the second day on."""

    def is_due(self, last_run_at: datetime) -> Any:
        if self.now() > START + timedelta(days=1):
            raise ZeroDivisionError("division by zero")
        return super().is_due(last_run_at)


class OwnStore(Scheduler):
    """Adds an entry of its own when it starts."""

    def setup_schedule(self) -> None:
        super().setup_schedule()
        self.update_from_dict({"own": {"task": "note", "schedule": timedelta(hours=1)}})


class Remote(Scheduler):
    """Asks a server for its entries."""

    def setup_schedule(self) -> None:
        import socket

        socket.create_connection(("127.0.0.1", 1))
