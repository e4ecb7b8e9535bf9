"""Keep messages that a worker cannot read in a list in the broker's Redis database."""

import json
import logging
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from itertools import count
from typing import Any, Final

import redis
from celery.signals import task_rejected

from ...apps import LABEL
from ..message_check import one_line

logger = logging.getLogger(__name__)

# The list's key, after the key prefix of the broker's transport (`global_keyprefix`).
NAME: Final = f"{LABEL}.dead-letters"
# Entries of the list; the oldest is dropped first. With LONGEST, the list takes 64 MiB at most.
MOST: Final = 256
# Bytes of the longest message that kombu is given, and of a message in an entry. A message that a worker accepts is
# smaller: 64 KiB of headers, and 64 KiB of body, which is in base64.
LONGEST: Final = 262_144
# Bytes of a message in the log.
SHOWN: Final = 1_024
# Seconds that a renamed key is kept: operators have a week to look at it.
KEPT_ASIDE: Final = 604_800

_found = count(1)


class Unreadable(Exception):
    """A worker cannot read something in the broker. The argument names it, the reason, and where it is now."""


def report(where: str, raw: bytes, reason: str, outcome: str) -> None:
    """Log the beginning of unreadable bytes and send `task_rejected`, as Celery does for an invalid message."""
    logger.error(
        "Unreadable: %s: %s. %s. It is the worker's number %d since its start, has %d bytes and begins %r",
        *(one_line(where), one_line(reason), outcome, next(_found), len(raw), raw[:SHOWN]),
    )
    error = Unreadable(f"{one_line(where)}: {one_line(reason)}. {outcome}.")
    task_rejected.send(sender=None, message=None, exc=error)


def is_wrong_type(error: redis.ResponseError) -> bool:
    """Return whether Redis says that a key has the wrong type for the command."""
    return "WRONGTYPE" in str(error)


class DeadLetters:
    """Writes the list of one broker. `connect` makes a client that adds no prefix; `prefix` is the keys' prefix."""

    def __init__(self, connect: Callable[[], "redis.Redis"], prefix: str) -> None:
        self._connect = connect
        self._prefix = prefix
        self.name = prefix + NAME

    def keep(self, where: str, raw: bytes, reason: str) -> None:
        """Add an entry to the list: a line of JSON about the bytes, then the bytes unchanged.

        If Redis refuses to store the entry (it is full, or this user lacks the right), the entry is lost and the worker
        continues. Raises redis-py's connection errors.
        """
        about = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "from": one_line(where),
            "reason": one_line(reason),
            "bytes": len(raw),
        }
        entry = json.dumps(about).encode() + b"\n" + raw[:LONGEST]
        try:
            self._push(entry)
        except redis.ResponseError as refusal:
            report(where, raw, reason, f"It is lost, because Redis does not take it into {self.name}: {refusal}")
        else:
            report(where, raw, reason, f"It is in the list {self.name}")

    def move_aside(self, kinds: Mapping[str, str]) -> None:
        """Rename each key that has the wrong type, so that the next write creates the right one.

        `kinds` maps each key to its right type, as Redis names types. Raises redis-py's errors.
        """
        with self._connect() as client:
            for key, kind in kinds.items():
                self._move_aside(client, key, kind)

    def _push(self, entry: bytes) -> None:
        self.move_aside({self.name: "list"})
        with self._connect() as client, client.pipeline() as pipe:
            pipe.lpush(self.name, entry)
            pipe.ltrim(self.name, 0, MOST - 1)
            pipe.execute()

    def _move_aside(self, client: "redis.Redis", key: str, kind: str) -> None:
        aside = f"{self.name}.{key.removeprefix(self._prefix)}.{uuid.uuid4().hex[:8]}"
        found: list[str] = []

        def rename(pipe: Any) -> None:
            # WATCH the key: another worker can have renamed it, and a new key can have good messages.
            found[:] = [pipe.type(key).decode()]
            pipe.multi()
            if found[0] not in (kind, "none"):
                pipe.rename(key, aside)
                pipe.expire(aside, KEPT_ASIDE)

        client.transaction(rename, key)
        if found[0] not in (kind, "none"):
            report(key, b"", f"it is a {found[0]} and must be a {kind}", f"It was renamed to {aside}")
