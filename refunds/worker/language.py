"""Run the app's tasks in English, as LANGUAGE_CODE can be another: people and monitors search logs for known words.

What has readers of its own, such as a mail, chooses its language itself.
"""

from typing import Any

from celery.signals import celeryd_init, task_postrun, task_prerun
from django.utils import translation

from ..apps import LABEL


def speak_english(**_: Any) -> None:
    """Set the language of each of the app's tasks, in a worker's own process only."""
    task_prerun.connect(_start)
    task_postrun.connect(_end)


def _start(sender: Any, **_: Any) -> None:
    if _is_ours(sender):
        translation.activate("en")


def _end(sender: Any, **_: Any) -> None:
    if _is_ours(sender):
        translation.deactivate()


def _is_ours(task: Any) -> bool:
    # An eager task is a part of its caller.
    return task.name.startswith(f"{LABEL}.") and not task.request.is_eager


# As in connections.py.
celeryd_init.connect(speak_english)
