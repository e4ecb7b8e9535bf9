"""Check the headers and the body of a message, so that no message can end a worker.

Celery does not check them. An unexpected value, such as a body of `null` or a time limit of `"x"`, ends the worker
(seen with Celery 5.7.0). The broker then delivers the message to the next worker, and ends each of them in turn.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from sys import float_info
from typing import Any, Final

from kombu.utils.json import dumps

# Bytes of a body. The arguments of these tasks are ids and numbers, some 200.
LONGEST_BODY: Final = 65_536
# Characters of headers and properties together, as JSON; Celery's own have some 900. Some log lines of the worker show
# all headers, and the child process gets them with the body.
LONGEST_HEADERS: Final = 65_536
# Characters of a reason in the log: it can quote the message.
LONGEST_REASON: Final = 300
# Characters of an id or a name; an id is a UUID of 36 characters. Longer ones would fill the log.
LONGEST_NAME: Final = 255
# Levels of nested lists and objects. At some 500, Python cannot send them to a child process.
DEEPEST: Final = 20
# Redis redelivers a message that is not acknowledged within the visibility timeout (3,600 s), so it would redeliver a
# message that waits longer for its ETA every hour. Store a longer wait as a due time on a row.
LONGEST_WAIT: Final = timedelta(hours=1)
# The only one of Celery's own tasks that a worker accepts: beat sends it if the result backend is a database. The
# others serve chords, chains and maps, which nothing here sends; celery.chord_unlock would retry for ever.
OF_CELERY: Final = frozenset({"celery.backend_cleanup"})
# Messages that Celery would send when a task has ended. Here, all messages are sent on commit.
FOLLOWERS: Final = frozenset({"callbacks", "errbacks", "chain", "chord"})


def fault(message: Any, now: datetime) -> str:
    """Return what is wrong with a kombu message, as a sentence; an empty text if a worker can accept it.

    The task checks its arguments itself. Raises kombu's ContentDisallowed and DecodeError.
    """
    if message.content_type != "application/json" or message.content_encoding != "utf-8":
        kind, encoding = _short(message.content_type), _short(message.content_encoding)
        return f"the content is {kind} in {encoding}, not JSON in UTF-8"
    if len(message.body or "") > LONGEST_BODY:
        return f"the body is {len(message.body)} bytes long, and {LONGEST_BODY} are allowed"
    headers = message.headers
    if not isinstance(headers, Mapping) or "task" not in headers:
        return "the header 'task' is missing: this is no message of protocol 2"
    if wrong := _fault_of_extent(headers, message.properties):
        return wrong
    bad = [name for name, is_right in HEADERS.items() if not is_right(headers.get(name))]
    if bad:
        return f"the header {bad[0]!r} is {_short(headers.get(bad[0]))}"
    return _fault_of_times(headers, now) or _fault_of_body(message.decode())


def one_line(reason: object) -> str:
    """Return a reason for one line of the log: cut, with unprintable characters escaped. It can quote the message."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(reason)[:LONGEST_REASON])


def _fault_of_extent(headers: Mapping[str, Any], properties: Mapping[str, Any]) -> str:
    # py-amqp repeats the headers in the properties
    others = {name: value for name, value in properties.items() if name != "application_headers"}
    for what, value in {"headers": headers, "properties": others}.items():
        if is_too_deep(value, DEEPEST):
            return f"the {what} are nested deeper than {DEEPEST}"
    try:
        length = len(dumps([headers, others]))
    except (TypeError, ValueError) as error:  # AMQP has types that JSON lacks
        return f"headers and properties are no JSON: {one_line(error)}"
    if length > LONGEST_HEADERS:
        return f"headers and properties are {length} characters of JSON, and {LONGEST_HEADERS} are allowed"
    return ""


def _fault_of_times(headers: Mapping[str, Any], now: datetime) -> str:
    for name in ("eta", "expires"):
        if headers.get(name) is not None and _instant(headers[name]) is None:
            return f"the header {name!r} is {_short(headers[name])}, and no instant with an offset from UTC"
    eta = _instant(headers.get("eta"))
    if eta is not None and eta - now > LONGEST_WAIT:
        return f"it is to wait until {eta.isoformat()}, and a message waits {LONGEST_WAIT} at most"
    return ""


def _fault_of_body(body: Any) -> str:
    match body:
        case [list(), dict(), None]:
            pass
        case [list(), dict(), dict() as followers]:
            if unknown := [name for name in followers if name not in FOLLOWERS]:
                return f"the body embeds {_short(unknown[0])}"
            if asked := [name for name, value in followers.items() if value]:
                return f"the body embeds {asked[0]}, and no message here has other messages follow it"
        case _:
            return "the body is not a list of arguments, keyword arguments and what is embedded"
    return f"the body is nested deeper than {DEEPEST}" if is_too_deep(body, DEEPEST) else ""


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_NAME and value.isprintable()


def _is_name_or_none(value: object) -> bool:
    return value is None or _is_name(value)


def _is_task(value: object) -> bool:
    return _is_name(value) and (not str(value).startswith("celery.") or value in OF_CELERY)


def _is_count(value: object) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0)


def _is_seconds(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value is None
    return 0 < value <= float_info.max  # Celery converts it to a float, and JSON integers can be larger than any float


def _are_limits(value: object) -> bool:
    match value:
        case None:
            return True
        case [hard, soft]:
            return _is_seconds(hard) and _is_seconds(soft)
        case _:
            return False


def _are_names(value: object) -> bool:
    return value is None or (isinstance(value, list | tuple) and all(map(_is_name, value)))


def _is_mapping_or_none(value: object) -> bool:
    return value is None or isinstance(value, Mapping)


def _is_nothing(value: object) -> bool:
    return not value


# The headers that Celery's worker reads in its Request and its tracer. Other headers can have any value.
HEADERS: Final[Mapping[str, Callable[[object], bool]]] = {
    "task": _is_task,
    "id": _is_name,
    "root_id": _is_name_or_none,
    "parent_id": _is_name_or_none,
    "group": _is_name_or_none,
    "shadow": _is_name_or_none,
    "retries": _is_count,
    "timelimit": _are_limits,
    "stamped_headers": _are_names,
    "stamps": _is_mapping_or_none,
    **dict.fromkeys(sorted(FOLLOWERS), _is_nothing),
}


def _instant(value: object) -> datetime | None:
    """Return the instant in a text, in UTC; None if the value is no text or has no offset from UTC."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
        return found.astimezone(UTC) if found and found.tzinfo else None
    except (ValueError, OverflowError):
        return None


def is_too_deep(value: object, allowed: int) -> bool:
    """Return whether lists and objects are nested deeper than `allowed`. Do not recurse: the stack could overflow."""
    level: list[object] = [value]
    for _ in range(allowed + 1):
        if not level:
            return False
        level = [inner for outer in level for inner in _inside(outer)]
    return bool(level)


def _inside(value: object) -> list[object]:
    if isinstance(value, str | int | float | None):  # most values are these, and the test for a mapping is slow
        return []
    if isinstance(value, Mapping):
        return list(value.values())
    return list(value) if isinstance(value, list | tuple) else []


def _short(value: object) -> str:
    """Return the value for one line of a log, or only its type if it is nested."""
    if isinstance(value, int) and value.bit_length() > 64:  # noqa: PLR2004  # Python refuses to print 4,300 digits
        return "a huge number"
    return repr(value)[:80] if isinstance(value, str | int | float | None) else f"a {type(value).__name__}"
