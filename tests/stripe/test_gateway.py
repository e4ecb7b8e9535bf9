"""Stripe's gateway: the contract, each kind of answer, and what it never says."""

import json
import logging
import socket
from datetime import timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import override
from pytest_django import Settings

from refunds.gateways import Order, Refused, TryAgain, gateway
from refunds.stripe.gateway import NEXT_SALES, Stripe

from ..factories import SECOND
from ..gateways.contract import ProviderContract, again, make_order, paid
from ..gateways.provider import Account
from ..tracking.contract import SlowWorld, TracksContract
from .conftest import SECRET
from .server import Answer, StripeServer, error


class TestStripe(ProviderContract, TracksContract):
    """The contract through Stripe's own client."""

    @pytest.fixture
    def world(self, server: StripeServer, stripe: Stripe) -> SlowWorld:
        return Account(stripe, server.provider)


@pytest.mark.parametrize(("payment", "name"), [("ch_1", "charge"), ("pi_1", "payment_intent")])
def test_stripe_is_told_amount_payment_reference_and_key(
    server: StripeServer, stripe: Stripe, payment: str, name: str
) -> None:
    """One call at a first attempt: the form and the key as committed before."""
    server.provider.payments[payment] = (1250, "GBP")
    stripe.refund(make_order(payment, reference="ref-1"), "key-1")
    ((method, path, form, headers),) = server.asked
    assert (method, path, headers["Idempotency-Key"]) == ("POST", "/v1/refunds", "key-1")
    assert form == {name: payment, "amount": "1250", "metadata[refund]": "ref-1"}


NO_PAYMENT = {
    **{text: rf"^payment '{text}' is not the id of a Stripe charge .*" for text in ("", "PAYPAL-1", "CH_1")},
    "cs_test_1": "'cs_test_1' is a Stripe Checkout session, not a payment; .* payment_intent",
    **dict.fromkeys((SECRET, "pi_1_secret_abc"), r"^payment \(a secret, not shown\) is "),
}


@pytest.mark.parametrize(("payment", "says"), NO_PAYMENT.items())
def test_text_that_names_no_payment_is_refused_without_a_call(
    server: StripeServer, stripe: Stripe, payment: str, says: str
) -> None:
    """The reason, in English because the row keeps it, says what it is and names the actions that help.

    It does not repeat a secret that a file brought.
    """
    with override("uk"), pytest.raises(Refused, match=says) as raised:
        stripe.refund(make_order(payment), "key-1")
    assert str(raised.value).endswith('; use "Correct the payment", or "Settled elsewhere"')
    assert server.asked == []
    assert (payment in str(raised.value)) == ("secret, not shown" not in says)


def test_earlier_payments_are_searched_first(server: StripeServer, stripe: Stripe, order: Order) -> None:
    """Oldest first, then the present one; text that names no payment is not asked for."""
    corrected = again(order, earlier_payments=("cs_1", "", "ch_nobody", "pi_9"))
    stripe.refund(corrected, "key-1:0:2")
    asked = [(method, form.get("charge") or form["payment_intent"]) for method, _, form, _ in server.asked]
    assert asked == [("GET", "ch_nobody"), ("GET", "pi_9"), ("GET", order.payment), ("POST", order.payment)]


@pytest.mark.parametrize(
    ("answer", "raised"),
    [(Answer(500, "{}"), TryAgain), (error(401, "Invalid API Key"), TryAgain), (error(400, "Bad limit"), Refused)],
)
def test_nothing_is_paid_while_an_earlier_payment_cannot_be_searched(
    server: StripeServer, stripe: Stripe, order: Order, answer: Answer, raised: type[Exception]
) -> None:
    """The refund can exist: an outage or another error does not say that it does not."""
    server.answers.append(answer)
    with pytest.raises(raised):
        stripe.refund(again(order, earlier_payments=("ch_nobody",)), "key-1:0:1")
    assert server.provider.refunds == []


def test_refund_in_another_currency_is_refused_with_its_id(server: StripeServer, stripe: Stripe) -> None:
    """The customer has money: no attempt pays the refund, not even on another payment, and an operator settles it."""
    wrong = make_order(server.provider.pay(1250, "USD"))
    corrected = again(wrong, payment=server.provider.pay(1250), earlier_payments=(wrong.payment,))
    says = r'Stripe refunded 1250 usd in minor units as re_3, but 12\.50 GBP is owed.*, then use "Settled elsewhere"$'
    for order, key in ((wrong, "key-1"), (again(wrong), "key-1"), (corrected, "key-1:1:1")):
        with pytest.raises(Refused, match=says):
            stripe.refund(order, key)
    assert len(server.provider.refunds) == 1


