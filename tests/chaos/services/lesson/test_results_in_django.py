"""What is django-celery-results' own."""

import pytest
from pytest_django import DjangoDbBlocker

from lesson.app import Broken, fail
from lesson.worker import WAIT, Lane, running_worker

from .places import Places, broker_in_memory, results_in_django

pytestmark = pytest.mark.services


@pytest.mark.parametrize("extended", [False, True])
def test_traceback_is_kept_with_extended_results_alone(
    places: Places, django_db_blocker: DjangoDbBlocker, extended: bool
) -> None:
    """django-celery-results 2.6 stores the traceback among what `result_extended` asks for."""
    broker_url, settings = places.broker("memory")
    lane = Lane(broker_url, "django-db", {**settings, "result_extended": extended})
    django = results_in_django(places.database("sqlite"))
    with broker_in_memory(), django_db_blocker.unblock(), django, running_worker(lane):
        result = fail.delay()
        failure = result.get(**WAIT, propagate=False)
        traceback = str(result.traceback)

    assert isinstance(failure, Broken)
    assert ("on purpose" in traceback) == extended
