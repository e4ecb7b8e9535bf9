"""The values of a message: what its worker deserialises, and how a test asks for them."""

from __future__ import annotations

import base64
import copy
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from celery.utils.time import maybe_iso8601
from kombu.compression import decompress
from kombu.serialization import loads

from .errors import BadUseError

if TYPE_CHECKING:
    from collections.abc import Iterator


def of_message(message: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any], Any]:
    """Return args, kwargs and the rest (the canvas around the task) of a message, as its worker reads them.

    Raises what deserialising raises.
    """
    headers, body = message.get("headers") or {}, message["body"]
    if (message.get("properties") or {}).get("body_encoding") == "base64":
        body = base64.b64decode(body)
    if headers.get("compression"):
        body = decompress(body, headers["compression"])
    # The worker judges whether it accepts this content type.
    found: Any = loads(body, message["content-type"], message["content-encoding"], force=True)
    if isinstance(found, dict):  # task_protocol 1
        return tuple(found.get("args") or ()), dict(found.get("kwargs") or {}), found
    args, kwargs, rest = found
    return tuple(args), dict(kwargs), rest


def copied(value: Any) -> Any:
    """Return a copy, which no later change of the value reaches. What cannot be copied stays itself."""
    try:
        return copy.deepcopy(value)
    except Exception:  # a value of the app's can raise anything
        return value


def shown(headers: dict[str, Any]) -> str:
    """Return the arguments for the table: Celery's own repr of them, or the one that the caller gave instead."""
    texts = [str(headers.get(name) or "") for name in ("argsrepr", "kwargsrepr")]
    return " ".join(one for one in texts if one not in {"", "()", "[]", "{}"})


def later_ids(rest: Any) -> Iterator[str]:
    """Yield the ids of tasks that the canvas of a message names: they are known before they are sent."""
    if isinstance(rest, dict):
        if isinstance(rest.get("task_id"), str):
            yield rest["task_id"]
        rest = list(rest.values())
    if isinstance(rest, list | tuple):
        for one in rest:
            yield from later_ids(one)


def check_wanted(args: Any, kwargs: Any) -> None:
    """Raise BadUseError for arguments that no message can have."""
    if args is not None and not callable(args) and not isinstance(args, list | tuple):
        raise BadUseError(f"args={args!r}: give a list or tuple of values and matchers, or a function of the tuple")
    if kwargs is not None and not callable(kwargs) and not isinstance(kwargs, dict):
        raise BadUseError(f"kwargs={kwargs!r}: give a dict of values and matchers, or a function of the dict")


def match(wanted: Any, found: Any) -> bool:
    """Whether arguments are the wanted ones: equal, where each matcher's own `__eq__` decides; or by a function."""
    if callable(wanted):
        return bool(wanted(copied(found)))
    # The wanted ones come first: Python asks the left side for its `__eq__`.
    return bool((tuple(wanted) if isinstance(wanted, list) else wanted) == found)


def instant(value: Any) -> datetime | None:
    """An ETA or expiry as headers carry it, as an aware datetime in UTC; None for text that is no instant."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return _read_as_workers_do(value)
    if value is None:
        return None
    aware: datetime = value if value.tzinfo else value.replace(tzinfo=timezone.utc)
    return aware.astimezone(timezone.utc)


def _read_as_workers_do(text: str) -> datetime | None:
    # Python 3.10 reads fewer forms of an instant than they do.
    try:
        return instant(maybe_iso8601(text))
    except ValueError:
        # Celery publishes any text as an ETA. The worker drops the message.
        return None


def named(headers: dict[str, Any]) -> dict[str, Any]:
    """Return what a record says of the message with these headers."""
    return {
        "task": str(headers.get("task", "")),
        "id": str(headers.get("id", "")),
        "attempt": (headers.get("retries") or 0) + 1,
    }


def copies(args: Any, kwargs: Any) -> dict[str, Any]:
    """Return copies of arguments, as a record has them: a list as a tuple, anything else as the message has it."""
    args = () if args is None else copied(args)
    return {
        "args": tuple(args) if isinstance(args, list) else args,
        "kwargs": {} if kwargs is None else copied(kwargs),
    }
