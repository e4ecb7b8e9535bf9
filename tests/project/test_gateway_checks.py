"""System checks of a gateway and a limiter of several rooms."""

from django.core.checks import run_checks
from pytest_django import Settings


def test_gateway_and_limiter_that_cannot_be_made_are_errors(settings: Settings) -> None:
    """The checks report what is missing before the first refund."""
    settings.REFUNDS_GATEWAY, settings.STRIPE_API_KEY, settings.REFUNDS_GATEWAY_RATE = "stripe", "", "often"
    found = {message.id: message.msg[:30] for message in run_checks()}
    assert found["refunds.E004"] == "REFUNDS_GATEWAY is 'stripe', b"
    assert found["refunds.E013"] == "REFUNDS_GATEWAY_RATE: 'often' "
