"""The webhook for Stripe: which events it accepts, what it does, and what it never reveals."""

import itertools
import json
import logging
from collections.abc import Callable, Generator
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from freezegun import freeze_time
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from refunds import outbox
from refunds.domain.refunds import RefundStatus
from refunds.models import Refund
from refunds.operations.payments import pay_refund
from refunds.stripe.webhook import LARGEST_BODY
from refunds.tracking import look_ups
from refunds.tracking.look_ups import LOOK_UP_REFUND, send_look_ups
from refunds.tracking.models import LookUp
from refunds.tracking.outcomes import look_up_refund

from ..factories import NOON, make_refund
from ..gateways.provider import InMemory, Provider
from ..tracking.rows import make_paid, rows, under_way
from .signature import signature_header

pytestmark = pytest.mark.django_db
SECRET = "whsec_not_to_be_logged"
PATH = "/payments/stripe/"
DAY = timedelta(days=1)
Sent = list[int]


@pytest.fixture(autouse=True)
def _noon(settings: Settings) -> Generator[None]:
    """It is noon, and an endpoint is set up at Stripe."""
    settings.STRIPE_WEBHOOK_SECRET = SECRET
    with freeze_time(NOON):
        yield


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """The refunds that a look-up was sent for, without a broker."""
    ids: Sent = []

    def on_commit(name: str, messages: list[dict[str, int]], **_: object) -> None:
        if name == LOOK_UP_REFUND:
            ids.extend(message["refund_id"] for message in messages)

    monkeypatch.setattr(outbox, "on_commit", on_commit)
    return ids


def event(reference: str, status: str = "failed", kind: str = "refund.updated", **metadata: str) -> dict[str, Any]:
    """An event of Stripe's about a refund."""
    refund = {"id": "re_1", "object": "refund", "status": status, "metadata": {"refund": reference, **metadata}}
    return {"id": "evt_1", "object": "event", "type": kind, "data": {"object": refund}}


def post(body: object, *, secret: str = SECRET, age: timedelta = timedelta(0), **headers: str) -> int:
    """Post the body as Stripe does; the status of the answer."""
    text = body if isinstance(body, str) else json.dumps(body)
    at = int((NOON - age).timestamp())
    signature = signature_header(text, secret, at)
    return deliver(text.encode(), **{"stripe-signature": signature, **headers})


def deliver(body: bytes, **headers: str) -> int:
    """Post the bytes from anywhere: no cookie, and nothing is waived."""
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    response = client.post(PATH, body, content_type="application/json", headers=headers)
    assert response.cookies == {}
    return response.status_code


@pytest.mark.parametrize("kind", ["refund.created", "refund.updated", "refund.failed", "charge.refund.updated"])
def test_an_event_about_a_refund_under_way_has_it_looked_up_at_once(kind: str, sent: Sent) -> None:
    """Nothing but the time of the look-up changes: Stripe is asked before the event is believed."""
    refund = under_way()
    before = rows(refund.pk)[refund.pk]
    assert post(event(refund.request.key, "succeeded", kind)) == 200
    assert rows(refund.pk)[refund.pk] == before | {"look_at": NOON}
    assert sent == [refund.pk]


@pytest.mark.parametrize("status", ["failed", "canceled", "pending", "requires_action", "a word of next year"])
def test_an_event_that_contradicts_a_paid_refund_has_it_looked_up(status: str, sent: Sent) -> None:
    """`succeeded` contradicts nothing."""
    refund = make_paid()
    assert post(event(refund.request.key, "succeeded")) == 200
    assert sent == []
    assert post(event(refund.request.key, status)) == 200
    assert sent == [refund.pk]
    assert LookUp.objects.get().look_at == NOON


IGNORED = {
    "an unknown event": {**event("{key}"), "type": "refund.wished_for"},
    "an event about something else": {**event("{key}"), "type": "charge.refunded"},
    "no type": {**event("{key}"), "type": None},
    "a refund of somebody else's": event("another reference"),
    "a reference that no row can have": event("{key}" + "x" * 65),
    "a reference with a NUL": event("{key}\x00"),
    "a refund from the dashboard": {**event("{key}"), "data": {"object": {"id": "re_1", "metadata": {}}}},
    "no metadata": {**event("{key}"), "data": {"object": {"id": "re_1"}}},
    "no refund": {**event("{key}"), "data": {"object": None}},
    "a list of refunds": {**event("{key}"), "data": [event("{key}")]},
    "no data": {**event("{key}"), "data": None},
}


