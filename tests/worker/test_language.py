"""A worker's logs and errors in a project whose language is Ukrainian."""

from collections.abc import Iterator
from typing import Any

import pytest
from celery import current_app
from celery.signals import celeryd_init, task_failure, task_postrun, task_prerun
from celery_rehearsal import VirtualCelery
from django.utils.translation import get_language
from pytest_django import Settings

from refunds.apps import LABEL
from refunds.worker import language

from ..factories import PRESSED

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def celery(settings: Settings) -> Iterator[VirtualCelery]:
    """Yield a worker in virtual time that has got the signal of Celery's program."""
    settings.LANGUAGE_CODE = "uk"
    assert language.speak_english in [receiver() for _, receiver in celeryd_init.receivers]
    language.speak_english()
    with VirtualCelery(current_app, start=PRESSED, beats=0) as running:
        yield running
    task_prerun.disconnect(language._start)
    task_postrun.disconnect(language._end)


def test_tasks_of_the_app_run_in_english(celery: VirtualCelery) -> None:
    """Also while they fail. Before and after them, the worker has the project's language."""
    found: list[str | None] = []

    def note(**_: Any) -> None:
        found.append(get_language())

    task_failure.connect(note)
    try:
        current_app.tasks[f"{LABEL}.decide_chunk"].delay(chunk_id=1)
        celery.run_until_idle()
    finally:
        task_failure.disconnect(note)
    assert (found, get_language()) == (["en"], "uk")
