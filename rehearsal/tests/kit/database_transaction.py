"""A scenario for a process of its own: DatabaseScheduler in a TestCase, whose transaction is rolled back.

`python -m kit.database_transaction '{"ENGINE": ..., "NAME": ...}'` makes a test database on that server, and drops it.
Prints, as JSON, the local instants at which the entry ran and the rows that a second test finds.
"""

from __future__ import annotations

import json
import sys
import unittest
from datetime import timedelta
from importlib import import_module
from typing import Any

import django
from django.conf import settings

settings.configure(
    INSTALLED_APPS=["django_celery_beat"],
    DATABASES={"default": json.loads(sys.argv[1])},
    USE_TZ=True,
    TIME_ZONE="Europe/Kyiv",
)
django.setup()

from celery_rehearsal import VirtualCelery  # noqa: E402 - as above
from django.db import close_old_connections, connection  # noqa: E402 - as above
from django.test import TestCase  # noqa: E402 - as above
from django.test.runner import DiscoverRunner  # noqa: E402 - as above

from .conftest import KYIV, NOON  # noqa: E402 - as above
from .shop import make_app  # noqa: E402 - as above

found: list[Any] = []


class InATransaction(TestCase):
    """Each test begins on empty tables."""

    def test_a_schedule_of_rows(self) -> None:
        """Rows of this test, an edit in a task and a task that closes old connections, as many tasks do."""
        models: Any = import_module("django_celery_beat.models")
        crontab = models.CrontabSchedule.objects.create(hour="18", minute="0", timezone="Europe/Kyiv")
        app = make_app(beat_scheduler="django", result_expires=None)

        @app.task(name="edit", shared=False)
        def edit() -> None:
            close_old_connections()
            models.PeriodicTask.objects.create(name="daily", task="note", crontab=crontab)

        with VirtualCelery(app, start=NOON) as celery:
            edit.apply_async(countdown=60)
            celery.advance(timedelta(days=2))
            celery.stop_beat()
            celery.start_beat()
            celery.advance(timedelta(days=1))
            ran = celery.timeline.of("started", "note")
        found.append([f"{record.at.astimezone(KYIV):%d %H:%M:%S}" for record in ran])
        assert connection.in_atomic_block
        assert models.PeriodicTask.objects.get().total_run_count == 3

    def test_b_nothing_is_left(self) -> None:
        """The rollback has taken every row."""
        models: Any = import_module("django_celery_beat.models")
        found.append(models.PeriodicTask.objects.count() + models.CrontabSchedule.objects.count())


def main() -> None:
    """Run both tests in their order."""
    runner = DiscoverRunner(verbosity=0, interactive=False)
    databases = runner.setup_databases()
    try:
        tests = unittest.defaultTestLoader.loadTestsFromTestCase(InATransaction)
        result = unittest.TextTestRunner(sys.stderr).run(tests)
    finally:
        runner.teardown_databases(databases)
    sys.stdout.write(json.dumps(found))
    sys.exit(not result.wasSuccessful())


if __name__ == "__main__":
    main()
