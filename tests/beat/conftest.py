"""Beat in virtual time, on rows of django-celery-beat."""

from importlib.util import find_spec
from typing import Any

import pytest

from refunds.schedule import beat_schedule

from ..day.conftest import Schedule, schedule, start  # noqa: F401  # fixtures

# Not skipped but left out: some versions of Django have no django-celery-beat to test with.
NEEDING_IT = ["test_drift.py", "test_schedulers.py", "test_scheduler_rows.py"]
collect_ignore = [] if find_spec("django_celery_beat") else NEEDING_IT


@pytest.fixture
def decline(schedule: Schedule) -> dict[str, Any]:  # noqa: F811  # the fixture
    """Declare only the decline: beat's message decides at the cutoff, and no reconciler's."""
    entries = {"decline-pending": beat_schedule()["decline-pending"]}
    schedule(entries)
    return entries
