"""Stripe's gateway where something else than Stripe answers, and where Stripe has much to list."""

import json

import pytest

from refunds.gateways import Order, TryAgain
from refunds.gateways.stripe import Stripe

from .contract import again
from .stripe_server import Answer, StripeServer
from .test_contract import plain_order


@pytest.fixture
def order(server: StripeServer) -> Order:
    """12.50 GBP of a charge of as much."""
    return Order(**plain_order(server.provider.pay(1250)))


NONSENSE = [
    *(Answer(200, body) for body in ("[]", "null", '"ok"', "5", "{}", '{"object": "balance"}', '{"object": "refund"}')),
    *(
        Answer(200, f'{{"object": "list", "data": {data}}}')
        for data in ("{}", "null", '["re_1"]', '[{"object": "refund"}]', '[], "has_more": true')
    ),
    *(Answer(502, f'{{"error": {error}}}') for error in ('"Bad Gateway"', "null", '["x"]')),
    Answer(400, '{"error": "Bad Request"}'),
]


@pytest.mark.parametrize("asked_before", [False, True], ids=["paying", "searching"])
@pytest.mark.parametrize("answer", NONSENSE, ids=lambda answer: answer.body)
def test_nonsense_from_whatever_stands_before_stripe_is_tried_again(
    server: StripeServer, stripe: Stripe, order: Order, answer: Answer, asked_before: bool
) -> None:
    """JSON that is nothing of Stripe's says nothing about the refund: one call, no refund, and paid by the next."""
    server.answers.append(answer)
    with pytest.raises(TryAgain, match=r"^Stripe answered with something that is not a refund$"):
        stripe.refund(again(order, asked_before=asked_before), "key-1")
    assert len(server.asked) == 1
    assert server.provider.refunds == []
    receipt = stripe.refund(again(order), "key-1")
    assert [entry.id for entry in server.provider.refunds] == [receipt]


def test_a_refund_of_ours_is_found_on_the_second_page(server: StripeServer, stripe: Stripe, order: Order) -> None:
    """As many pages are read as there are, each from the end of the one before."""
    full = [{"object": "refund", "id": f"re_{number}", "metadata": {}} for number in range(100)]
    ours = {
        "object": "refund",
        "id": "re_ours",
        "amount": 1250,
        "currency": "gbp",
        "metadata": {"refund": order.reference},
    }
    for refunds, more in ((full, True), ([ours], False)):
        page = {"object": "list", "url": "/v1/refunds", "has_more": more, "data": refunds}
        server.answers.append(Answer(200, json.dumps(page)))
    assert stripe.refund(again(order), "key-1") == "re_ours"
    assert [(method, form.get("starting_after")) for method, _, form, _ in server.asked] == [
        ("GET", None),
        ("GET", "re_99"),
    ]
