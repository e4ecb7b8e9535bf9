"""What can be done to the keys of a worker's Redis by Redis' own commands, and what the worker is to say of it."""

import json
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import redis

from refunds.worker.transport.unreadable import NAME

from . import garbage
from .wire import EXCHANGE, QUEUE

# kombu's keys, and the mark before the priority in a queue's others.
HELD, INDEX, LOCK, BINDINGS = "unacked", "unacked_index", "unacked_mutex", f"_kombu.binding.{EXCHANGE}"
SEPARATOR = "\x06\x16"
# Seconds, as in worker.py.
LONG, LOOK = 60, 0.01


class Act(NamedTuple):
    """`do` is given the client and the key prefix; `says` is looked for in the worker's log."""

    do: Callable[["redis.Redis", str], None]
    says: str


def push(item: bytes) -> Callable[["redis.Redis", str], None]:
    """Put these bytes into the worker's queue."""

    def act(client: "redis.Redis", prefix: str) -> None:
        client.lpush(prefix + QUEUE, item)

    return act


def _replace(name: str, kind: str) -> Callable[["redis.Redis", str], None]:
    def act(client: "redis.Redis", prefix: str) -> None:
        with client.pipeline() as pipe:
            pipe.delete(prefix + name)
            if kind == "string":
                pipe.set(prefix + name, "not what it was")
            elif kind == "hash":
                pipe.hset(prefix + name, "a", "b")
            else:
                pipe.rpush(prefix + name, "a")
            pipe.execute()

    return act


def _moved(name: str, found: str, kind: str) -> str:
    return rf"Unreadable: \S*{name}[^:]*: it is a {found} and must be a {kind}. It was renamed to \S*{NAME}\.{name}"


# While the worker runs, which waits at its queue.
RUNNING: Mapping[str, Act] = {
    "queue a string": Act(_replace(QUEUE, "string"), _moved(QUEUE, "string", "list")),
    "queue a hash": Act(_replace(QUEUE, "hash"), _moved(QUEUE, "hash", "list")),
    "held a string": Act(_replace(HELD, "string"), _moved(HELD, "string", "hash")),
    "held index a hash": Act(_replace(INDEX, "hash"), _moved(INDEX, "hash", "zset")),
    "queue of another priority a string": Act(
        _replace(f"{QUEUE}{SEPARATOR}3", "string"), _moved(QUEUE, "string", "list")
    ),
}


def _hold(value: bytes | None, tag: str = "tag") -> Callable[["redis.Redis", str], None]:
    """Leave a message held since 1970; without a value, only in the index."""

    def act(client: "redis.Redis", prefix: str) -> None:
        if value is not None:
            client.hset(prefix + HELD, tag, value)
        client.zadd(prefix + INDEX, {tag: 0})

    return act


def _held(message: bytes, exchange: Any = "", key: Any = QUEUE) -> bytes:
    return json.dumps([json.loads(message), exchange, key]).encode()


UNREADABLE = rf"Unreadable: {HELD}: .* It is in the list \S*{NAME}\. "
HELD_GARBAGE: Mapping[str, bytes] = {
    "text": b"hello",
    "nested deep": b"[" * garbage.ABYSS,
    "a number": b"1",
    "a list of one": b"[1]",
    "a message that is a text": b'["x", "", "payments"]',
    "a message with headers that are a list": _held(garbage.changed(headers=[1])),
    "a message with an infinite priority": _held(garbage.changed(properties=garbage.properties(priority=float("inf")))),
    "an unknown type": _held(garbage.changed(headers={"x": garbage.MARKED["an unknown type"]})),
    "a bad UUID": _held(garbage.changed(headers={"x": garbage.MARKED["a bad UUID"]})),
    "an exchange that is a list": _held(garbage.changed(), exchange=[1]),
    "an exchange without queues": _held(garbage.changed(), exchange="nowhere"),
}


# Put back while the worker runs, where it looks each second.
HELD_WHILE_RUNNING: Mapping[str, Act] = {name: Act(_hold(value), UNREADABLE) for name, value in HELD_GARBAGE.items()}


