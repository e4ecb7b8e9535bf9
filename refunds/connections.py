"""A worker keeps its database connection from task to task, as a web process does from request to request.

By Django's own settings: CONN_MAX_AGE says for how long, CONN_HEALTH_CHECKS that it is asked first whether it still
answers. Celery would close it before and after each task whatever they say (celery 9824), unless CELERY_DB_REUSE_MAX
is set, and then asks nothing; so that is set, and this asks.
"""

from typing import Any

from celery.signals import task_postrun, task_prerun
from django.db import close_old_connections


def _look(sender: Any, **_: Any) -> None:
    if not sender.request.is_eager:  # the connection is its caller's
        close_old_connections()


task_prerun.connect(_look)
task_postrun.connect(_look)
