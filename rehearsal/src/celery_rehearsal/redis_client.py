"""redis-py for a server inside the process: its commands and their parsing, without what a network makes necessary.

A connection pool, retries, metrics and the wire protocol take three quarters of a command's time where the server is
a call away.
"""

from __future__ import annotations

import functools
import threading
from collections import deque
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import redis
from fakeredis import FakeRedisConnection
from fakeredis._helpers import NoResponse
from kombu.transport.redis import PrefixedStrictRedis
from redis.client import Pipeline

from .patching import swap_attribute

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack

# Held for each command and each transaction: a test may have threads of its own, and a client has one connection.
_turn = threading.RLock()

library_version = functools.cache(lambda: version("redis"))


def keep_version(undo: ExitStack) -> None:
    """Look redis-py's version up once in a process: redis-py reads its metadata for each client that it makes."""
    if hasattr(redis.utils, "get_lib_version"):
        swap_attribute(undo, redis.utils, "get_lib_version", library_version)


# The commands that kombu puts a message into a queue with.
PUSHES = {b"LPUSH", b"RPUSH", b"EXEC"}


class Line(FakeRedisConnection):
    """A connection that hands a command over as it is, and takes the answer as it is, instead of as bytes.

    A command that waits for a key, as BRPOP, does not keep the thread: it gets its answer from the command that
    sets the key. Those that wait for the same key are served in the order in which they began to, as on Redis.
    """

    _sock: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.answers: deque[Any] = deque()
        self._blocked: dict[Line, Callable[[bool], Any]] = {}

    def _connect(self) -> Any:
        sock = super()._connect()
        self.answers = deque()
        self._blocked = vars(sock._server).setdefault("blocked", {})
        process = sock._process_command
        vars(sock).update(
            put_response=self.answers.append, _blocking=self._block, _process_command=partial(self._process, process)
        )
        return sock

    def disconnect(self, *args: Any, **kwargs: Any) -> None:
        self._blocked.pop(self, None)
        super().disconnect(*args, **kwargs)  # type: ignore[no-untyped-call] # redis-py's

    def _block(self, _timeout: Any, look: Callable[[bool], Any], _shape: Any = None) -> Any:
        found = look(True)
        if found is None:
            self._blocked[self] = look
            return NoResponse()
        return found

    def _process(self, process: Callable[[list[bytes]], None], fields: list[bytes]) -> None:
        process(fields)
        if self._blocked and fields[0] in PUSHES:
            serve_blocked(self._sock._server)

    def send_command(self, *args: Any, **options: Any) -> None:
        if self._sock is None:
            self.connect()
        # "CLIENT SETINFO" is two words on the wire.
        parts = (*args[0].split(), *args[1:])
        # Most are texts, after which redis-py's encoder looks last.
        encode: Any = self.encoder.encode
        self._sock._process_command([part.encode() if type(part) is str else encode(part) for part in parts])

    def can_read(self, timeout: float | None = 0) -> bool:
        return bool(self.answers)

    def read_response(self, *args: Any, **options: Any) -> Any:
        if self._blocked.pop(self, None):
            # Who reads now would wait until the command gives up.
            return None
        answer = self.answers.popleft()
        if isinstance(answer, Exception):
            raise answer
        return answer


def serve_blocked(server: Any) -> None:
    """Give the connections that wait for keys what has come since."""
    blocked: dict[Line, Callable[[bool], Any]] = vars(server).get("blocked", {})
    if not blocked:
        return
    with server.lock:
        for line, look in list(blocked.items()):
            found = look(False)
            if found is not None:
                del blocked[line]
                line.answers.append(found)


class Client(redis.Redis):
    """A client with one connection, which it keeps."""

    def __init__(self, server: Any, db: int = 0) -> None:
        pool = redis.ConnectionPool(connection_class=Line, server=server, db=db)
        super().__init__(connection_pool=pool, single_connection_client=True)

    def execute_command(self, *args: Any, **options: Any) -> Any:
        with _turn:
            connection: Any = self.connection
            connection.send_command(*args)
            return self.parse_response(connection, args[0], **options)  # type: ignore[no-untyped-call] # redis-py's

    def pipeline(self, transaction: bool = True, shard_hint: Any = None) -> Pipeline:
        return Together(self, transaction, shard_hint)


class PrefixedClient(PrefixedStrictRedis):
    """kombu's client for keys with a prefix, on one connection. It sends its commands the long way."""

    def __init__(self, server: Any, prefix: str) -> None:
        pool = redis.ConnectionPool(connection_class=Line, server=server)
        super().__init__(connection_pool=pool, single_connection_client=True, global_keyprefix=prefix)


class Together(Pipeline):
    """Commands that run together: one after another, with nobody in between. The first that fails ends it."""

    def __init__(self, client: Client, transaction: bool, shard_hint: Any) -> None:
        super().__init__(client.connection_pool, client.response_callbacks, transaction, shard_hint)
        self._client = client

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        if self.watching or self.scripts or not raise_on_error:
            return super().execute(raise_on_error)
        commands, self.command_stack = self.command_stack, []
        with _turn:
            return [self._client.execute_command(*args, **options) for args, options in commands]

    def setex(self, name: Any, time: Any, value: Any) -> Any:
        # Celery's backend uses it, and redis-py 8.1 warns of it, which stops a suite where warnings are errors.
        return self.set(name, value, ex=time)