@pytest.mark.parametrize("ignored", IGNORED.values(), ids=IGNORED)
def test_event_about_nothing_here_is_ignored(ignored: dict[str, Any], sent: Sent) -> None:
    """The answer is 200, or Stripe would repeat it for three days and disable the endpoint."""
    refund = under_way()
    before = rows()
    assert post(json.dumps(ignored).replace("{key}", refund.request.key)) == 200
    assert (rows(), sent) == (before, [])


def signed(body: bytes, secret: str = SECRET) -> str:
    """Stripe's signature of the bytes, now."""
    return signature_header(body.decode(), secret, int(NOON.timestamp()))


BODY = json.dumps(event("{key}")).encode()
REFUSED: dict[str, Callable[[bytes], int]] = {
    "no signature": deliver,
    "an empty signature": lambda body: deliver(body, **{"stripe-signature": ""}),
    "a malformed signature": lambda body: deliver(body, **{"stripe-signature": "t=now,v1=yes"}),
    "another secret": lambda body: deliver(body, **{"stripe-signature": signed(body, "whsec_other")}),
    "another body": lambda body: deliver(body + b" ", **{"stripe-signature": signed(body)}),
    "an old scheme": lambda body: deliver(body, **{"stripe-signature": signed(body).replace("v1=", "v0=")}),
    "six minutes old": lambda body: post(body.decode(), age=timedelta(minutes=6)),
    "no UTF-8": lambda body: deliver(b"\xff" + body, **{"stripe-signature": signed(body)}),
    "no JSON": lambda _: post("{"),
    "no object": lambda _: post("[]"),
    "a thin event": lambda _: post({"object": "v2.core.event"}),
    "an empty body": lambda _: post(""),
}


@pytest.mark.parametrize("receipt", ["re_\0", "re_\ud800", "r" * 256, "", None, ["re_1"]])
def test_an_event_with_an_id_that_no_row_can_hold_is_ignored(receipt: object, sent: Sent) -> None:
    """It is about no refund here: an error would have Stripe send it for days."""
    under_way(key="ref-1")
    body = event("ref-1")
    body["data"]["object"]["id"] = receipt
    assert (post(body), sent) == (200, [])


@pytest.mark.parametrize("refuse", REFUSED.values(), ids=REFUSED)
def test_unsigned_event_is_refused(
    refuse: Callable[[bytes], int], sent: Sent, caplog: pytest.LogCaptureFixture
) -> None:
    """400 and a line in the log, without the secret, the signature or the body; no row changes."""
    refund = under_way()
    before = rows()
    body = BODY.replace(b"{key}", refund.request.key.encode())
    with caplog.at_level(logging.DEBUG):
        assert refuse(body) == 400
    assert (rows(), sent) == (before, [])
    (line,) = [record for record in caplog.records if record.name == "refunds.stripe.webhook"]
    assert line.levelname == "WARNING"
    assert line.getMessage().startswith("an event for the Stripe webhook was refused: ")
    for hidden in (SECRET, "v1=", refund.request.key):
        assert hidden not in caplog.text


def test_a_body_that_is_too_large_is_not_read(sent: Sent) -> None:
    """The answer is 413 with any signature; a large event below the limit is accepted."""
    padding = "x" * LARGEST_BODY
    assert post(event("somebody else's", padding=padding)) == 413
    assert post({**event("k"), "type": "invoice.paid", "padding": padding[:-1000]}) == 200


def test_both_secrets_count_while_one_is_replaced(settings: Settings, sent: Sent) -> None:
    """Stripe signs with either, until the old one is taken out of the environment."""
    settings.STRIPE_WEBHOOK_SECRET = f"whsec_new {SECRET}"
    refund = under_way()
    found = [post(event(refund.request.key), secret=each) for each in ("whsec_new", SECRET, "whsec_old")]
    assert found == [200, 200, 400]


