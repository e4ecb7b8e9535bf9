"""Which scheduler a cluster's beats run, and what another's scheduler needs in order to run in one process."""

from __future__ import annotations

import sys
import time
import weakref
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from celery import signals
from celery.utils.imports import load_extension_class_names
from kombu.utils.imports import symbol_by_name

from .errors import SchedulerImportError
from .patching import swap_attribute

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack

REDBEAT = "redbeat.schedulers"


class LockBusy(BaseException):
    """A beat waits for a lock that another beat holds; it tries again after `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


def find(app: Any, wanted: Any) -> Any:
    """The scheduler class that `celery beat` takes: `wanted`, as its option -S, or else the app's beat_scheduler.

    `wanted` is a class, its path, or a name that a package has registered, as "django". Raises SchedulerImportError
    for one that cannot be imported.
    """
    name = app.either("beat_scheduler", wanted)
    aliases: Any = load_extension_class_names("celery.beat_schedulers")
    try:
        found = symbol_by_name(name, aliases=dict(aliases))
        if callable(found):
            return found
        raise ImportError(f"{found!r} is not a class")
    except (ImportError, AttributeError, ValueError) as error:
        setting = "scheduler" if wanted is not None else "the app's setting beat_scheduler"
        raise SchedulerImportError(
            f"{setting} names {name!r}, which cannot be imported ({error}): beat would not start; correct the path, "
            "or install its package"
        ) from error


def prepare(undo: ExitStack, apps: list[Any], redis_server: Callable[[Any, Any], Any]) -> None:
    """Let schedulers of other packages run in this process: on the fake Redis, and in the test's transaction."""
    if redbeat := sys.modules.get(REDBEAT):
        swap_attribute(undo, redbeat, "Redis", _FakeRedis(redis_server))
        for app in apps:
            _forget_attributes(undo, app, ("redbeat_redis", "redbeat_sentinel", "redbeat_conf"))
    if base := sys.modules.get("django.db.backends.base.base"):
        _keep_the_tests_transaction(undo, base.BaseDatabaseWrapper)


def begin(service: Any) -> Callable[[], None] | None:
    """Tell that a beat starts; return what it does next at its start if that takes a lock."""
    receivers = signals.beat_init.receivers
    lock = getattr(sys.modules.get(REDBEAT), "acquire_distributed_beat_lock", None)
    # RedBeat's handler waits for its lock as long as another beat has it. In one thread that would be for ever. And the
    # process of another scheduler has not imported RedBeat.
    signals.beat_init.receivers = [pair for pair in receivers if pair[1] is not lock and _called(pair[1]) is not lock]
    try:
        signals.beat_init.send(sender=service)
    finally:
        signals.beat_init.receivers = receivers
    return (lambda: _try_lock(lock, service)) if lock and getattr(service.scheduler, "lock_key", None) else None


def _forget_attributes(undo: ExitStack, owner: Any, names: tuple[str, ...]) -> None:
    before = {name: vars(owner).pop(name) for name in names if name in vars(owner)}

    def restore() -> None:
        for name in names:
            vars(owner).pop(name, None)
        vars(owner).update(before)

    undo.callback(restore)


def _try_lock(lock: Callable[..., None], service: Any) -> None:
    clock = SimpleNamespace(sleep=_raise_busy, time=time.time, monotonic=time.monotonic)
    module: Any = sys.modules["redis.lock"]
    real, module.mod_time = module.mod_time, clock
    try:
        lock(sender=service)
    finally:
        module.mod_time = real


def _raise_busy(seconds: float) -> None:
    raise LockBusy(seconds)


def _called(receiver: Any) -> Any:
    return receiver() if isinstance(receiver, weakref.ReferenceType) else receiver


class _FakeRedis:
    """Stands for redis-py's `Redis` in RedBeat."""

    def __init__(self, server: Callable[[Any, Any], Any]) -> None:
        self._server = server

    def from_url(self, url: str, **options: Any) -> Any:
        import redis
        from fakeredis import FakeRedisConnection

        kept = {name: options[name] for name in ("decode_responses", "encoding") if name in options}
        parse: Any = redis.connection.parse_url
        named = parse(url)
        server = self._server(named.get("host"), named.get("port"))
        pool: Any = redis.ConnectionPool(
            connection_class=FakeRedisConnection, server=server, db=options.get("db", named.get("db", 0)), **kept
        )
        return redis.Redis(connection_pool=pool)


def _keep_the_tests_transaction(undo: ExitStack, wrapper: Any) -> None:
    close = wrapper.close_if_unusable_or_obsolete

    def close_unless_in_the_tests_transaction(connection: Any) -> None:
        # A process closes old connections where it is in no transaction. Here a TestCase's surrounds all of it.
        blocks = connection.atomic_blocks
        if not blocks or not all(block._from_testcase for block in blocks):
            close(connection)

    swap_attribute(undo, wrapper, "close_if_unusable_or_obsolete", close_unless_in_the_tests_transaction)
