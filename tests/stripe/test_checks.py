"""System checks of Stripe's gateway and webhook."""

import pytest
from django.core.checks import run_checks
from pytest_django import Settings

from refunds.apps import LABEL


def ids(*, deploy: bool = False) -> list[str | None]:
    return [found.id for found in run_checks(include_deployment_checks=deploy) if f"{LABEL}." in str(found.id)]


def test_failures_after_success_that_nobody_would_notice_are_warned_of(settings: Settings) -> None:
    """Only where Stripe pays, and only when deploying: the webhook alone tells of them."""
    settings.STRIPE_API_KEY, settings.REFUNDS_GATEWAY_RATE = "sk_test_x", ""
    assert f"{LABEL}.W010" not in ids(deploy=True)
    for name in ("stripe", "refunds.stripe.gateway.Stripe"):
        settings.REFUNDS_GATEWAY, settings.STRIPE_WEBHOOK_SECRET = name, " "
        assert f"{LABEL}.W010" in ids(deploy=True)
        assert f"{LABEL}.W010" not in ids()
        settings.STRIPE_WEBHOOK_SECRET = "whsec_x"
        assert f"{LABEL}.W010" not in ids(deploy=True)


def test_a_webhook_that_cannot_verify_is_an_error(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret without Stripe's client is named before the first event comes."""
    settings.STRIPE_WEBHOOK_SECRET = "whsec_x"
    assert ids() == []
    monkeypatch.setattr("refunds.stripe.checks.find_spec", lambda _: None)
    assert ids() == [f"{LABEL}.E011"]


def test_stripe_without_a_limit_on_calls_is_warned_of(settings: Settings) -> None:
    """Only if Stripe pays, and only when deploying: a copy has no rate until its settings name one."""
    settings.STRIPE_API_KEY, settings.REFUNDS_GATEWAY_RATE = "sk_test_x", ""
    assert f"{LABEL}.W011" not in ids(deploy=True)
    settings.REFUNDS_GATEWAY = "stripe"
    assert f"{LABEL}.W011" in ids(deploy=True)
    assert f"{LABEL}.W011" not in ids()
    settings.REFUNDS_GATEWAY_RATE = "50/s"
    assert f"{LABEL}.W011" not in ids(deploy=True)
