"""What a caller sees of results: one scenario, for a real worker and for the kit.

`python -m kit.results_play BROKER BACKEND` is the real one: it starts a solo worker and calls its tasks.
Prints the scenario's answers, and the keys left in Redis, as JSON.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zlib
from typing import TYPE_CHECKING, Any

from celery import Celery, chain, chord, group
from celery.result import GroupResult

from .shop import BrokenError

if TYPE_CHECKING:
    from collections.abc import Callable

# Seconds that a real worker may take for an answer; a limit for a hang, not a measure.
PATIENCE = 60

# Seconds after which a caller has waited enough for a result that nobody will bring.
LATER = 2

UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"

# Of the scenario's keys in Redis and of its queue.
PREFIX = "celery-rehearsal-results-"


def make_app(broker: str, backend: str) -> Celery:
    """The scenario's app. Its keys and queues have names of their own."""
    prefix = f"{PREFIX}{zlib.crc32(f'{broker} {backend}'.encode())}-"
    app = Celery("results", broker=broker, backend=backend, set_as_current=False, fixups=[])
    app.conf.update(
        task_default_queue=f"{prefix}queue",
        result_backend_transport_options={"global_keyprefix": prefix},
        result_expires=7200,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=False,
        worker_enable_remote_control=False,
    )

    @app.task(name="note", shared=False)
    def note(value: Any = None) -> Any:
        return value

    @app.task(name="add", shared=False)
    def add(numbers: list[int]) -> int:
        return sum(numbers)

    @app.task(name="fail", shared=False)
    def fail(*_args: Any) -> None:
        raise BrokenError("no")

    @app.task(name="silent", ignore_result=True, shared=False)
    def silent() -> int:
        return 1

    @app.task(name="strict", ignore_result=True, store_errors_even_if_ignored=True, shared=False)
    def strict() -> None:
        raise BrokenError("strict")

    return app


def play(app: Celery) -> list[Any]:
    """Call tasks, and say what came of each call."""
    note, add, fail = (app.tasks[name] for name in ("note", "add", "fail"))
    wanted: list[Callable[[], Any]] = [
        lambda: note.delay(3).get(timeout=PATIENCE),
        lambda: fail.delay().get(timeout=PATIENCE),
        lambda: _twice(app, note.delay(4)),
        lambda: group(note.s(n) for n in (4, 5)).apply_async().get(timeout=PATIENCE),
        lambda: chain(note.s([1, 2]), add.s(), note.s()).apply_async().get(timeout=PATIENCE),
        lambda: chord([note.s(n) for n in (1, 2, 3)], add.s()).apply_async().get(timeout=PATIENCE),
        lambda: chord([note.s(1), fail.s()], add.s()).apply_async().get(timeout=PATIENCE),
        lambda: chain(group(note.s(1), note.s(2)), add.s()).apply_async().get(timeout=PATIENCE),
        # Celery orders the results of a nested group by their ids.
        lambda: sorted(chord([group(note.s(1), note.s(2)), note.s(3)], note.s()).apply_async().get(timeout=PATIENCE)),
        lambda: _saved(app, group(note.s(n) for n in (6, 7)).apply_async()),
        lambda: app.tasks["silent"].delay().get(timeout=LATER),
        lambda: app.tasks["strict"].delay().get(timeout=LATER),
        lambda: app.AsyncResult("of-nobody").get(timeout=LATER),
        lambda: note.apply_async((1,), expires=-1).get(timeout=PATIENCE),
    ]
    return [_said(call) for call in wanted]


def keys(app: Celery) -> list[list[Any]]:
    """The scenario's keys in Redis, without the ids in them, and whether each has a lifetime of two hours at most."""
    client: Any = getattr(app.backend, "client", None)
    names = client.scan_iter(f"{_prefix(app)}*") if client else []
    return sorted([re.sub(UUID, "ID", name.decode()), 0 < client.ttl(name) <= 7200] for name in names)


def _prefix(app: Celery) -> str:
    return str(app.conf.result_backend_transport_options["global_keyprefix"])


def _said(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except Exception as error:
        return f"{type(error).__name__}: {str(error).splitlines()[0]}"


def _twice(app: Celery, sent: Any) -> list[Any]:
    first = sent.get(timeout=PATIENCE)
    sent.forget()
    return [first, app.AsyncResult(sent.id).state]


def _saved(app: Celery, result: Any) -> Any:
    result.save()
    # Up to Celery 5.5 of two that wait for one result only the first hears of it.
    result.get(timeout=PATIENCE)
    restored: Any = GroupResult.restore(result.id, app=app)
    return restored.get(timeout=PATIENCE)


def main(broker: str, backend: str) -> None:
    """Start a worker, call it, stop it."""
    app = make_app(broker, backend)
    flags = [
        f"--hostname={_prefix(app)}{os.getpid()}@%h",
        "--pool=solo",
        "--loglevel=ERROR",
        "--without-gossip",
        "--without-mingle",
        "--without-heartbeat",
    ]
    start = f"make_app({broker!r}, {backend!r}).worker_main({['worker', *flags]!r})"
    # What it prints is no answer.
    worker = subprocess.Popen(
        [sys.executable, "-c", f"from kit.results_play import make_app; {start}"], stdout=sys.stderr
    )
    try:
        answers = play(app)
        # At once: some live for seconds.
        found = keys(app)
    finally:
        worker.terminate()
        worker.wait()
        with app.connection_for_write() as connection:
            channel: Any = connection.default_channel
            channel.queue_delete(app.conf.task_default_queue)
    client: Any = getattr(app.backend, "client", None)
    for name in client.scan_iter(f"{_prefix(app)}*") if client else ():
        client.delete(name)
    sys.stdout.write(json.dumps([answers, found]))


if __name__ == "__main__":
    main(*sys.argv[1:])
