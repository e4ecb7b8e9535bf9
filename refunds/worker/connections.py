"""A worker keeps its database connection from task to task, as a web process does from request to request.

By Django's own settings: CONN_MAX_AGE says for how long, CONN_HEALTH_CHECKS that it is asked first whether it still
answers. Celery would close it before and after each task whatever they say (celery 9824), unless CELERY_DB_REUSE_MAX
is set, and then asks nothing; so that is set, and this asks.
"""

from typing import Any

from celery.signals import celeryd_init, task_postrun, task_prerun
from django.db import close_old_connections


def look_at_each_task(**_: Any) -> None:
    """Ask of the connections before and after each task: in the process of a worker, and in no other.

    A worker in a test's process, in virtual time, leaves them to the test.
    """
    task_prerun.connect(_look)
    task_postrun.connect(_look)


def _look(sender: Any, **_: Any) -> None:
    if not sender.request.is_eager:  # the connection is its caller's
        close_old_connections()


# Of the program `celery worker` alone, before it forks; `worker_init` is of every worker, whatever process it is in.
celeryd_init.connect(look_at_each_task)
