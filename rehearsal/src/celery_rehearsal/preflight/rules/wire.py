"""Rules about time limits, results, prefetching and how messages are acknowledged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..findings import Finding, Level
from ..registry import rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..loaded import LoadedApp

NAMED = 3


def listed(names: list[str]) -> str:
    """A few of the names, and how many more there are."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(map(repr, names[:NAMED])) + more


@rule("W007", "no-time-limit", Level.WARNING)
def no_time_limit(loaded: LoadedApp) -> Iterator[Finding]:
    """Tasks have no time limit.

    A call that never returns holds a child of the pool for ever. When every child is held, the worker does nothing
    and looks healthy. Set `task_time_limit` and, below it, `task_soft_time_limit`.
    """
    names = [name for name in loaded.tasks if not loaded.time_limits(name)[1]]
    if names:
        yield Finding(
            f"{len(names)} of {len(loaded.tasks)} tasks have no time limit: {listed(names)}",
            "Set `task_time_limit` for all tasks, and `time_limit` on those that need longer.",
            setting="task_time_limit",
        )


@rule("W008", "soft-limit-not-below-hard", Level.ERROR)
def soft_limit_not_below_hard(loaded: LoadedApp) -> Iterator[Finding]:
    """The soft time limit of a task is not below its hard limit.

    The worker kills the child at the hard limit, so `SoftTimeLimitExceeded` is never raised, and what the task does
    about it never runs.
    """
    for name in loaded.tasks:
        soft, hard = loaded.time_limits(name)
        if soft and hard and soft >= hard:
            yield Finding(
                f"the soft time limit of {soft:g} s is not below the hard one of {hard:g} s",
                "Set the soft limit a few seconds below the hard one.",
                task=name,
                place=loaded.place_of_task(name),
            )


@rule("W009", "results-never-expire", Level.WARNING)
def results_never_expire(loaded: LoadedApp) -> Iterator[Finding]:
    """Results are stored and never expire.

    With `result_expires` of None or 0, the store grows until it is full. Set an expiry, or `task_ignore_result` if
    nobody reads the results.
    """
    conf = loaded.conf
    stores = [name for name, task in loaded.tasks.items() if not task.ignore_result]
    if conf.result_backend and conf.result_backend != "disabled" and not conf.result_expires and stores:
        yield Finding(
            f"`result_expires` is {conf.result_expires!r}, so the results of these tasks stay for ever: "
            + listed(stores),
            "Set `result_expires`, or `task_ignore_result` if nobody reads the results.",
            setting="result_expires",
            place=loaded.place_of_setting("result_expires"),
        )


@rule("W010", "prefetch-with-late-acks", Level.WARNING)
def prefetch_with_late_acks(loaded: LoadedApp) -> Iterator[Finding]:
    """A worker reserves several messages for each child, and tasks are acknowledged late.

    `worker_prefetch_multiplier` is 4 by default: a worker with 8 children takes 32 messages that no other worker
    can run while it works. Late acknowledgement is usual for long tasks, where this costs most; on Redis, messages
    that wait longer than the visibility timeout are delivered again. Set it to 1. `worker_disable_prefetch` holds
    back more on Redis.
    """
    multiplier = loaded.conf.worker_prefetch_multiplier
    late = [name for name, task in loaded.tasks.items() if task.acks_late]
    if late and multiplier != 1 and not loaded.conf.get("worker_disable_prefetch"):
        yield Finding(
            f"`worker_prefetch_multiplier` is {multiplier}, and these tasks are acknowledged late: {listed(late)}",
            "Set `worker_prefetch_multiplier` to 1.",
            setting="worker_prefetch_multiplier",
            place=loaded.place_of_setting("worker_prefetch_multiplier"),
        )


@rule("W011", "redbeat-without-redis", Level.ERROR)
def redbeat_without_redis(loaded: LoadedApp) -> Iterator[Finding]:
    """RedBeat's URL is not one of Redis.

    Without `redbeat_redis_url`, RedBeat takes `broker_url`. If that is RabbitMQ, beat does not start.
    """
    if not str(loaded.conf.beat_scheduler).startswith("redbeat"):
        return
    url: Any = loaded.conf.first("redbeat_redis_url", "REDBEAT_REDIS_URL") or loaded.conf.broker_url
    scheme = str(url).partition("://")[0]
    if not scheme.startswith(("redis", "rediss", "unix", "sentinel")):
        yield Finding(
            f"RedBeat gets a URL that begins with {scheme!r}",
            "Set `redbeat_redis_url`, in upper case behind a namespace.",
            setting="redbeat_redis_url",
            place=loaded.place_of_setting("beat_scheduler"),
        )


@rule("W012", "eager-mode", Level.ERROR)
def eager_mode(loaded: LoadedApp) -> Iterator[Finding]:
    """`task_always_eager` is on.

    Every task runs in the process that calls it, and no message is sent. Outside tests this is a mistake. If these
    are the settings of tests, run preflight with those of production.
    """
    if loaded.conf.task_always_eager:
        yield Finding(
            "`task_always_eager` is on, so nothing is sent to a worker",
            "Turn it off, or run preflight with the settings of production.",
            setting="task_always_eager",
            place=loaded.place_of_setting("task_always_eager"),
        )
