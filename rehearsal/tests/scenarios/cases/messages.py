"""What is in a message, where it goes, and messages that Celery did not make."""

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
def request_fields(s: Stage) -> Iterator[float]:
    """What a bound task sees of its message."""

    @s.task(bind=True)
    def job(self: Any, *args: Any, **kwargs: Any) -> None:
        request = self.request
        s.note(request.task, request.args, request.kwargs, len(request.id), request.retries)
        s.note(request.hostname.partition("@")[0], request.origin.startswith("gen"), len(request.reply_to or ""))
        s.note(request.timelimit, request.eta, request.expires, request.is_eager, request.called_directly)
        s.note(request.argsrepr, request.kwargsrepr, request.group, request.chord, request.chain)
        s.note(request.callbacks, request.errbacks, request.ignore_result, request.replaced_task_nesting)
        s.note(request.correlation_id == request.id, request.root_id == request.id, request.parent_id)

    yield 0
    job.delay(1, two="2")
    yield STEP


@scenario()
def delivery_info(s: Stage) -> Iterator[float]:
    """Where a message came from."""

    @s.task(bind=True)
    def job(self: Any) -> None:
        found = self.request.delivery_info
        s.note(sorted(found), found["exchange"], found["routing_key"], found["redelivered"], found["priority"])

    yield 0
    job.delay()
    yield STEP


@scenario()
def eta_and_expiry_as_the_task_sees_them(s: Stage) -> Iterator[float]:
    """A task sees its ETA and its expiry as text."""

    @s.task(bind=True)
    def job(self: Any) -> None:
        for value in (self.request.eta, self.request.expires):
            s.note(type(value).__name__, value[10:11], value[-6:])

    yield 0
    job.apply_async(countdown=STEP, expires=600)
    yield 2 * STEP


@scenario()
def own_headers(s: Stage) -> Iterator[float]:
    """Headers of one's own are in the request."""

    @s.task(bind=True)
    def job(self: Any) -> None:
        s.note(self.request.headers, self.request.get("shop"))

    yield 0
    job.apply_async(headers={"shop": "north"})
    job_without = job.s()
    job_without.apply_async()
    yield STEP


@scenario()
def own_task_id(s: Stage) -> Iterator[float]:
    """Two messages with one id run twice and have one result."""

    @s.task()
    def job(n: int) -> int:
        s.note("ran", n)
        return n

    yield 0
    job.apply_async((1,), task_id="same")
    yield STEP
    job.apply_async((2,), task_id="same")
    yield STEP


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


@scenario(alone=True, task_protocol=1)
def protocol_1(s: Stage) -> Iterator[float]:
    """Protocol 1 has everything in the body."""

    @s.task(bind=True, max_retries=1)
    def job(self: Any, x: int) -> int:
        s.note(x, self.request.retries, self.request.root_id is None)
        if not self.request.retries:
            raise self.retry(countdown=STEP / 2)
        return x

    yield 0
    job.delay(1)
    job.apply_async((2,), countdown=STEP)
    yield 3 * STEP


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


@scenario()
def publishing_from_a_task(s: Stage) -> Iterator[float]:
    """A task can send others, with countdowns."""

    @s.task()
    def child(n: int) -> int:
        s.note("child", n)
        return n

    @s.task()
    def parent() -> None:
        s.note("parent")
        child.delay(1)
        child.apply_async((2,), countdown=STEP)

    yield 0
    parent.delay()
    yield STEP / 2
    s.note("wait")
    yield 2 * STEP