def _publish(data: bytes) -> Callable[["redis.Redis", str], None]:
    def act(client: "redis.Redis", prefix: str) -> None:
        # Redis keeps nothing for a subscriber to come, and a worker subscribes at its first look, after it is ready.
        pause, deadline = threading.Event(), time.monotonic() + LONG
        while not client.publish(f"{prefix}/0.celery.pidbox", data):
            assert time.monotonic() < deadline, f"no worker subscribed to remote control within {LONG} s"
            pause.wait(LOOK)

    return act


def _command(body: str = "W10=", content_type: str = "application/json") -> bytes:
    """A message of remote control; its body is in base64."""
    to = {"exchange": "celery.pidbox", "routing_key": ""}
    return garbage.changed(
        body=body, headers={}, properties=garbage.properties(delivery_info=to), **{"content-type": content_type}
    )


_PUBLISHED = r"Unreadable: \S*/0\.celery\.pidbox: "
PUBLISHED: Mapping[str, Act] = {
    **{f"garbage {name}": Act(_publish(raw), _PUBLISHED) for name, raw in garbage.RAW.items() if raw},
    "a command that is a list": Act(_publish(_command()), "Control command error"),
    "a command that is pickled": Act(
        _publish(_command(content_type="application/x-python-serialize")), "Received invalid task message"
    ),
    "a command that is not JSON": Act(_publish(_command("AAAA")), "Received invalid task message"),
    "a command of a consumer that is a list": Act(
        _publish(
            garbage.changed(
                body="AAAA",
                headers={},
                properties=garbage.properties(
                    delivery_info={"exchange": "celery.pidbox", "routing_key": "", "consumer_tag": [1]}
                ),
            )
        ),
        "Received invalid task message",
    ),
    "a command with a bad UUID": Act(
        _publish(garbage.changed(headers={"x": garbage.MARKED["a bad UUID"]})), _PUBLISHED
    ),
}


def _spoil_bindings(client: "redis.Redis", prefix: str) -> None:
    client.sadd(prefix + BINDINGS, "no separator", b"\xff\xfe")
    _hold(_held(garbage.changed(headers={}), exchange=EXCHANGE))(client, prefix)


def _lock_for_ever(client: "redis.Redis", prefix: str) -> None:
    client.set(prefix + LOCK, "for ever")
    _hold(HELD_GARBAGE["text"])(client, prefix)


def _lock_for_years(client: "redis.Redis", prefix: str) -> None:
    client.set(prefix + LOCK, "for years", ex=10**9)
    _hold(HELD_GARBAGE["text"])(client, prefix)


def _all(*acts: Callable[["redis.Redis", str], None]) -> Callable[["redis.Redis", str], None]:
    def act(client: "redis.Redis", prefix: str) -> None:
        for each in acts:
            each(client, prefix)

    return act


# Its test looks at each dead letter too.
ALL_HELD = "held garbage, and an index without an entry"
# While there is no worker: each of these ended the next one at its start, or at its first message.
AT_START: Mapping[str, Act] = {
    ALL_HELD: Act(_all(_hold(None, "none"), *(_hold(value, name) for name, value in HELD_GARBAGE.items())), UNREADABLE),
    "strings for lists, hashes and sets": Act(
        _all(*(_replace(name, "string") for name in (QUEUE, HELD, INDEX, BINDINGS))), _moved(HELD, "string", "hash")
    ),
    "hashes for lists and sets": Act(
        _all(*(_replace(name, "hash") for name in (QUEUE, INDEX, BINDINGS))), _moved(QUEUE, "hash", "list")
    ),
    "lists for hashes and the lock": Act(
        _all(*(_replace(name, "list") for name in (HELD, INDEX, BINDINGS, LOCK))),
        _moved(LOCK, "list", "a lock that expires"),
    ),
    "lock for ever": Act(_lock_for_ever, UNREADABLE),
    "lock for years": Act(_lock_for_years, UNREADABLE),
    "bindings spoilt": Act(_spoil_bindings, "Received invalid task message: the header 'task' is missing"),
    "dead letters a string": Act(_all(_replace(NAME, "string"), _hold(b"x")), UNREADABLE),
}
