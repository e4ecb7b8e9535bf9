"""A Django project with planted faults, and the repaired one, as processes. Their database does not exist."""

from __future__ import annotations

import pytest

from .conftest import APPS
from .programs import preflight

pytest.importorskip("django_celery_beat")

STORE = "django_celery_beat.schedulers:DatabaseScheduler can have entries in its store, and they are not checked"
UNREAD = "neither Celery nor a known extension reads"
FOUND = f"""\
shop/settings.py:18: error: S006 entry 'close', task 'shop.tasks.close': \
django_celery_beat.schedulers:DatabaseScheduler drops the option `expires`
shop/settings.py:14: error: W001 setting 'CELERY_TASK_MAX_RETRIES': {UNREAD} `CELERY_TASK_MAX_RETRIES`
shop/settings.py:15: error: W001 setting 'DJANGO_CELERY_BEAT_TZ_AWARES': {UNREAD} `DJANGO_CELERY_BEAT_TZ_AWARES`
shop/settings.py:11: error: W002 setting 'celery_task_acks_late': nothing reads `celery_task_acks_late` in this case
shop/views.py:25: warning: T001 task 'shop.tasks.confirm': `.delay` sends it inside a transaction, before the commit
shop/views.py:31: warning: T001 task 'shop.tasks.confirm': `.apply_async` sends it inside a transaction, \
before the commit
shop/views.py:11: warning: T002 task 'shop.tasks.confirm': a view calls `.delay`, and ATOMIC_REQUESTS commits \
after the view
shop/views.py:19: warning: T002 task 'shop.tasks.close': a view calls `.apply_async`, and ATOMIC_REQUESTS commits \
after the view
shop/settings.py:16: info: S030 setting 'beat_scheduler': {STORE}
4 errors, 4 warnings, 1 info, 0 suppressed
"""


def test_faults_of_a_django_project_are_found() -> None:
    """Rules S006, S007, T001, T002, W001 and W002, each at its line."""
    done = preflight(APPS / "django_fails", "shop", "--format", "concise")
    assert done.stderr == ""
    assert done.stdout == FOUND
    assert done.returncode == 1


def test_repaired_project_passes() -> None:
    """Messages on commit, in nested functions and outside of transactions are no finding."""
    done = preflight(APPS / "django_passes", "shop", "--format", "concise")
    store = f"shop/settings.py:15: info: S030 setting 'beat_scheduler': {STORE}\n"
    assert (done.stdout, done.stderr) == (store + "0 errors, 0 warnings, 1 info, 0 suppressed\n", "")
    assert done.returncode == 0
