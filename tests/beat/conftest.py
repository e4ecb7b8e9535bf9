"""Beat in virtual time, on rows of django-celery-beat."""

from importlib.util import find_spec

from ..day.conftest import decline, schedule, start

__all__ = ["decline", "schedule", "start"]

# Not skipped but left out: some versions of Django have no django-celery-beat to test with.
NEEDING_IT = ["test_drift.py", "test_run_now.py", "test_schedule_page.py", "test_schedulers.py"]
NEEDING_IT += ["test_scheduler_rows.py"]
collect_ignore = [] if find_spec("django_celery_beat") else NEEDING_IT