@pytest.mark.parametrize("secret", ["", "  "])
def test_without_a_secret_there_is_no_page(settings: Settings, secret: str, sent: Sent) -> None:
    """404, also for what is signed with nothing."""
    settings.STRIPE_WEBHOOK_SECRET = secret
    under_way()
    client = Client()
    assert client.get(PATH).status_code == 404
    signature = signed(BODY, secret)
    assert client.post(PATH, BODY, "application/json", headers={"stripe-signature": signature}).status_code == 404
    assert (LookUp.objects.get().look_at, sent) == (NOON + timedelta(minutes=1), [])


@pytest.mark.parametrize("method", ["get", "head", "put", "patch", "delete", "options"])
def test_other_method_than_post_is_refused(method: str) -> None:
    """The answer is 405 with the allowed method."""
    response = getattr(Client(), method)(PATH)
    assert (response.status_code, response["Allow"]) == (405, "POST")


def test_event_is_answered_with_500_while_the_database_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stripe sends an event again after a 500."""

    def away(*_: object) -> int:
        raise OperationalError("the database is away")

    monkeypatch.setattr(look_ups, "hint", away)
    assert post(event("k")) == 500


def test_an_outcome_is_not_lost_while_the_broker_is_away(sent: Sent) -> None:
    """The row keeps the hint, and the reconciler's next run sends the look-up: also of a refund that was paid."""
    refund = make_paid(dispatched_at=NOON - DAY)
    assert post(event(refund.request.key)) == 200
    sent.clear()  # as if it had gone nowhere
    assert (send_look_ups(NOON + timedelta(seconds=30), InMemory()), sent) == (1, [refund.pk])


STEPS = {
    "pending": ("requires_action", "succeeded", "failed", "canceled"),
    "requires_action": ("pending", "succeeded", "failed", "canceled"),
    "succeeded": ("failed", "canceled"),
    "failed": (),
    "canceled": (),
}
ENDS = {"pending": "processing", "requires_action": "processing", "canceled": "failed"}


@st.composite
def lives(draw: st.DrawFn) -> list[str]:
    """The states that a refund goes through at the provider."""
    states = [draw(st.sampled_from(["pending", "requires_action", "succeeded"]))]
    while (following := STEPS[states[-1]]) and len(states) < 5 and draw(st.booleans()):
        states.append(draw(st.sampled_from(following)))
    return states


def requested(status: str) -> tuple[InMemory, Refund]:
    """A refund that begins with this status at its provider: re_1, as the events say."""
    gateway = InMemory(Provider(begins=status, numbers=itertools.count(0)))
    refund = make_refund(payment=gateway.provider.pay(1250))
    pay_refund(refund.pk, NOON, gateway=gateway, jitter=0)
    return gateway, refund


@given(st.data())
def test_any_order_of_events_ends_in_the_providers_state(data: st.DataObject) -> None:
    """Each change has its event, which is delivered at least once: late, again, or before an earlier one."""
    states = data.draw(lives())
    gateway, refund = requested(states[0])
    receipt = gateway.provider.refunds[0].id
    waiting: list[str] = [states[0]]
    delivered: list[str] = []
    for state in [*states[1:], None]:
        if state is None:  # in the end all arrive, in whatever order
            arriving = data.draw(st.permutations(waiting))
        else:
            gateway.provider.turn(receipt, state)
            waiting.append(state)
            arriving = data.draw(st.lists(st.sampled_from(waiting), max_size=2, unique=True))
        replayed = data.draw(st.lists(st.sampled_from(delivered), max_size=2)) if delivered else []
        for status in [*arriving, *replayed]:
            if status in waiting:
                waiting.remove(status)
            delivered.append(status)
            assert post(event(refund.request.key, status)) == 200
            look_up_refund(refund.pk, NOON, gateway=gateway)
    end = states[-1]
    refund.refresh_from_db()
    assert refund.status == ENDS.get(end, end)
    assert len(gateway.provider.refunds) == len(gateway.calls) == 1


@given(st.lists(st.sampled_from([*STEPS, "another word"]), max_size=8))
def test_events_alone_change_no_outcome(statuses: list[str]) -> None:
    """Whatever signed events claim, the refund ends as the provider says when it is asked: under way."""
    gateway, refund = requested("pending")
    for status in statuses:
        assert post(event(refund.request.key, status)) == 200
        look_up_refund(refund.pk, NOON, gateway=gateway)
    refund.refresh_from_db()
    assert (refund.status, refund.settled_at, len(gateway.calls)) == (RefundStatus.PROCESSING, None, 1)
