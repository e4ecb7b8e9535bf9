"""Rules about time limits, results, prefetching and how messages are acknowledged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..findings import Finding, Level
from ..registry import rule
from .about import about_setting, about_task

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..loaded import LoadedApp

NAMED = 3
# What RedBeat and redis-py take in any case.
REDIS_SCHEMES = {"redis", "rediss", "unix", "redis-cluster"}
# Seconds. Messages that wait longer than this behind another task are late for most purposes.
LONG = 600


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
            yield about_task(
                loaded,
                name,
                f"the soft time limit of {soft:g} s is not below the hard one of {hard:g} s",
                "Set the soft limit a few seconds below the hard one.",
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
        yield about_setting(
            loaded,
            "worker_prefetch_multiplier",
            f"`worker_prefetch_multiplier` is {multiplier}, and these tasks are acknowledged late: {listed(late)}",
            "Set `worker_prefetch_multiplier` to 1.",
        )


@rule("W018", "prefetch-with-long-tasks", Level.INFO)
def prefetch_with_long_tasks(loaded: LoadedApp) -> Iterator[Finding]:
    """A worker reserves several messages for each child, and tasks have a time limit of ten minutes or more.

    A message that a busy worker has reserved waits until one of its children is free, even if another worker is
    idle. Set `worker_prefetch_multiplier` to 1 for workers of long tasks, and give these a queue of their own. A time
    limit is not how long a task runs: preflight takes a task to be long if its own limit is above the general one.
    Tasks that are acknowledged late are the subject of W010.
    """
    multiplier, general = loaded.conf.worker_prefetch_multiplier, loaded.conf.task_time_limit or 0
    limits = {name: loaded.time_limits(name)[1] or 0 for name, task in loaded.tasks.items() if not task.acks_late}
    names = [name for name, limit in limits.items() if limit >= LONG and limit > general]
    if names and multiplier != 1:
        yield about_setting(
            loaded,
            "worker_prefetch_multiplier",
            f"`worker_prefetch_multiplier` is {multiplier}, and these tasks can run for {LONG / 60:g} min or more: "
            + listed(names),
            "Set `worker_prefetch_multiplier` to 1 for the workers of these tasks.",
        )


@rule("W011", "redbeat-without-redis", Level.ERROR)
def redbeat_without_redis(loaded: LoadedApp) -> Iterator[Finding]:
    """RedBeat's URL is not one of Redis.

    Without `redbeat_redis_url`, RedBeat takes `broker_url`. If that is RabbitMQ, beat does not start. It does not
    start with Celery's `sentinel://` either: RedBeat wants `redis-sentinel://`, and `sentinels` in
    `redbeat_redis_options`.
    """
    conf = loaded.conf
    homes = [base.__module__ for base in getattr(loaded.scheduler, "__mro__", ())]
    if not any(home.startswith("redbeat") for home in (*homes, str(conf.beat_scheduler))):
        return
    url: Any = conf.first("redbeat_redis_url", "REDBEAT_REDIS_URL") or conf.broker_url
    options = conf.first("redbeat_redis_options", "REDBEAT_REDIS_OPTIONS") or conf.broker_transport_options or {}
    scheme = str(url or "").partition("://")[0]
    right = {*REDIS_SCHEMES, *(["redis-sentinel"] if "sentinels" in options else [])}
    if scheme not in right and not options.get("cluster"):
        yield about_setting(
            loaded,
            "redbeat_redis_url",
            f"RedBeat gets a URL that begins with {scheme!r}" if url else "RedBeat gets no URL",
            "Set `redbeat_redis_url`, in upper case behind a namespace.",
            place=loaded.place_of_setting("redbeat_redis_url") or loaded.place_of_setting("beat_scheduler"),
        )


@rule("W012", "eager-mode", Level.ERROR)
def eager_mode(loaded: LoadedApp) -> Iterator[Finding]:
    """`task_always_eager` is on.

    Every task runs in the process that calls it, and no message is sent. Outside tests this is a mistake. If these
    are the settings of tests, run preflight with those of production.
    """
    if loaded.conf.task_always_eager:
        yield about_setting(
            loaded,
            "task_always_eager",
            "`task_always_eager` is on, so nothing is sent to a worker",
            "Turn it off, or run preflight with the settings of production.",
        )
