"""The shape of Stripe's ids: which one is a payment, and what else an operator pastes."""

import sys

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import override
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from refunds.admin.values import masked
from refunds.errors import BadInput
from refunds.gateways import gateway_class
from refunds.stripe import ids

from .conftest import SECRET

GOOD = ["pi_3MtwBwLkdIwHu7ix28a3tqPa", "ch_3MmlLrLkdIwHu7ix0snN0B15", "py_1JAvPC2eZvKYlo2C", "ch_" + "0" * 14]


@pytest.mark.parametrize("payment", [*GOOD, "pi_" + "a" * 252])
def test_id_of_a_payment_is_accepted(payment: str) -> None:
    """Charges and payment intents, of 14 characters after the prefix to 255 in all."""
    ids.check(payment)


def said(payment: str) -> str:
    with pytest.raises(BadInput) as raised:
        ids.check(payment)
    return str(raised.value)


@pytest.mark.parametrize(
    ("payment", "words"),
    [
        ("cs_test_a1b2C3", ["a Stripe Checkout session, not a payment", "payment_intent (pi_…)"]),
        ("cs_live_a1b2C3", ["a Stripe Checkout session, not a payment", "payment_intent (pi_…)"]),
        ("re_3MtwBwLkdIwHu7ix", ["a refund, not a payment", "payment_intent or charge", '"Settled elsewhere"']),
        ("pyr_3MtwBwLkdIwHu7ix", ["a refund, not a payment"]),
        ("in_1MtHbELkdIwHu7ix", ["an invoice, not a payment"]),
        ("cus_NffrFeUfNV2Hib", ["a customer, not a payment"]),
        ("txn_1MiN3gLkdIwHu7ix", ["a balance transaction, not a payment", "source"]),
        ("sub_1MowQVLkdIwHu7ix", ["a subscription"]),
        ("evt_1NG8Du2eZvKYlo2C", ["an event"]),
        ("https://dashboard.stripe.com/payments/pi_3MtwBwLkdIwHu7ix28a3tqPa", ["a web address", "begins with pi_"]),
        ("", ["'' is not the id of a Stripe charge"]),
        ("PAYPAL-1", ["'PAYPAL-1' is not the id of a Stripe charge"]),
        ("PI_3MtwBwLkdIwHu7ix28a3tqPa", ["is not the id of a Stripe charge"]),
        ("pi-3MtwBwLkdIwHu7ix28a3tqPa", ["is not the id of a Stripe charge"]),
        ("pi_3MtwBw LkdIwHu7ix28a3tqPa", ["after pi_", "only letters and digits"]),
        ("ch_3MtwBwLkdIwHu7ix28a3tqPä", ["after ch_", "only letters and digits"]),
        ("pi_3MtwBwLkdIwHu7ix28a3tqPa\n", ["only letters and digits"]),
        ("pi_", ["only letters and digits"]),
        ("pi_3MtwBwLkdIwHu", ["has 16 characters", "at least 14 after pi_", "copy it whole"]),
        ("pi_" + "a" * 253, ["has 256 characters", "255 at most"]),
    ],
)
def test_other_id_is_refused_with_its_kind(payment: str, words: list[str]) -> None:
    """The error says what it is, and where the payment's id is found."""
    for word in words:
        assert word in said(payment)


@pytest.mark.parametrize(
    "secret",
    [
        *(SECRET, "sk_live_51Mt", "rk_live_51Mt", "pk_test_51Mt", "whsec_51Mt", "SK_LIVE_51Mt"),
        *("pi_3MtwBwLkdIwHu7ix28a3tqPa_secret_YrKJ", "key: sk_live_51Mt", "seti_1_secret_abc"),
    ],
)
def test_a_secret_is_refused_and_not_repeated(settings: Settings, secret: str) -> None:
    """Keys, webhook secrets and client secrets; pages mask them where the settings name Stripe."""
    settings.REFUNDS_GATEWAY = "stripe"
    text = said(secret)
    assert text.startswith("payment (a secret, not shown) is ")
    assert secret not in text
    assert secret.rpartition("_")[2] not in text
    assert masked(secret) == "(a secret, not shown)"


def test_refusal_is_in_the_language_of_the_page() -> None:
    """Both what the text is and what to do."""
    with override("uk"):
        assert said("in_1").startswith("платіж 'in_1' — це рахунок, а не платіж; відкрийте рахунок у Stripe")


def test_the_client_secret_of_a_payment_leads_to_its_id() -> None:
    """The id is the part before."""
    assert "the part before _secret_" in said("pi_3MtwBwLkdIwHu7ix28a3tqPa_secret_YrKJ")


@given(st.text() | st.builds(lambda prefix, rest: prefix + rest, st.sampled_from(["cs_", "sk_live_", "x_"]), st.text()))
def test_any_other_text_is_refused_in_one_paragraph(text: str) -> None:
    """No other error, and never more than a paragraph, whatever is pasted."""
    if text[:3] not in ids.PAYMENTS:
        assert len(said(text)) < 500


def test_the_web_process_checks_without_a_key(settings: Settings) -> None:
    """The class of the settings has the check; no gateway is made."""
    settings.REFUNDS_GATEWAY, settings.STRIPE_API_KEY = "stripe", ""
    gateway_class().check_payment(GOOD[0])
    with pytest.raises(BadInput, match="Checkout session"):
        gateway_class().check_payment("cs_1")


def test_a_gateway_that_is_missing_is_named(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Web process and worker say what to install."""
    monkeypatch.delitem(sys.modules, "refunds.stripe.gateway", raising=False)
    monkeypatch.setitem(sys.modules, "stripe", None)
    settings.REFUNDS_GATEWAY = "stripe"
    with pytest.raises(ImproperlyConfigured, match=r"pip install '\.\[stripe\]' in the clone of refunds"):
        gateway_class()
