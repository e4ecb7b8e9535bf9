"""What a message can hold: Celery can work on every message that passes the check."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from celery import current_app
from celery.worker.request import Request
from hypothesis import given
from hypothesis import strategies as st
from kombu.exceptions import DecodeError
from kombu.message import Message

from refunds import tasks
from refunds.apps import LABEL
from refunds.worker.message_check import DEEPEST, LONGEST_BODY, LONGEST_HEADERS, LONGEST_NAME, LONGEST_WAIT, fault

from ..factories import BLINK, NOON

BODY: list[Any] = [[], {"refund_id": 1}, None]
LATEST, TOO_LATE = [(NOON + LONGEST_WAIT + more).isoformat() for more in (0 * BLINK, BLINK)]
REPLY = {"reply_to": "y" * 1_000}
HEADERS = {"task": f"{LABEL}.pay_refund", "id": "id-1"}


def message(body: Any = BODY, **headers: Any) -> Message:
    # kombu's stubs know text alone; a broker brings bytes.
    raw: Any = body if isinstance(body, bytes) else json.dumps(body).encode()
    encoding = {"content_type": "application/json", "content_encoding": "utf-8"}
    return Message(body=raw, headers={**HEADERS, **headers}, **encoding)


def nested(levels: int) -> Any:
    return [nested(levels - 1)] if levels else 1


DEEP, TOO_DEEP = [[[], {"a": nested(DEEPEST - less)}, {}] for less in (2, 1)]


def padded(size: int, **properties: Any) -> Message:
    """Return a message whose headers and properties are so many characters of JSON."""
    sent = message(x="")
    sent.properties.update(properties)
    sent.headers["x"] = "x" * (size - len(json.dumps([sent.headers, properties])))
    return sent


def filled(size: int) -> bytes:
    """Return a good body of so many bytes."""
    empty = json.dumps([[], {"refund_id": 1, "note": ""}, None]).encode()
    return empty.replace(b'""', b'"' + b"x" * (size - len(empty)) + b'"')


@pytest.mark.parametrize(
    ("most", "more", "why"),
    [
        (message(filled(LONGEST_BODY)), message(filled(LONGEST_BODY + 1)), "the body is 65537 bytes long"),
        (padded(LONGEST_HEADERS), padded(LONGEST_HEADERS + 1), "headers and properties are 65537 characters of JSON"),
        (padded(LONGEST_HEADERS, **REPLY), padded(LONGEST_HEADERS + 1, **REPLY), "headers and properties are 65537"),
        (message(id="x" * LONGEST_NAME), message(id="x" * (LONGEST_NAME + 1)), "the header 'id' is 'xxx"),
        (message(more=nested(DEEPEST - 1)), message(more=nested(DEEPEST)), "the headers are nested deeper than 20"),
        (
            message([nested(DEEPEST - 1), {}, {}]),
            message([nested(DEEPEST), {}, {}]),
            "the body is nested deeper than 20",
        ),
        (message(eta=LATEST), message(eta=TOO_LATE), f"it is to wait until {TOO_LATE}, and a message waits 1:00:00 at"),
        (message(timelimit=[0.1, None]), message(timelimit=[0, None]), "the header 'timelimit' is a list"),
        # Beyond every float, which is what Celery makes of it.
        (message(timelimit=[10**308, 10**308]), message(timelimit=[10**309, 1]), "the header 'timelimit' is a list"),
        (message(retries=0), message(retries=-1), "the header 'retries' is -1"),
        (message(task="celery.backend_cleanup"), message(task="celery.chord"), "the header 'task' is 'celery.chord'"),
    ],
)
def test_each_limit_holds_to_the_unit(most: Message, more: Message, why: str) -> None:
    """A value at the limit passes, and the next one is refused with its reason."""
    assert fault(most, NOON) == ""
    assert fault(more, NOON).startswith(why)


def test_text_that_json_cannot_have_is_refused() -> None:
    """py-amqp gives a header's name that is not UTF-8 as bytes. An unreadable body raises kombu's own error."""
    sent: Any = message()
    sent.headers[b"\xff"] = None
    assert fault(sent, NOON).startswith("headers and properties are no JSON: keys must be")
    with pytest.raises(DecodeError):
        fault(message(b"hello {"), NOON)


ANY = st.recursive(
    st.one_of(
        *(st.none(), st.booleans(), st.integers(), st.just(10**400), st.floats(), st.text(max_size=5)),
        st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
READ = [
    *("task", "id", "root_id", "parent_id", "group", "shadow", "eta", "expires", "retries", "timelimit"),
    *("stamped_headers", "stamps", "argsrepr", "kwargsrepr", "ignore_result", "replaced_task_nesting", "groups"),
    *("callbacks", "errbacks", "chain", "chord", "args", "kwargs", "delivery_info", "reply_to", "lang", "origin"),
]


@given(
    headers=st.dictionaries(st.sampled_from(READ), ANY, max_size=3),
    body=st.just(BODY) | ANY | st.lists(ANY, min_size=3, max_size=3),
)
def test_message_without_a_fault_is_a_request_to_celery(headers: dict[str, Any], body: Any) -> None:
    """Whatever headers and body hold, the message is refused, or Celery can make a request of it and read that."""
    sent = message(body, **headers)
    if fault(sent, NOON):
        return
    # As Celery's strategy makes and reads it, before it reserves the task.
    request: Any = Request(
        sent, app=current_app, hostname="w", task=tasks.pay_refund, headers=sent.headers, body=sent.body
    )
    assert request.id == sent.headers["id"]
    assert request.expires is None or isinstance(datetime.now(UTC) > request.expires, bool)
    assert set(request.stamps) == set(request.stamped_headers)
    hard, soft = request.time_limits
    assert (hard or 1) > 0 < (soft or 1)
