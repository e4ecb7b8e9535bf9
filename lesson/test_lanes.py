"""The lanes themselves: what one leaves behind does not meet the next test."""

import gc
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from lesson.app import add
from lesson.worker import WAIT, Lane, running_worker
from refunds.project.embedded.redis_server import RedisServer


# Celery 5.7 stores results by a call that redis-py 8.1 warns of; as an error it would end the worker.
@pytest.mark.filterwarnings("ignore:Call to deprecated setex:DeprecationWarning")
def test_result_outlives_its_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """A result that is freed when its server has gone does not go and unsubscribe there."""
    unraisable: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda failure: unraisable.append(failure.exc_value))
    with RedisServer() as server, running_worker(Lane(server.url(0), server.url(1))):
        result = add.delay(2, 2)
        result.get(**WAIT)

    del result
    gc.collect()  # a result and its promise hold each other

    assert unraisable == []


@pytest.mark.filterwarnings("ignore:Call to deprecated setex:DeprecationWarning")
def test_logging_is_as_before_the_worker() -> None:
    """A worker raises the level of all logging to its own; a test that listens for warnings later would hear none."""
    root = logging.getLogger()
    before = (root.level, list(root.handlers))
    with RedisServer() as server, running_worker(Lane(server.url(0), server.url(1))):
        assert add.delay(2, 2).get(**WAIT) == 4
    assert (root.level, list(root.handlers)) == before


FIRST = """
from lesson.app import app
from lesson.worker import Lane, settings_of
with settings_of(Lane("redis://broker.invalid/0", "redis://results.invalid/1")):
    print(app.conf.broker_url, app.conf.result_backend)
print(app.conf.broker_url, app.conf.result_backend)
"""


def test_settings_are_as_before_the_first_lane() -> None:
    """A lane that comes before anybody has read the app's settings leaves none of its own behind."""
    said = subprocess.run(
        [sys.executable, "-c", FIRST], cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True
    ).stdout
    assert said == "redis://broker.invalid/0 redis://results.invalid/1\nmemory:// cache+memory://\n"