REFUND = {"amount": 1250, "currency": "gbp", "status": "succeeded"}
NO_ANSWER_YET = [
    (error(409, "There is currently another in-progress request using this Idempotent Key"), None),
    (error(429, "Too many requests", {"Retry-After": "7"}, code="rate_limit"), 7 * SECOND),
    (error(429, "Lock timeout", code="lock_timeout"), None),
    (error(400, "Too many requests", code="rate_limit"), None),
    (error(500, "An error occurred", type="api_error"), None),
    (error(503, "Down", {"Retry-After": "1.5"}, type="api_error"), 1.5 * SECOND),
    (error(401, "Invalid API Key provided"), None),
    (error(403, "The provided key does not have the required permissions"), None),
    (error(400, "Insufficient funds in your Stripe balance", code="balance_insufficient"), NEXT_SALES),
    (Answer(502, "<html>Bad gateway</html>"), None),
    (Answer(200, "<html>Welcome to our hotel</html>"), None),
    (Answer(200, '{"object": "refund", "id": "re_1'), None),
    (Answer(200, '{"hello": "world"}'), None),
    *((Answer(200, json.dumps({**REFUND, "id": receipt})), None) for receipt in ("", "x" * 256)),
]


@pytest.mark.parametrize(("answer", "after"), NO_ANSWER_YET, ids=lambda case: getattr(case, "body", None))
def test_answer_that_decides_nothing_is_tried_again(
    server: StripeServer, stripe: Stripe, order: Order, answer: Answer, after: timedelta | None
) -> None:
    """Conflict, rate, outage, our own key, an empty balance, nonsense: later again, as late as was asked, and paid."""
    server.answers.append(answer)
    with pytest.raises(TryAgain, match="Stripe") as raised:
        stripe.refund(order, "key-1")
    assert raised.value.after == after
    assert server.provider.refunds == []
    receipt = paid(stripe, again(order), "key-1")
    assert [entry.id for entry in server.provider.refunds] == [receipt]


NO = [
    (error(402, "Your card was declined", type="card_error", code="card_declined"), "card was declined"),
    (error(400, "Keys for idempotent requests", type="idempotency_error"), "Keys for idempotent requests"),
    (error(400, "This charge has been charged back", code="charge_disputed"), "charged back"),
]


@pytest.mark.parametrize(("answer", "says"), NO, ids=[case[1] for case in NO])
def test_refusal_counts_if_no_refund_of_ours_exists(
    server: StripeServer, stripe: Stripe, order: Order, answer: Answer, says: str
) -> None:
    """The gateway first searches Stripe's refunds; Stripe's message is the reason."""
    server.answers.append(answer)
    with pytest.raises(Refused, match=says):
        stripe.refund(order, "key-1")
    assert ([method for method, *_ in server.asked], server.provider.refunds) == (["POST", "GET"], [])


def test_error_after_a_success_pays_once(server: StripeServer, stripe: Stripe, order: Order) -> None:
    """A 500 after the refund was made, and remembered for the key: the refund is found and not made again."""
    server.answers.extend([Answer(500, "{}", after=True), Answer(503, "{}")])
    for each in (order, again(order)):
        with pytest.raises(TryAgain):
            stripe.refund(each, "key-1")
    receipt = paid(stripe, again(order), "key-1")
    assert [entry.id for entry in server.provider.refunds] == [receipt]
    assert [method for method, *_ in server.asked] == ["POST", "GET", "GET"]


def test_refusal_does_not_count_while_the_search_has_no_answer(
    server: StripeServer, stripe: Stripe, order: Order
) -> None:
    """It is not known yet whether a refund of ours exists."""
    server.answers.extend([error(400, "has already been refunded", code="charge_already_refunded"), Answer(500, "{}")])
    with pytest.raises(TryAgain):
        stripe.refund(order, "key-1")


@pytest.mark.parametrize(("listens", "says"), [(False, "Network error"), (True, "Timeout")])
def test_server_that_gives_no_answer_is_tried_again(settings: Settings, listens: bool, says: str) -> None:
    """It refuses the connection, or hangs for longer than the timeout."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        if listens:
            deaf.listen()
        settings.STRIPE_API_BASE = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        settings.STRIPE_API_KEY, settings.STRIPE_TIMEOUT = SECRET, 0.05
        with pytest.raises(TryAgain, match=says):
            Stripe().refund(make_order("ch_1"), "key-1")


@pytest.mark.parametrize("status", [401, 400, 500])
def test_the_api_key_is_in_no_reason_and_no_log(
    server: StripeServer, stripe: Stripe, order: Order, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even where the server repeats it, and the client logs all it can."""
    server.answers.extend([error(status, f"Invalid API Key provided: {SECRET}")] * 2)
    with caplog.at_level(logging.DEBUG), pytest.raises((TryAgain, Refused)) as raised:
        stripe.refund(order, "key-1")
    assert "***" in str(raised.value)
    for text in (str(raised.value), repr(raised.value), repr(stripe), str(vars(raised.value))):
        assert SECRET not in text
    assert server.asked[0][3]["Authorization"] == f"Bearer {SECRET}"
    assert caplog.records
    assert SECRET not in caplog.text


def test_missing_api_key_is_an_error(settings: Settings) -> None:
    """The error comes before any refund is attempted."""
    settings.REFUNDS_GATEWAY, settings.STRIPE_API_KEY = "stripe", ""
    with pytest.raises(ImproperlyConfigured, match="STRIPE_API_KEY is empty: put a secret or restricted key"):
        gateway()
