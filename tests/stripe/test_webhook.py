"""The webhook for Stripe: which events it accepts, what it does, and what it never reveals."""

import itertools
import json
import logging
from collections.abc import Callable, Generator
from typing import Any
from unittest.mock import Mock

import pytest
from django.db import OperationalError
from django.test import Client
from freezegun import freeze_time
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from refunds import outbox
from refunds.operations.payments import pay_refund
from refunds.stripe.webhook import LARGEST_BODY
from refunds.tracking import look_ups
from refunds.tracking.look_ups import LOOK_UP_REFUND, send_look_ups
from refunds.tracking.models import LookUp
from refunds.tracking.outcomes import look_up_refund

from ..factories import DAY, MINUTE, NOON, SECOND, make_refund
from ..gateways.provider import CAME_TO_NOTHING, UNDER_WAY, InMemory, Provider
from ..tracking.rows import make_paid, rows, under_way
from .events import PATH, SECRET, deliver, event, post, signed

pytestmark = pytest.mark.django_db
Sent = list[int]


@pytest.fixture(autouse=True)
def sent(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Generator[Sent]:
    """At noon, with an endpoint at Stripe: the refunds that a look-up was sent for, without a broker."""
    settings.STRIPE_WEBHOOK_SECRET = SECRET
    ids: Sent = []

    def on_commit(name: str, messages: list[dict[str, int]], **_: object) -> None:
        if name == LOOK_UP_REFUND:
            ids.extend(message["refund_id"] for message in messages)

    monkeypatch.setattr(outbox, "on_commit", on_commit)
    with freeze_time(NOON):
        yield ids


@pytest.mark.parametrize("kind", ["refund.created", "refund.updated", "refund.failed", "charge.refund.updated"])
def test_an_event_about_a_refund_under_way_has_it_looked_up_at_once(kind: str, sent: Sent) -> None:
    """Nothing but the time of the look-up changes: Stripe is asked before the event is believed."""
    refund = under_way()
    before = rows()
    assert post(event(refund.request.key, "succeeded", kind)) == 200
    assert (rows(), sent) == ({refund.pk: before[refund.pk] | {"look_at": NOON}}, [refund.pk])


@pytest.mark.parametrize("status", ["failed", "canceled", "pending", "requires_action", "a word of next year"])
def test_an_event_that_contradicts_a_paid_refund_has_it_looked_up(status: str, sent: Sent) -> None:
    """`succeeded` contradicts nothing."""
    refund = make_paid()
    for says, looked_up in (("succeeded", []), (status, [refund.pk])):
        assert (post(event(refund.request.key, says)), sent) == (200, looked_up)
    assert LookUp.objects.get().look_at == NOON


NO_IDS = ("re_\0", "re_\ud800", "r" * 256, "", None, ["re_1"])
IGNORED = {
    "an unknown event": event("{key}", kind="refund.wished_for"),
    "an event about something else": event("{key}", kind="charge.refunded"),
    "no type": event("{key}", kind=None),
    "a refund of somebody else's": event("another reference"),
    "a reference that no row can have": event("{key}" + "x" * 65),
    "a reference with a NUL": event("{key}\x00"),
    **{f"the id {ascii(receipt)[:12]}": event("{key}", receipt=receipt) for receipt in NO_IDS},
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
    assert post(json.loads(json.dumps(ignored).replace("{key}", refund.request.key))) == 200
    assert (rows(), sent) == (before, [])


REFUSED: dict[str, Callable[[str], int]] = {
    "no signature": deliver,
    "an empty signature": lambda body: deliver(body, ""),
    "a malformed signature": lambda body: deliver(body, "t=now,v1=yes"),
    "another secret": lambda body: deliver(body, signed(body, "whsec_other")),
    "another body": lambda body: deliver(f"{body} ", signed(body)),
    "an old scheme": lambda body: deliver(body, signed(body).replace("v1=", "v0=")),
    "six minutes old": lambda body: deliver(body, signed(body, at=NOON - 6 * MINUTE)),
    "no UTF-8": lambda body: deliver(b"\xff" + body.encode(), signed(body)),
    "no JSON": lambda _: deliver("{", signed("{")),
    "no object": lambda _: post([]),
    "a thin event": lambda _: post({"object": "v2.core.event"}),
    "an empty body": lambda _: deliver("", signed("")),
}


@pytest.mark.parametrize("refuse", REFUSED.values(), ids=REFUSED)
def test_unsigned_event_is_refused(refuse: Callable[[str], int], sent: Sent, caplog: pytest.LogCaptureFixture) -> None:
    """400 and a line in the log, without the secret, the signature or the body; no row changes."""
    refund = under_way()
    before = rows()
    with caplog.at_level(logging.DEBUG):
        assert refuse(json.dumps(event(refund.request.key))) == 400
    assert (rows(), sent) == (before, [])
    (line,) = [record for record in caplog.records if record.name == "refunds.stripe.webhook"]
    begins = "an event for the Stripe webhook was refused: "
    assert (line.levelname, line.getMessage()[: len(begins)]) == ("WARNING", begins)
    for hidden in (SECRET, "v1=", refund.request.key):
        assert hidden not in caplog.text


def test_a_body_that_is_too_large_is_not_read() -> None:
    """The answer is 413 with any signature; a large event below the limit is accepted."""
    padding = "x" * LARGEST_BODY
    assert post({**event("k"), "padding": padding}) == 413
    assert post({**event("k", kind="invoice.paid"), "padding": padding[:-1000]}) == 200


def test_both_secrets_count_while_one_is_replaced(settings: Settings) -> None:
    """Stripe signs with either, until the old one is taken out of the environment."""
    settings.STRIPE_WEBHOOK_SECRET = f"whsec_new {SECRET}"
    body = json.dumps(event(under_way().request.key))
    assert [deliver(body, signed(body, each)) for each in ("whsec_new", SECRET, "whsec_old")] == [200, 200, 400]


@pytest.mark.parametrize("secret", ["", "  "])
def test_without_a_secret_there_is_no_page(settings: Settings, secret: str, sent: Sent) -> None:
    """404, also for what is signed with nothing."""
    settings.STRIPE_WEBHOOK_SECRET = secret
    refund = under_way()
    before = rows()
    body = json.dumps(event(refund.request.key))
    assert (Client().get(PATH).status_code, deliver(body, signed(body, secret))) == (404, 404)
    assert (rows(), sent) == (before, [])


@pytest.mark.parametrize("method", ["get", "head", "put", "patch", "delete", "options"])
def test_other_method_than_post_is_refused(method: str) -> None:
    """The answer is 405 with the allowed method."""
    response = getattr(Client(), method)(PATH)
    assert (response.status_code, response["Allow"]) == (405, "POST")


def test_event_is_answered_with_500_while_the_database_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stripe sends an event again after a 500."""
    monkeypatch.setattr(look_ups, "hint", Mock(side_effect=OperationalError("the database is away")))
    assert post(event("k")) == 500


def test_an_outcome_is_not_lost_while_the_broker_is_away(sent: Sent) -> None:
    """The row keeps the hint, and the reconciler's next run sends the look-up: also of a refund that was paid."""
    refund = make_paid(dispatched_at=NOON - DAY)
    assert post(event(refund.request.key)) == 200
    sent.clear()  # as if it had gone nowhere
    assert (send_look_ups(NOON + 30 * SECOND, InMemory()), sent) == (1, [refund.pk])


# The states that follow a state of a refund at Stripe.
STEPS = dict.fromkeys(UNDER_WAY, (*UNDER_WAY, "succeeded", *CAME_TO_NOTHING)) | {"succeeded": CAME_TO_NOTHING}
ENDS = dict.fromkeys(UNDER_WAY, "processing") | dict.fromkeys(CAME_TO_NOTHING, "failed")
CLAIMS = st.lists(st.sampled_from([*STEPS, *CAME_TO_NOTHING, "another word"]), max_size=4)


@given(st.data())
def test_events_in_any_order_end_in_the_providers_state(data: st.DataObject) -> None:
    """Each change has its event, which comes late, again, or before an earlier one; other events claim anything."""
    status = data.draw(st.sampled_from([*STEPS]))
    gateway = InMemory(Provider(begins=status, numbers=itertools.count(0)))  # its first refund is re_1, as in events
    refund = make_refund(payment=gateway.provider.pay(1250))
    pay_refund(refund.pk, NOON, gateway=gateway, jitter=0)

    def receive(events: list[str]) -> None:
        for each in events:
            assert post(event(refund.request.key, each)) == 200
            look_up_refund(refund.pk, NOON, gateway=gateway)

    waiting = [status]
    receive(data.draw(CLAIMS))
    while status in STEPS and len(waiting) < 5 and data.draw(st.booleans()):
        status = data.draw(st.sampled_from(STEPS[status]))
        gateway.provider.turn("re_1", status)
        waiting.append(status)
        receive(data.draw(CLAIMS))
    receive(data.draw(st.permutations(waiting)))
    refund.refresh_from_db()
    assert refund.status == ENDS.get(status, "succeeded")
    assert len(gateway.provider.refunds) == len(gateway.calls) == 1
