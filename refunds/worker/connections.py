"""Keep a worker's database connection from task to task, as a web process keeps its own from request to request.

Django's settings apply: CONN_MAX_AGE limits the age, and CONN_HEALTH_CHECKS tests the connection before reuse. Without
CELERY_DB_REUSE_MAX, Celery ignores them and closes the connection before and after each task (celery 9824). With it,
Celery tests nothing. So the setting has the largest value, and this module tests the connection.
"""

from typing import Any

from celery.signals import celeryd_init, task_postrun, task_prerun
from django.db import close_old_connections


def check_at_each_task(**_: Any) -> None:
    """Check the connections before and after each task, in a worker's own process only.

    A worker that is not the program, as one in somebody's test, leaves the connections to its process.
    """
    task_prerun.connect(_check)
    task_postrun.connect(_check)


def _check(sender: Any, **_: Any) -> None:
    if not sender.request.is_eager:  # an eager task uses its caller's connection
        close_old_connections()


# Only the program `celery worker` sends this signal, before it forks. Every worker sends `worker_init`, in any process.
celeryd_init.connect(check_at_each_task)
