"""What workers tell of themselves."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ..stage import CONTROL, SECOND, STEP, Stage, scenario

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Of what a worker tells of a request, that which no two processes can have in common.
OWN = {"id", "hostname", "time_start", "worker_pid"}


def shown(found: dict[str, Any] | None, show: Callable[[Any], Any]) -> str:
    """Replies by worker, without the name of the host."""
    return " ".join(f"{name.partition('@')[0]}: {show(value)}" for name, value in sorted((found or {}).items()))


def request(info: dict[str, Any]) -> list[Any]:
    """A request as a worker tells of it."""
    return [item for item in info.items() if item[0] not in OWN]


def requests(infos: list[dict[str, Any]]) -> list[Any]:
    """Requests as a worker tells of them."""
    return sorted(map(request, infos), key=str)


@scenario(worker_concurrency=2, **CONTROL)
def inspect_requests(s: Stage) -> Iterator[float]:
    """What a worker runs, holds for a slot and for later, has revoked, and knows of an id."""

    @s.task(acks_late=True)
    def job(n: int, word: str = "a") -> None:
        time.sleep(9 * SECOND)

    def note(what: str, show: Callable[[Any], Any]) -> None:
        s.note(what, shown(getattr(s.app.control.inspect(timeout=SECOND), what)(), show))

    yield 0
    yield STEP
    for what in ("active", "reserved", "scheduled", "revoked"):
        note(what, requests)
    sent = [job.delay(n, word="b") for n in range(4)]
    later = job.apply_async((9,), countdown=90 * SECOND, priority=3)
    yield STEP
    note("active", requests)
    note("reserved", requests)
    note("scheduled", lambda found: [(each["priority"], request(each["request"])) for each in found])
    ids = {each.id: n for n, each in enumerate([*sent, later])}
    known = s.app.control.inspect(timeout=SECOND).query_task(*ids, "none")
    s.note(shown(known, lambda found: sorted((ids[id_], state, request(info)) for id_, (state, info) in found.items())))
    for each in (sent[3], later):
        each.revoke()
    yield STEP / 2
    note("revoked", lambda found: sorted(ids[id_] for id_ in found))
    yield 13 * SECOND


@scenario(**CONTROL)
def inspect_a_worker(s: Stage) -> Iterator[float]:
    """What a worker tells of its tasks, queues, pool, counts and settings."""
    s.new_queue("second")

    @s.task(rate_limit="100/s")
    def job() -> None:
        pass

    yield 0
    yield STEP
    for _ in range(3):
        job.delay()
    yield STEP
    look = s.app.control.inspect(timeout=SECOND)
    s.note(shown(look.ping(), str))
    for items in ((), ("acks_late", "rate_limit")):
        # The kit's process has other apps' shared tasks as well.
        s.note(shown(look.registered(*items), lambda found: [each for each in found if each.startswith(s.name)]))
    s.note(shown(look.active_queues(), lambda found: sorted(map(str, found))))
    stats = look.stats()
    s.note(shown(stats, lambda found: (found["total"], found["prefetch_count"], sorted(found), sorted(found["pool"]))))
    s.note(shown(stats, lambda found: (found["pool"]["max-concurrency"], len(found["pool"]["processes"]))))
    s.note(shown(stats, lambda found: (found["pool"]["implementation"], found["broker"]["transport"])))
    s.note(shown(look.conf(), lambda found: (found["timezone"], found["worker_concurrency"])))
    s.note(shown(look.clock(), lambda found: found["clock"] > 0))
    s.note(shown(look.report(), lambda found: "software" in found["ok"]))


@scenario(ordered=False, worker_concurrency=2, **CONTROL)
def inspect_in_a_task(s: Stage) -> Iterator[float]:
    """A task asks all workers, its own and one that starts later. Which of two idle ones runs a task, Redis decides."""

    @s.task()
    def job() -> None:
        found: Any = s.app.control.inspect(timeout=SECOND).active()
        s.note(len(found), [each["name"] for name in found for each in found[name]])

    yield 0
    yield STEP
    job.delay()
    yield 2 * SECOND
    s.add_worker()
    yield 2 * STEP
    job.delay()
    yield 3 * SECOND
