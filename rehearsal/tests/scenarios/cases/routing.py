"""Where messages go, and messages that Celery did not make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..stage import STEP, Stage, scenario

if TYPE_CHECKING:
    from collections.abc import Iterator


def publish(s: Stage, body: Any, **options: Any) -> None:
    """Put a message into the scenario's queue, past Celery."""
    with s.app.connection_for_write() as connection, connection.Producer() as producer:
        producer.publish(body, routing_key=s.queue, exchange=s.app.amqp.queues[s.queue].exchange, **options)


@scenario()
def unknown_task(s: Stage) -> Iterator[float]:
    """A task that the worker does not know is dropped, with the failure as its result."""

    @s.task()
    def after() -> None:
        s.note("after")

    yield 0
    result = s.app.send_task(f"{s.name}.unknown", queue=s.queue)
    after.delay()
    yield STEP
    s.note(result.state, repr(result.info))


@scenario()
def bad_json(s: Stage) -> Iterator[float]:
    """A body that is no JSON is dropped."""

    @s.task()
    def after() -> None:
        s.note("after")

    yield 0
    headers = {"task": after.name, "id": "bad-json", "lang": "py"}
    publish(s, "{not json", content_type="application/json", content_encoding="utf-8", headers=headers)
    after.delay()
    yield STEP


@scenario()
def no_task_header(s: Stage) -> Iterator[float]:
    """A message that names no task is dropped."""

    @s.task()
    def after() -> None:
        s.note("after")

    yield 0
    publish(s, {"hello": "world"}, serializer="json")
    publish(s, [1, 2, 3], serializer="json", headers={"id": "no-task"})
    after.delay()
    yield STEP


@scenario()
def other_content_type(s: Stage) -> Iterator[float]:
    """A message of a content type that `accept_content` does not have is dropped."""

    @s.task()
    def after() -> None:
        s.note("after")

    yield 0
    headers = {"task": after.name, "id": "pickled", "lang": "py"}
    publish(s, b"junk", content_type="application/x-python-serialize", content_encoding="binary", headers=headers)
    after.delay()
    yield STEP


@scenario()
def queue_that_nobody_consumes(s: Stage) -> Iterator[float]:
    """A message for another queue stays there."""
    other = s.unconsumed("other")

    @s.task()
    def job() -> None:
        s.note("ran")

    yield 0
    job.apply_async(queue=other)
    job.apply_async(queue=other, countdown=STEP)
    yield 2 * STEP


@scenario(alone=True)
def routes(s: Stage) -> Iterator[float]:
    """`task_routes` by name, by pattern, by regular expression and by function; the call's queue wins."""
    import re

    queues = {name: s.new_queue(name) for name in ("name", "glob", "regex", "function", "call")}

    def choose(name: str, *_args: Any, **_kwargs: Any) -> dict[str, str] | None:
        return {"queue": queues["function"]} if name.endswith("chosen") else None

    s.app.conf.task_routes = [
        choose,
        {f"{s.name}.exact": {"queue": queues["name"]}, f"{s.name}.glob_*": queues["glob"]},
        [(re.compile(rf"{s.name}\.re_\d"), {"queue": queues["regex"]}), ("*", {"queue": s.queue})],
    ]

    def job(self: Any) -> None:
        s.note(self.name.partition(".")[2], self.request.delivery_info["routing_key"].partition(".")[2])

    tasks = {}
    for name in ("exact", "glob_1", "re_1", "chosen", "other"):
        job.__name__ = name
        tasks[name] = s.task(bind=True)(job)

    yield 0
    for task in tasks.values():
        task.delay()
        yield STEP / 2
    tasks["chosen"].apply_async(queue=queues["call"])
    yield STEP


@scenario()
def unknown_argument_names(s: Stage) -> Iterator[float]:
    """A task that takes no such keyword fails in the worker."""

    @s.task()
    def job() -> None:
        s.note("ran")

    yield 0
    s.app.send_task(job.name, kwargs={"more": 1})
    yield STEP


@scenario(alone=True)
def body_that_ends_the_worker(s: Stage) -> Iterator[float]:
    """A body that is not arguments, keyword arguments and options ends the worker program, and comes back."""

    @s.task()
    def job() -> None:
        s.note("ran")

    yield 0
    job.delay()
    yield STEP
    publish(s, [[], {}], serializer="json", headers={"task": job.name, "id": "two-parts", "lang": "py"})
    yield 3 * STEP
    job.delay()
    yield STEP
    s.note_ready()


@scenario(alone=True)
def bodies_of_another_shape(s: Stage) -> Iterator[float]:
    """What comes of arguments, keyword arguments and options of another type."""

    @s.task()
    def job(*args: Any, **kwargs: Any) -> None:
        s.note("ran", args, kwargs)

    @s.task()
    def after() -> None:
        s.note("after")

    yield 0
    bodies: list[Any] = [[7, {}, {}], [[1], 7, {}], [[1], {}, 7], [[1], {}, None], "abc", {"a": 1, "b": 2, "c": 3}]
    for number, body in enumerate(bodies):
        headers = {"task": job.name, "id": f"shape-{number}", "lang": "py", "argsrepr": str(number)}
        publish(s, body, serializer="json", headers=headers)
        yield STEP
        after.delay()
        yield STEP


@scenario(alone=True, ordered=False)
def broadcast(s: Stage) -> Iterator[float]:
    """A message to a Broadcast queue reaches each of two workers on RabbitMQ, and none on Redis."""
    from kombu import Queue
    from kombu.common import Broadcast

    name = s.new_queue("all")
    s.app.conf.task_queues = (Queue(s.queue), Queue(s.app.conf.task_default_queue), Broadcast(name))

    @s.task(bind=True, ignore_result=True)
    def job(self: Any) -> None:
        s.note("ran", self.request.hostname.partition("@")[0])

    yield 0
    s.add_worker()
    yield STEP
    job.apply_async(queue=name)
    yield STEP
