"""Amounts as Stripe counts them."""

import pytest

from refunds.domain.money import EXPONENTS
from refunds.gateways import Refused
from refunds.stripe.gateway import Stripe
from refunds.stripe.units import in_stripe_units

from ..gateways.contract import again, make_order
from .server import StripeServer

# Stripe's own list (https://docs.stripe.com/currencies, "Zero-decimal currencies"), but for UGX, which it describes
# under "Special cases" as well.
ZERO = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF"


@pytest.mark.parametrize(
    ("minor", "currency", "amount"),
    [
        *((1250, "EUR", 1250), (500, "JPY", 500), (5, "ISK", 500), (5, "UGX", 500)),
        *((500, "MGA", 5), (5120, "KWD", 5120), (1045, "HUF", 1045), (80_045, "TWD", 80_045)),
    ],
)
def test_an_amount_is_in_the_units_that_stripe_documents(minor: int, currency: str, amount: int) -> None:
    """5 kronur are 500 at Stripe, 5 ariary 5; HUF and TWD are special in payouts alone."""
    assert in_stripe_units(minor, currency) == amount


@pytest.mark.parametrize(
    ("minor", "currency", "reason"),
    [
        (5124, "KWD", "5.124 KWD is finer than what Stripe can pay in KWD; pay it by another way"),
        (1, "TND", "0.001 TND is finer than what Stripe can pay in TND"),
        (505, "MGA", "5.05 MGA is finer than what Stripe can pay in MGA"),
        (10_000, "UYW", "UYW is not a currency that Stripe documents; pay it by another way"),
        (1250, "XAU", "XAU is not a currency that Stripe documents"),
    ],
)
def test_an_amount_that_stripe_cannot_pay_is_refused_by_name(minor: int, currency: str, reason: str) -> None:
    """Nothing is rounded."""
    with pytest.raises(Refused) as raised:
        in_stripe_units(minor, currency)
    assert str(raised.value).startswith(reason)


def test_stripe_counts_every_other_currency_as_iso_4217_does() -> None:
    """The exceptions are the only ones among the currencies of up to three decimals."""
    zero = {currency for currency, decimals in EXPONENTS.items() if decimals == 0} - {"ISK", "UGX"} | {"MGA"}
    assert zero == set(ZERO.split())
    for currency, decimals in EXPONENTS.items():
        if decimals <= 3 and currency not in {"ISK", "UGX", "MGA"}:
            assert in_stripe_units(12_340, currency) == 12_340


@pytest.mark.parametrize(("minor", "currency", "amount"), [(5, "ISK", 500), (500, "MGA", 5)])
def test_a_refund_is_asked_for_and_recognised_in_stripes_units(
    server: StripeServer, stripe: Stripe, minor: int, currency: str, amount: int
) -> None:
    """At the first attempt, and when it is found again."""
    payment = server.provider.pay(amount, currency)
    order = make_order(payment, amount_minor=minor, currency=currency)
    receipt = stripe.refund(order, "key-1")
    assert [(entry.amount, entry.currency) for entry in server.provider.refunds] == [(amount, currency)]
    assert stripe.refund(again(order), "key-1") == receipt


def test_an_amount_that_stripe_cannot_pay_is_not_asked_for(server: StripeServer, stripe: Stripe) -> None:
    """No call leaves, at the first attempt or at a later one."""
    order = make_order(server.provider.pay(5124, "KWD"), amount_minor=5124, currency="KWD")
    for asked_before in (False, True):
        with pytest.raises(Refused, match=r"5\.124 KWD is finer"):
            stripe.refund(again(order, asked_before=asked_before), "key-1")
    assert server.asked == []
