"""A little shop: tasks that retry, wait, expire and fail."""

from __future__ import annotations

from time import sleep
from typing import Any

from celery import Celery
from celery_rehearsal import extras

# Where the extra is missing, the tests that do not ask for Redis run on what needs none.
ON_REDIS = not extras.missing("redis")
BROKER = "redis://broker.invalid/0" if ON_REDIS else "amqp://broker.invalid//"
BACKEND = "redis://results.invalid/0" if ON_REDIS else "rpc://"

# One retry after each: the instants that a test compares to the second.
RETRY_AFTER = (60, 180, 420)


class BrokenError(Exception):
    """What a task of the shop raises."""


def make_app(**settings: Any) -> Celery:
    """The shop's app. Its broker and backend do not exist: nothing may ever connect to them."""
    app = Celery("shop", broker=BROKER, backend=BACKEND, set_as_current=False, fixups=[])
    # Beat takes it for an app of default options. The tests' process keeps the current app that it has.
    vars(app)["set_as_current"] = True  # celery-types leave it out
    app.conf.update({"timezone": "Europe/Kyiv", "task_create_missing_queues": True, **settings})

    @app.task(shared=False, name="note")
    def note(value: Any = None) -> Any:
        return value

    @app.task(shared=False, name="late", acks_late=True)
    def late(value: Any = None) -> Any:
        return value

    @app.task(shared=False, name="limited", rate_limit="6/m")
    def limited(value: Any = None) -> Any:
        return value

    @app.task(shared=False, name="flaky", bind=True, max_retries=len(RETRY_AFTER))
    def flaky(self: Any, failures: int = len(RETRY_AFTER)) -> int:
        if self.request.retries < failures:
            raise self.retry(exc=BrokenError(), countdown=RETRY_AFTER[min(self.request.retries, 2)])
        return int(self.request.retries)

    @app.task(shared=False, name="fail")
    def fail(*_args: Any) -> None:
        raise BrokenError("no")

    @app.task(shared=False, name="nap")
    def nap(seconds: float) -> None:
        sleep(seconds)

    @app.task(shared=False, name="add")
    def add(numbers: list[int]) -> int:
        return sum(numbers)

    return app


def app_with(backend: Any) -> Any:
    """The shop's app with another result backend, given as an application gives it: to the app."""
    app: Any = make_app()
    app.conf.result_backend = app.backend_cls = backend
    return app
