"""First steps with Celery: calling tasks and keeping results, with a real worker on Redis."""

import json

import pytest
import redis
from celery import signals
from celery.result import AsyncResult
from kombu.exceptions import EncodeError

from lesson.app import Broken, add, app, fail, flaky, mul
from lesson.worker import WAIT, Lane


def test_delay(worker: Lane) -> None:
    """`add.delay(4, 4)` runs in the worker; `get()` waits for the result, and then it is `ready()`."""
    result = add.delay(4, 4)

    assert result.get(**WAIT) == 8
    assert result.ready()
    assert result.successful()
    assert result.state == "SUCCESS"


def test_apply_async(worker: Lane) -> None:
    """`apply_async` takes the arguments as a list and a mapping, and options for the message besides."""
    assert add.apply_async((2,), {"y": 2}, queue="multiplication", priority=3).get(**WAIT) == 4


def test_plain_call() -> None:
    """`add(4, 4)` is a call of a function: no message, no broker, no worker."""
    assert add(4, 4) == 8


def test_result_by_its_id(worker: Lane) -> None:
    """Another process that knows the id alone finds the result."""
    task_id = mul.delay(6, 7).id

    assert AsyncResult(task_id, app=app).get(**WAIT) == 42


def test_failure_is_raised_by_get(worker: Lane) -> None:
    """`get()` raises what the task raised; `propagate=False` returns it, and the traceback is kept."""
    result = fail.delay()

    with pytest.raises(Broken, match=r"^on purpose$"):
        result.get(**WAIT)
    assert isinstance(result.get(propagate=False), Broken)
    assert result.failed()
    assert result.state == "FAILURE"
    assert "on purpose" in str(result.traceback)


def test_retry_on_an_exception(worker: Lane) -> None:
    """`retry` sends the same task again, with the same id, until it goes well."""
    result = flaky.delay(2, countdown=0)  # the third attempt goes well

    assert result.get(**WAIT) == 3
    assert result.state == "SUCCESS"


def test_retry_gives_up(worker: Lane) -> None:
    """After `max_retries` the exception itself is the result."""
    with pytest.raises(Broken, match=r"^attempt 4$"):
        flaky.delay(9, countdown=0).get(**WAIT)


def test_redis_is_the_broker(worker: Lane) -> None:
    """A message waits in a list of Redis with the queue's name, as JSON, until a worker asks for it."""
    sent = add.apply_async((2, 2), queue="nobody")

    with redis.Redis.from_url(worker.broker_url) as broker:
        (raw,) = broker.lrange("nobody", 0, -1)
        broker.delete("nobody")
    message = json.loads(raw)
    assert message["headers"]["id"] == sent.id
    assert message["headers"]["task"] == "lesson.app.add"
    assert message["content-type"] == "application/json"
    assert not sent.ready()


def test_redis_is_the_result_backend(worker: Lane) -> None:
    """A result is a key of Redis with the task's id, as JSON, with a time to live of a day."""
    result = add.delay(2, 2)
    result.get(**WAIT)

    with redis.Redis.from_url(worker.result_backend) as backend:
        raw = backend.get(f"celery-task-meta-{result.id}")
        ttl = backend.ttl(f"celery-task-meta-{result.id}")
    assert isinstance(raw, bytes)
    assert {name: json.loads(raw)[name] for name in ("status", "result")} == {"status": "SUCCESS", "result": 4}
    assert 86_000 < ttl <= 86_400


def test_result_is_forgotten(worker: Lane) -> None:
    """`forget()` frees the backend's memory."""
    result = add.delay(2, 2)
    result.get(**WAIT)

    result.forget()

    assert AsyncResult(result.id, app=app).state == "PENDING"


def test_only_json_goes_out(worker: Lane) -> None:
    """An argument that JSON does not know is refused before anything is sent; eager mode would let it pass."""
    with pytest.raises(EncodeError, match="not JSON serializable"):
        add.delay(object(), 1)


@pytest.mark.usefixtures("worker")
def test_the_lessons_worker_leaves_the_other_app_alone() -> None:
    """Celery's Django fixup would go on closing connections in every task of every app of this process."""
    receivers = [str(receiver) for _, receiver in signals.task_prerun.receivers]
    assert not [receiver for receiver in receivers if "DjangoWorkerFixup" in receiver]
