"""The lanes of the lesson on servers: each broker with each result backend."""

import itertools
import warnings
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from pytest_django import DjangoDbBlocker

from lesson.worker import Lane, running_worker

from .places import BROKERS, RESULTS, SERVER, Places, broker_in_memory, lack, results_in_django


@pytest.fixture(scope="session")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    """Places on the servers, which are gone afterwards."""
    with ExitStack() as stack:
        yield Places(stack, tmp_path_factory.mktemp("lesson"))


@pytest.fixture(scope="module", params=itertools.product(BROKERS, RESULTS), ids="-".join)
def lane(request: pytest.FixtureRequest) -> tuple[str, str]:
    """The names of a broker and of a result backend that this machine has."""
    for kind in request.param:
        if reason := lack(SERVER[kind]) if kind in SERVER else "":
            pytest.skip(reason)
    found: tuple[str, str] = request.param
    return found


@pytest.fixture(scope="module")
def _worker(lane: tuple[str, str], places: Places, django_db_blocker: DjangoDbBlocker) -> Iterator[Lane]:
    """One real worker for the tests of a lane."""
    broker, results = lane
    with ExitStack() as stack:
        if broker == "memory":
            stack.enter_context(broker_in_memory())
        if results != "redis":
            # Results are kept in a database of their own, by a thread that no test's mark reaches.
            stack.enter_context(django_db_blocker.unblock())
            stack.enter_context(results_in_django(places.database(results)))
        made = places.lane(broker, results)
        stack.enter_context(running_worker(made))
        yield made


@pytest.fixture
def worker(_worker: Lane) -> Iterator[Lane]:
    """A running worker; where its messages and results are."""
    with warnings.catch_warnings():
        # Celery 5.7 stores results by a call that redis-py 8.1 warns of; as an error it would end the worker.
        warnings.filterwarnings("ignore", "Call to deprecated setex", DeprecationWarning)
        yield _worker
