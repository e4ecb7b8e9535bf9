"""Stripe's gateway where something else than Stripe answers, and where Stripe has much to list."""

import json
from datetime import timedelta
from typing import Any

import pytest

from refunds.gateways import Order, Refused, Settled, TryAgain, UnderWay
from refunds.stripe.gateway import Stripe

from ..gateways.contract import again, paid
from ..gateways.provider import Entry
from .server import Answer, StripeServer, error, listed, shown

NONSENSE = [
    *(Answer(200, body) for body in ("[]", "null", '"ok"', "5", "{}", '{"object": "balance"}', '{"object": "refund"}')),
    *(
        Answer(200, f'{{"object": "list", "data": {data}}}')
        for data in ("{}", "null", '["re_1"]', '[{"object": "refund"}]', '[], "has_more": true')
    ),
    *(Answer(502, f'{{"error": {error}}}') for error in ('"Bad Gateway"', "null", '["x"]')),
    Answer(400, '{"error": "Bad Request"}'),
]


BEFORE = pytest.mark.parametrize("asked_before", [False, True], ids=["paying", "searching"])


def ours(order: Order, **columns: object) -> dict[str, Any]:
    """The refund re_1 of the order as Stripe shows it, or with these columns."""
    return {**shown(Entry("re_1", order.payment, 1250, "GBP", order.reference)), **columns}


@BEFORE
@pytest.mark.parametrize("answer", NONSENSE, ids=lambda answer: answer.body)
def test_nonsense_from_a_proxy_is_tried_again(
    server: StripeServer, stripe: Stripe, order: Order, answer: Answer, asked_before: bool
) -> None:
    """JSON that is not Stripe's says nothing about the refund, which the next attempt pays."""
    server.answers.append(answer)
    with pytest.raises(TryAgain, match=r"^Stripe answered with something that is not a refund$"):
        stripe.refund(again(order, asked_before=asked_before), "key-1")
    assert len(server.asked) == 1
    assert server.provider.refunds == []
    receipt = paid(stripe, again(order), "key-1")
    assert [entry.id for entry in server.provider.refunds] == [receipt]


def test_a_refund_of_ours_is_found_on_the_second_page(server: StripeServer, stripe: Stripe, order: Order) -> None:
    """As many pages are read as there are, each from the end of the one before."""
    full = [{"object": "refund", "id": f"re_{number}", "metadata": {}} for number in range(100)]
    server.answers.extend([listed(full, more=True), listed([ours(order, id="re_ours")])])
    assert stripe.refund(again(order), "key-1") == Settled("re_ours")
    asked = [(method, form.get("starting_after")) for method, _, form, _ in server.asked]
    assert asked == [("GET", None), ("GET", "re_99")]


@BEFORE
@pytest.mark.parametrize("status", ["reversed", "", None, 7, ["succeeded"]], ids=repr)
def test_an_unknown_status_is_never_success(
    server: StripeServer, stripe: Stripe, order: Order, status: object, asked_before: bool
) -> None:
    """It is neither settled nor refused, and asked again, because the refund can exist."""
    refund = ours(order, status=status)
    alone = Answer(200, json.dumps(refund))
    server.answers.extend([listed([refund]) if asked_before else alone, alone])
    with pytest.raises(TryAgain, match=r"^Stripe: refund re_1 has the unknown status .* which settles nothing$"):
        stripe.refund(again(order, asked_before=asked_before), "key-1")
    with pytest.raises(TryAgain, match="unknown status"):
        stripe.look_up(order, "re_1")


def test_reason_says_what_stripe_waits_for_or_why_it_failed(server: StripeServer, stripe: Stripe, order: Order) -> None:
    """An empty balance is the account's to fill, so that the operator reads of it. Stripe can give no reason."""
    waits = ours(order, status="pending", pending_reason="insufficient_funds")
    server.answers.extend(Answer(200, json.dumps(each)) for each in (waits, ours(order, status="failed")))
    assert stripe.refund(order, "key-1") == UnderWay("re_1", "Stripe: pending: insufficient_funds")
    with pytest.raises(Refused, match=r"^Stripe: refund re_1 failed: no reason given$"):
        stripe.look_up(order, "re_1")


@pytest.mark.parametrize(
    "answer",
    [
        *NONSENSE,
        *(error(status, "No") for status in (400, 401, 402, 403, 404, 409, 429, 500)),
        Answer(200, '{"object": "refund", "id": "re_9", "amount": 1250, "currency": "gbp", "status": "failed"}'),
    ],
    ids=lambda answer: f"{answer.status} {answer.body}",
)
def test_look_up_accepts_only_an_answer_about_the_refund(
    server: StripeServer, stripe: Stripe, order: Order, answer: Answer
) -> None:
    """An error, nonsense or another refund settles nothing."""
    receipt = paid(stripe, order, "key-1")
    server.answers.append(answer)
    with pytest.raises(TryAgain, match="Stripe"):
        stripe.look_up(order, receipt)
    assert stripe.look_up(order, receipt) == Settled(receipt)


def test_a_look_up_waits_as_long_as_stripe_asks(server: StripeServer, stripe: Stripe, order: Order) -> None:
    """Too many calls, with Retry-After."""
    server.answers.append(error(429, "Too many requests", {"Retry-After": "7"}, code="rate_limit"))
    with pytest.raises(TryAgain) as raised:
        stripe.look_up(order, "re_1")
    assert raised.value.after == timedelta(seconds=7)
